"""Components of the Privacy page."""
