"""Runs on the nodes of a Ray cluster: our own table stays the truth, Ray carries each run to a node, and only the head writes the store."""
