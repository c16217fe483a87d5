"""Commands about the home as a whole: how it is, what can go, and a copy of it in one file."""
