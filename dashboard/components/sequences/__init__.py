"""Parts of the page Sequence."""
