"""Datasets, and how a request splits them."""
