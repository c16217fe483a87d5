"""Layouts of image folders, one a file."""
