"""A method's steps, frame by frame."""
