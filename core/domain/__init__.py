"""Plain data of the engine: requests, runs, studies, hyperparameters, descriptions; no torch, no I/O."""
