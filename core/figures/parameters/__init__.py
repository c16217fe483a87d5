"""Importance, alpha and changes of weights."""
