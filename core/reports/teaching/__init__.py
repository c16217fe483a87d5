"""A run as a class meets it: the story, a guess before the truth, links of a teacher, goals, the duel."""
