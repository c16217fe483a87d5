"""One page a file: ask, show, submit."""
