"""Components of the Result page."""
