"""Architectures, and what every one of them must satisfy."""
