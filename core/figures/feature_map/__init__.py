"""The map of features."""
