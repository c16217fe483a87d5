"""Who acts, and what of a home each role may change."""
