"""A whole home in one file, made while it is in use, and a home made of such a file."""
