"""Questions answered while the user waits: about a second, by the warm engine's process; no run, no write."""
