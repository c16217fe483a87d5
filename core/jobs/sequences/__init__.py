"""Sequences of forget requests, asked for and followed; no torch."""
