"""Features of a finished run's networks and the joint map of them: background analyses, stored and cancellable."""
