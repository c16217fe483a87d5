"""Components of the Inside page: each method step by step."""
