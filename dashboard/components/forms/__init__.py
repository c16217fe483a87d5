"""Forms: what to forget, by which method, uploads."""
