"""What a home's disk holds: how much, what of it nobody needs any more, and how much it may become."""
