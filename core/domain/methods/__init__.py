"""What is said of methods by their keys: chains, ablations, and networks that no method of ours unlearned; no torch."""
