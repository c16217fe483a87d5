"""The list of runs, a page of it at a time: filtered, searched and sorted by SQLite, however many there are."""

from dataclasses import dataclass, replace
import json

from core.domain.errors import WrongInput
from core.domain.run import RunStatus
from core.storage.record_types import DamagedRun, Run
from core.storage.rows import is_number, of_spec, run_of
from core.storage.runs import ResultStore

FILTERS = {
    "dataset": of_spec("dataset"), "model": of_spec("model"), "method": of_spec("method"), "kind": of_spec("request.kind"),
    "status": "status",
}  # fmt: skip
_TAGS = "json_each(case when json_valid(runs.tags) then runs.tags else '[]' end)"
_ASKERS = "json_each(case when json_valid(runs.askers) then runs.askers else '[]' end)"
SORTS = {
    "newest": "turn desc", "oldest": "turn", "last finished": "finished_at desc, turn desc",
    "longest": "julianday(finished_at) - julianday(started_at) desc, turn desc", "dataset": f"{FILTERS['dataset']}, turn desc",
    "method": f"{FILTERS['method']}, turn desc", "status": "status, turn desc",
}  # fmt: skip
LONGEST, MOST_WORDS = 200, 12  # letters and words of a search
# What a search looks through: as the command line writes a request and its settings.
_AMOUNT = f"rtrim(rtrim({of_spec('request.amount')}, '0'), '.')"
_DRAW = f"case when {of_spec('request.seed')} then '@' || {of_spec('request.seed')} else '' end"
_PICKS = f"replace(trim({of_spec('request.picks')}, '[]'), ' ', '')"
_PARAMS, _RECIPE = (f"replace(replace({of_spec(name)}, '\":', '='), '\"', '')" for name in ("params", "recipe"))
_SEARCHED = " || ' ' || ".join(
    f"coalesce({part}, '')"
    for part in (
        "id", "status", *(FILTERS[name] for name in ("dataset", "model", "method")), f"{FILTERS['kind']} || ':' || {_PICKS}",
        f"{FILTERS['kind']} || ':' || coalesce({of_spec('request.column')} || '=', '') || {_PICKS}",
        f"{FILTERS['kind']} || ':' || {_AMOUNT} || {_DRAW}", f"'seed ' || {of_spec('seed')}", f"'seed=' || {of_spec('seed')}", _PARAMS,
        _RECIPE, of_spec("device"), "error", "label", "tags", "remark",
    )
)  # fmt: skip


@dataclass(frozen=True)
class Wanted:
    """Which runs: of these values, where any are named; with all these words in them; in this order (one of SORTS)."""

    dataset: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    method: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()  # of request
    status: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()  # one of them
    text: str = ""
    sort: str = "newest"
    of: str = ""  # owner, or who asked for it too; '' for everybody's
    companions: bool = True  # also runs that nobody asked for but along with another that is there, such as its second reference


ALL = Wanted()
_ALONG_WITH = "exists (select 1 from companions as c join runs as main on main.id = c.run_id where c.companion = runs.id)"
_STUDY = """
    select m.run_id, s.id, s.title from study_runs as m join studies as s on s.id = m.study_id
    where m.run_id in (select value from json_each(:ids)) order by s.rowid desc
"""
_COMPANION = """
    select c.run_id, r.status, r.share from companions as c join runs as r on r.id = c.companion
    where c.run_id in (select value from json_each(:ids)) order by r.rowid
"""


@dataclass(frozen=True)
class Related:
    """Of a listed run: the first study that asked for it, and the state of the run that was asked for along with it."""

    study_id: str = ""
    study_title: str = ""
    companion: str = ""  # a RunStatus
    share: float = 0.0  # of the companion's progress


def related_of(store: ResultStore, ids: list[str]) -> dict[str, Related]:
    """Run -> what belongs to it; runs with nothing are left out."""
    found = dict[str, Related]()
    values = {"ids": json.dumps(ids)}
    for row in store.db.read(_STUDY, values):
        if type(row["id"]) is type(row["title"]) is str:
            found[row["run_id"]] = Related(row["id"], row["title"])
    for row in store.db.read(_COMPANION, values):
        if row["status"] in set(RunStatus) and is_number(row["share"]):
            found[row["run_id"]] = replace(found.get(row["run_id"], Related()), companion=row["status"], share=float(row["share"]))
    return found


def page_of(store: ResultStore, wanted: Wanted = ALL, first: int = 0, most: int = -1) -> list[Run | DamagedRun]:
    """At most `most` of the wanted runs (-1: all), from the one at `first` on. Raises WrongInput for an order that is none."""
    if wanted.sort not in SORTS:
        raise WrongInput(f"Runs can be sorted by {', '.join(SORTS)}; got {wanted.sort!r:.60}.")
    where, values = _where(wanted)
    sql = f"select rowid as row, * from runs where {where} order by {SORTS[wanted.sort]}, rowid desc limit :most offset :first"
    return [run_of(row) for row in store.db.read(sql, {**values, "most": min(most, 2**62), "first": min(max(first, 0), 2**62)})]


def count(store: ResultStore, wanted: Wanted = ALL) -> int:
    """How many runs are wanted."""
    where, values = _where(wanted)
    return int(store.db.read(f"select count(*) as n from runs where {where}", values)[0]["n"])


def choices(store: ResultStore) -> dict[str, list[str]]:
    """Each of FILTERS, and `tag` -> the values that runs have, in order."""
    asked = {name: f"select distinct {of} as value from runs where {of} is not null order by 1" for name, of in FILTERS.items()}
    asked["tag"] = f"select distinct value from runs, {_TAGS} where runs.tags != '[]' order by 1"
    return {
        name: [row["value"] for row in store.db.read(sql) if type(row["value"]) is str and row["value"].isprintable()]
        for name, sql in asked.items()
    }


def ids_of(store: ResultStore, wanted: Wanted) -> list[str]:
    """All of them, by id, in their order; rows without one are left out."""
    where, values = _where(wanted)
    rows = store.db.read(f"select id from runs where {where} order by {SORTS[wanted.sort]}, rowid desc", values)
    return [row["id"] for row in rows if type(row["id"]) is str]


def _where(wanted: Wanted) -> tuple[str, dict[str, str | int]]:
    """SQL, and its values."""
    parts, values = ["1"], dict[str, str | int]()
    for name, of in FILTERS.items():
        if chosen := getattr(wanted, name):
            parts.append(f"{of} in (select value from json_each(:{name}))")
            values[name] = json.dumps(chosen)
    if not wanted.companions:
        parts.append(f"(alone or not {_ALONG_WITH})")
    if wanted.of:
        parts.append(f"(owner = :of or exists (select 1 from {_ASKERS} where value = :of))")
        values["of"] = wanted.of
    if wanted.tag:
        parts.append(f"exists (select 1 from {_TAGS} where value in (select value from json_each(:tag)))")
        values["tag"] = json.dumps(wanted.tag)
    for number, word in enumerate(wanted.text[:LONGEST].split()[:MOST_WORDS]):
        parts.append(f"({_SEARCHED}) like :word{number} escape '\\'")
        shown = word.encode(errors="replace").decode()  # the command line may hand over bytes that are no text
        for mark in ("\\", "%", "_"):
            shown = shown.replace(mark, f"\\{mark}")
        values[f"word{number}"] = f"%{shown}%"
    return " and ".join(parts), values
