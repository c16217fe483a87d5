"""The image under the pointer, shown at once under every network."""
