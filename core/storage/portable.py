"""Finished runs and studies as plain data that another home can hold: taken out of this one, or brought into it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from importlib.metadata import version
from itertools import count
import json
import sqlite3
from typing import Any

from core.domain.code_version import LIBRARIES, version_of
from core.domain.errors import WrongInput
from core.domain.evaluation import Evaluation
from core.domain.info import DatasetInfo
from core.domain.run import Measurement, RunSpec, RunStatus, digest
from core.storage import studies
from core.storage.access import actors
from core.storage.record_types import Forecast, Imported, Run
from core.storage.related_runs import precompute_seconds
from core.storage.rows import imported_of, of_spec
from core.storage.runs import ResultStore
from core.storage.studies import Member, StoredStudy

HERE, NEW_ID, ALREADY, COMPLETED = "imported", "imported under another id", "already here", "completed: runs that it lacked were imported"
Describe = Callable[[RunSpec], DatasetInfo | None]  # a run's dataset, where it is no built-in one

_INSERT = """
    insert into runs (id, spec, status, turn, share, created_at, started_at, finished_at, device, seconds, speedup, evaluation, threads,
        peak_bytes, forecast, imported, owner, alone)
    values (:id, :spec, 'done', coalesce((select turn from runs where typeof(turn) = 'integer' order by turn desc limit 1), 0) + 1, 1,
        :created_at, :started_at, :finished_at, :device, :seconds, :speedup, :evaluation, :threads, :peak_bytes, :forecast,
        :imported, :owner, 1)
"""
_DATASET = f"select imported from runs where imported != '' and {of_spec('dataset')} = ? order by turn desc"
_IMPORTED = "select id, imported from runs where imported != '' and id in (select value from json_each(?)) order by turn"


@dataclass(frozen=True)
class PortableRun:
    """A finished run; times as the database has them. files: name -> file of Artifacts."""

    id: str
    spec: RunSpec
    created_at: str
    started_at: str | None
    finished_at: str
    device: str
    threads: int | None
    peak_bytes: int | None
    seconds: dict[str, float]
    speedup: float | None
    precompute_seconds: float
    evaluation: Evaluation
    forecast: Forecast | None
    numbers: tuple[Measurement, ...]
    files: dict[str, str]
    libraries: dict[str, str]
    dataset: DatasetInfo | None

    @property
    def content(self) -> dict[str, Any]:
        """All that it found, as plain data: two runs with equal contents are the same one. Without what was stored of it as files."""
        return {
            "spec": self.spec.id, "started": self.started_at, "finished": self.finished_at, "device": self.device,
            "seconds": self.seconds, "speedup": self.speedup, "evaluation": asdict(self.evaluation),
            "numbers": sorted((m.model, m.metric, repr(m.value), m.reason) for m in self.numbers),
        }  # fmt: skip


@dataclass(frozen=True)
class PortableStudy:
    """A study. runs: (id, variant, whether it stands in) of those of its runs that are done, in their order."""

    id: str
    title: str
    plan: str
    created_at: str
    runs: tuple[tuple[str, int, bool], ...]


@dataclass(frozen=True)
class Brought:
    """What became of one run or study of a bundle. id: what it is called here; how: HERE, NEW_ID, ALREADY, or of a study COMPLETED."""

    of: str
    id: str
    how: str


def portable(store: ResultStore, run: Run, describe: Describe) -> PortableRun:
    """A run that is done, as it is stored. What it says of its libraries is known where the code is still the run's."""
    files = store.artifacts(run.id)
    mine = run.imported is None and run.spec.engine == version_of(run.spec)
    libraries = run.imported.libraries if run.imported else {name: version(name) for name in sorted(LIBRARIES)} if mine else {}
    started, finished = (_time(moment) if moment else None for moment in (run.started_at, run.finished_at))
    return PortableRun(
        run.id, run.spec, _time(run.created_at), started, finished or _time(run.created_at), run.device, run.threads, run.peak_bytes,
        run.seconds, run.speedup, precompute_seconds(store, run, files), store.evaluation(run.id), run.forecast,
        tuple(store.measurements(run.id)), files, libraries, run.imported.dataset if run.imported else describe(run.spec),
    )  # fmt: skip


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


def dataset_of(store: ResultStore, key: str) -> DatasetInfo | None:
    """The description of a dataset that an imported run brought along; None where none did."""
    for row in store.db.read(_DATASET, (key,)):
        with suppress(WrongInput):  # a damaged row
            found = imported_of(row["imported"])
            if found and found.dataset and found.dataset.key == key:
                return found.dataset
    return None


def imported_among(store: ResultStore, run_ids: Sequence[str]) -> dict[str, str]:
    """Those of the runs that came in a bundle -> its name."""
    found = {}
    for row in store.db.read(_IMPORTED, (json.dumps(list(run_ids)),)):
        with suppress(WrongInput):  # as above
            if came := imported_of(row["imported"]):
                found[row["id"]] = came.file
    return found


