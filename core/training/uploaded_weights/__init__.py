"""Uploaded weights: read in a process with bounds, matched to an architecture, evaluated on the dataset, stored in the home."""
