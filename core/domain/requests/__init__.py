"""What is to be forgotten: a kind of request is one class in one file, and one line of the registry."""
