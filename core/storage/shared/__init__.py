"""What runs share: which of their stages come to the same, and how a node of a cluster asks another machine for it."""
