"""Sequences of forget requests: each is forgotten from the network that the one before it left, and held against retraining each time."""
