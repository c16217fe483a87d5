"""The built-in datasets, one a file."""
