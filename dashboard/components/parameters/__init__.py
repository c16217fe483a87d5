"""Components of the Parameters page."""
