"""Parts of the Story page."""
