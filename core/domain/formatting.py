"""Numbers as text: shares in percent, durations."""


def percent(share: float) -> str:
    """A share as text, one decimal where it says something."""
    text = f"{100 * share:.1f}".removesuffix(".0")
    return f"{text} %"


def duration(seconds: float) -> str:
    """Two units at most: 45 s, 1 min 30 s, 2 h, 3 d 4 h. Below a second it is 1 s."""
    left, sizes = max(1, round(seconds)), ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
    first = next(index for index, (size, _) in enumerate(sizes) if left >= size)
    parts: list[str] = []
    for size, unit in sizes[first : first + 2]:
        if left >= size:
            parts.append(f"{left // size} {unit}")
        left %= size
    return " ".join(parts)
