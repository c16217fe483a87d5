"""A user's own images: read, checked and stored as a dataset."""
