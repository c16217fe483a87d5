"""Cartoon faces: a synthetic dataset, drawn by our own generator."""
