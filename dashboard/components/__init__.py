"""Pieces of pages: forms, figures, image grids, live progress."""
