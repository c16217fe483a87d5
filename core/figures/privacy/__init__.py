"""Attack, attacked images, recoverability."""
