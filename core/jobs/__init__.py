"""Runs executed: asked for, started in processes of their own, watched, ended."""
