"""A home looked after: what can go, and how all of it stands."""
