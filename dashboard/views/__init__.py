"""The pages, one file each: ask, show, submit."""
