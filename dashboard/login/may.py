"""What a button says to who may not press it. The store is what refuses; this saves a click."""

from typing import TypedDict

from core.figures.markdown import plain
from core.storage.access import actors
from core.storage.access.actors import ADMIN, CHANGES_NOTHING, Forbidden
from dashboard.login.sessions import is_on


class Barred(TypedDict, total=False):
    """Arguments of a button."""

    disabled: bool
    help: str


def barred(*owners: str, what: str = "this", admins: bool = False) -> Barred:
    """Nothing where who acts may press it. owners: of what it changes, any of them; none: what any member may do. admins: they alone."""
    if not is_on():
        return {}
    try:
        acts = actors.current()
    except Forbidden as forbidden:
        return {"disabled": True, "help": str(forbidden)}
    if acts is None or acts.role == ADMIN:
        return {}
    if acts.member is None:
        return {"disabled": True, "help": CHANGES_NOTHING}
    if admins:
        return {"disabled": True, "help": "Only admins of this server may do this."}
    return {} if not owners or acts.id in owners else {"disabled": True, "help": actors.not_yours(owners[0], what)}


def whose(owner: str) -> str:
    """For a row: `you`, or the address without its domain where everybody's is the same; '' where no login is on."""
    if not is_on():
        return ""
    acts = actors.current()
    return "you" if acts and owner == acts.id else owner or "no login"


def said_of(owner: str) -> str:
    """Markdown that follows an id: ` · you`; '' where no login is on."""
    return f" · {plain(said)}" if (said := whose(owner)) else ""


def me() -> str:
    """The address of who acts; '' where no login is on."""
    return actors.owner() if is_on() else ""
