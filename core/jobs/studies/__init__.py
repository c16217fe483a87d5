"""A study: one request, several methods and settings, several seeds; asked for in one go, read as one table."""
