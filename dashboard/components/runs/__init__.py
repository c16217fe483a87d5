"""The list of runs: a row each, and what a person writes on a run."""
