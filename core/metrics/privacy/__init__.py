"""Who can tell what a model has seen: attacks on scores, one network at a time and over several seeds; no torch."""
