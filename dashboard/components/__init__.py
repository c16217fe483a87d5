"""Pieces of pages: forms, figures, image walls, live progress."""
