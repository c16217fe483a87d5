"""Bars by class that a reader drags to a guess."""
