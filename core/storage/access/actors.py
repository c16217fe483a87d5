"""Who acts: nobody in particular (a program of this machine, or no login is on), or a person who is logged in with a role.

Whoever has the files has them: the command line, the Python API and the queue's processes act as the system. A server with a login
installs a resolver that says who acts in the present context; from then on nothing acts as the system unless it says so.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from core.domain.errors import WrongInput

ADMIN, MEMBER, READER = ROLES = ("admin", "member", "reader")
CHANGES_NOTHING = "As a reader you can look at everything and change nothing; ask an admin of this server for another role."


class Forbidden(WrongInput):
    """Who acts may not do that: the message is one sentence that says who may."""


@dataclass(frozen=True)
class Actor:
    """A person. id: e-mail address in small letters, which is what owns things; role: one of ROLES; name: for a page."""

    id: str
    role: str
    name: str = ""

    @property
    def member(self) -> str | None:
        """What he owns by; None for a reader, who owns nothing that he could change."""
        return self.id if self.role in (ADMIN, MEMBER) else None


class _System:
    """Everything is allowed."""


_SYSTEM = _System()
_AS: ContextVar[Actor | _System | None] = ContextVar("acts_as", default=None)
_resolvers: list[Callable[[], Actor]] = []  # one, or none


def install(resolver: Callable[[], Actor]) -> None:
    """From now on this process acts for people. resolver: who acts in this context; raises Forbidden where that is nobody who may look."""
    _resolvers[:] = [resolver]


def uninstall() -> None:
    """The process acts as the system again: for tests alone."""
    _resolvers.clear()


def current() -> Actor | None:
    """Who acts; None for the system. Raises Forbidden where nobody is logged in who may look."""
    acts = _AS.get()
    if acts is not None:
        return acts if isinstance(acts, Actor) else None
    return _resolvers[0]() if _resolvers else None


def is_system() -> bool:
    """Whether the system was said to act, inside of whatever a person does."""
    return _AS.get() is _SYSTEM


@contextmanager
def as_system() -> Iterator[None]:
    """What is done inside is the home's own upkeep, or was decided already: no role stands in its way."""
    before = _AS.set(_SYSTEM)
    try:
        yield
    finally:
        _AS.reset(before)


@contextmanager
def acting_as(actor: Actor) -> Iterator[None]:
    """For what is asked outside a page, such as an address of its own."""
    before = _AS.set(actor)
    try:
        yield
    finally:
        _AS.reset(before)


def owner() -> str:
    """Whose what is made now is; '' for the system's. Raises Forbidden."""
    acts = current()
    return acts.id if acts else ""


def may_change(whose: object) -> bool:
    """Whether who acts may change what is of that owner. Raises Forbidden where nobody is logged in."""
    acts = current()
    return acts is None or acts.role == ADMIN or (acts.role == MEMBER and bool(whose) and acts.id == whose)


def require_member(what: str) -> None:
    """Raises Forbidden for a reader. what: is done, as `import images`."""
    acts = current()
    if acts is not None and acts.member is None:
        raise Forbidden(f"Only members and admins of this server may {what}. {CHANGES_NOTHING}")


def require_admin(what: str) -> None:
    """Raises Forbidden for all but admins and the system."""
    acts = current()
    if acts is not None and acts.role != ADMIN:
        raise Forbidden(f"Only admins of this server may {what}.")


def require_owner(whose: object, what: str) -> None:
    """Raises Forbidden where it is somebody else's. what: it is, as `study s12`."""
    require_member(f"change {what}")
    if not may_change(whose):
        raise Forbidden(not_yours(whose, what))


def not_yours(whose: object, what: str) -> str:
    """The one sentence for what is somebody else's."""
    if not whose:
        return f"{what[:1].upper()}{what[1:]} was made without a login, so only an admin of this server may change it."
    return f"{what[:1].upper()}{what[1:]} is {whose!s:.100}'s: only its owner or an admin of this server may change it."
