"""Tuning: searches of a method's hyperparameters, by what a practitioner has (blind) or by the retrained reference (oracle)."""
