"""The command line: the same validation, the same queue and the same store as the pages."""
