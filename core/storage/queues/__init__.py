"""The queues of runs and of background jobs: order, and each row's way from queued to its end; no torch."""
