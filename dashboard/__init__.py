"""The user interface: submits runs and shows results; computes nothing and never imports torch."""
