"""What `doctor` says: a line for each thing looked at, with what to do where something is not right."""

from dataclasses import dataclass

OK, WARNING, FAULT = "ok", "warning", "fault"


@dataclass(frozen=True)
class Line:
    """status: OK, WARNING (it works, but look at it) or FAULT (something cannot work). says: one sentence, with what to do unless OK."""

    status: str
    about: str
    says: str


def some(names: list[str], most: int = 3) -> str:
    """The first few of them, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def counted(count: int, one: str, many: str = "") -> str:
    """`1 run`, `2 runs`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
