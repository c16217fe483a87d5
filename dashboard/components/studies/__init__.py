"""Components of the Studies page."""
