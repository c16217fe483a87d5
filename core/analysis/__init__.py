"""Analyses of a finished run: interactive ones of about a second, in the engine's process, and longer ones in the background."""
