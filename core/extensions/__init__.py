"""Files of a user's own that join the shelves: read, checked, begun."""
