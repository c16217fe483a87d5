"""How a network is trained: the parts of a recipe, and what of one is its user's own."""
