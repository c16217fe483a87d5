"""Parts of the Duel page."""
