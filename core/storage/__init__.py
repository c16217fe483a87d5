"""What a home keeps: runs and their numbers in one SQLite file, arrays and tables in files beside it."""
