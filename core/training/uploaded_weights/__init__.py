"""Weights that a user brings: read apart and bounded, fitted to an architecture, tried on the dataset, kept in the home."""
