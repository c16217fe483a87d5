"""Words that came from outside, made harmless for markdown."""

import re

_MARKS = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~:$&^=])")


def plain(text: str) -> str:
    """Shown letter for letter: no image is fetched, no link or formula made of what a user or an error says."""
    return _MARKS.sub(r"\\\1", text)
