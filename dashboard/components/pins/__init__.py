"""Pins: figures, pictures and sentences of any page become slides of a deck."""
