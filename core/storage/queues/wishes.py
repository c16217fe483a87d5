"""Who waits for a run: an equal spec asked for by two people is one run, which is computed until both have given it up.

Asking for what somebody else asked for too always works, and changes nothing of it: it is how shared work is found.
"""

import json
import sqlite3

from core.domain.run import ACTIVE, RunStatus
from core.storage.access import actors
from core.storage.access.actors import ADMIN, Forbidden

# Whether a study, or a run that this one was asked for along with, waits for it that is not of who acts.
_AWAITED = """
    select exists (select 1 from study_runs as s join studies on studies.id = s.study_id
            where s.run_id = :run and not s.stands_in and not studies.cancelled and studies.owner is not :me)
        or exists (select 1 from companions as c join runs as o on o.id = c.run_id
            where c.companion = :run and o.status in ('queued', 'running') and o.owner is not :me
                and not exists (select 1 from json_each(case when json_valid(o.askers) then o.askers else '[]' end) where value = :me))
"""


def of_others(write: sqlite3.Connection, run_id: str) -> sqlite3.Row | None:
    """The run where it is there and somebody else's; None where it is not, or may be changed by who acts."""
    if actors.current() is None:
        return None
    row: sqlite3.Row | None = write.execute("select owner, status, evaluation from runs where id = ?", (run_id,)).fetchone()
    return None if row is None or actors.may_change(row["owner"]) else row


def check_again(row: sqlite3.Row, run_id: str) -> None:
    """Raises Forbidden where computing somebody else's finished run again would replace its numbers."""
    if row["status"] == RunStatus.DONE:
        whose = f"{row['owner']}'s" if row["owner"] else "nobody's in particular"
        raise Forbidden(f"Run {run_id} is finished and {whose}: only its owner or an admin can have it computed again.")


def note(write: sqlite3.Connection, run_id: str, me: str) -> None:
    """`me` waits for the run too. Without a login nothing is noted."""
    if me and me not in (asked := _askers(write, run_id)):
        write.execute("update runs set askers = ? where id = ?", (json.dumps([*asked, me]), run_id))


def require(write: sqlite3.Connection, run_id: str) -> None:
    """Raises Forbidden where who acts neither owns the run nor waits for it."""
    acts = actors.current()
    if acts is None or acts.role == ADMIN:
        return
    row = write.execute("select owner from runs where id = ?", (run_id,)).fetchone()
    if row and row["owner"] != acts.id and acts.id not in _askers(write, run_id):
        raise Forbidden(actors.not_yours(row["owner"], f"run {run_id}"))


def given_up(write: sqlite3.Connection, run_id: str) -> bool:
    """Whether the run goes on for others, and only the wish of who acts is gone; an admin's word, and the system's, ends it for all."""
    require(write, run_id)
    acts = actors.current()
    if acts is None or acts.role == ADMIN:
        return False
    status = write.execute("select status from runs where id = ?", (run_id,)).fetchone()["status"]
    others = [one for one in _askers(write, run_id) if one != acts.id]
    if status not in ACTIVE or not (others or write.execute(_AWAITED, {"run": run_id, "me": acts.id}).fetchone()[0]):
        return False
    with actors.as_system():
        write.execute("update runs set askers = ?, alone = ? where id = ?", (json.dumps(others), bool(others), run_id))
    return True


def _askers(write: sqlite3.Connection, run_id: str) -> list[str]:
    """Nobody where the row is damaged."""
    row = write.execute("select askers from runs where id = ?", (run_id,)).fetchone()
    try:
        found = json.loads(row["askers"]) if row else []
    except (ValueError, TypeError, RecursionError):
        return []
    return [one for one in found if type(one) is str] if isinstance(found, list) else []
