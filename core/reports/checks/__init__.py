"""Automatic checks of a run, each with a sentence that holds the numbers it rests on."""
