"""A shelf: what the engine knows by key, refusing in words what is not there."""

from typing import Generic, TypeVar

from core.domain.errors import WrongInput

T = TypeVar("T")


class Shelf(dict[str, T], Generic[T]):
    """A dict by key, in the order in which pages offer what lies here."""

    def __init__(self, kind: str, things: dict[str, T]) -> None:
        """kind: what lies here, in a word."""
        super().__init__(things)
        self._kind = kind

    def __missing__(self, key: str) -> T:
        """Of a stored run whose extension has been taken away, say. Raises WrongInput."""
        raise WrongInput(f"There is no {self._kind} {key!r:.80} here; if an extension brought it, that is gone or cannot be used.")
