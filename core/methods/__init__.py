"""Unlearning methods, one a file."""
