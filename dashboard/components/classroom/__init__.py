"""A class: what a teacher's link fixes and hides, its goal, its maker, and the guesses of a class."""
