"""What people in front of a screen make: decks of slides, guesses of a class, duels."""
