"""Membership inference attacks on scores, of one network and over several seeds; no torch."""
