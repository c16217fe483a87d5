"""Questions about a finished run's weights."""