def bring_in(store: ResultStore, runs: Sequence[PortableRun], stories: Iterable[PortableStudy], came: Imported) -> list[Brought]:
    """Write them all, or nothing. One that is here already with the same content stays; beside another of its id it gets a new one.

    came: the file and the moment; what is each run's own is filled in here. Their files are in Artifacts already.
    """
    brought, ids = list[Brought](), dict[str, str]()
    with store.db.transaction() as write:
        for run in runs:
            one = _bring_run(store, write, run, came)
            brought.append(one)
            ids[run.id] = one.id
        for study in stories:
            here = tuple((ids[run_id], variant, stands_in) for run_id, variant, stands_in in study.runs)
            brought.append(_bring_study(store, write, replace(study, runs=here), came))
    return brought


def _bring_run(store: ResultStore, write: sqlite3.Connection, run: PortableRun, came: Imported) -> Brought:
    for run_id in _ids(run.spec.id, "", [run.content, run.files]):
        there = store.row(run_id)
        if there is None:
            break
        if isinstance(there, Run) and there.status == RunStatus.DONE and _same(store, there, run):
            return Brought(run.id, run_id, ALREADY)
    about = replace(came, id=run.id, precompute_seconds=run.precompute_seconds, libraries=run.libraries, dataset=run.dataset)
    write.execute(_INSERT, {
        "id": run_id, "spec": run.spec.to_json(), "created_at": run.created_at, "started_at": run.started_at,
        "finished_at": run.finished_at, "device": run.device, "seconds": json.dumps(run.seconds), "speedup": run.speedup,
        "evaluation": run.evaluation.text, "threads": run.threads, "peak_bytes": run.peak_bytes,
        "forecast": run.forecast.to_json() if run.forecast else "", "imported": about.to_json(),
        "owner": actors.owner(),
    })  # fmt: skip
    numbers = [(run_id, m.metric, m.model, m.value, m.reason) for m in run.numbers]
    write.executemany("insert into measurements values (?, ?, ?, ?, ?)", numbers)
    write.executemany("insert into artifacts values (?, ?, ?)", [(run_id, *item) for item in run.files.items()])
    return Brought(run.id, run_id, HERE if run_id == run.spec.id else NEW_ID)


def _ids(first: str, letter: str, content: list[Any]) -> Iterator[str]:
    """Without end: where the first is taken, those that the content gives. letter: with which they begin."""
    yield first
    for number in count():
        yield f"{letter}{digest([*content, number] if number else content)}"[:12]


def _same(store: ResultStore, here: Run, run: PortableRun) -> bool:
    """Whether the run that is here is that one, with all files that it brings."""
    return portable(store, here, lambda _: None).content == run.content and run.files.items() <= store.artifacts(here.id).items()


def _bring_study(store: ResultStore, write: sqlite3.Connection, study: PortableStudy, came: Imported) -> Brought:
    how = HERE
    for study_id in _ids(study.id, "s", [study.plan, study.runs]):
        there = studies.row(store, study_id)
        if there is None:
            how = HERE if study_id == study.id else NEW_ID
            about = (study_id, study.title, study.plan, study.created_at, replace(came, id=study.id).to_json(), actors.owner())
            write.execute("insert into studies (id, title, plan, created_at, imported, owner) values (?, ?, ?, ?, ?, ?)", about)
            break
        if isinstance(there, StoredStudy) and there.plan == study.plan:
            members = studies.members(store, study_id).get(study_id, [])
            if {(run.run_id, run.variant, run.stands_in) for run in members} >= set(study.runs):
                return Brought(study.id, study_id, ALREADY)
            if actors.may_change(there.owner) and _has_room(store, members, study):
                how = COMPLETED
                break
    write.executemany("insert or ignore into study_runs (study_id, run_id, variant, stands_in) values (?, ?, ?, ?)",
                      [(study_id, *run) for run in study.runs])  # fmt: skip
    return Brought(study.id, study_id, how)


def _has_room(store: ResultStore, members: Sequence[Member], study: PortableStudy) -> bool:
    """Whether each run that the study here lacks has a place that is empty: such a one was deleted here, and none took its place."""
    here, taken = {run.run_id for run in members}, {_place(store, run.run_id, run.variant) for run in members}
    return not any(_place(store, run_id, variant) in taken for run_id, variant, _ in study.runs if run_id not in here)


def _place(store: ResultStore, run_id: str, variant: int) -> tuple[int, int, str]:
    """Of a run in a study's table: variant, seed and request."""
    spec = store.existing(run_id).spec
    return variant, spec.seed, spec.request.text
