"""What people who share a server try at what is not theirs: every function that changes a home, on things of each owner.

`make bench ARGS=login` and the tests of `core/storage/access` use it; an action is tried on a home in which things of several owners lie.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
import hashlib
from io import BytesIO
import sqlite3
from typing import Any

import numpy as np

from core.domain.duel import OVER, Rules
from core.domain.evaluation import Evaluation
from core.domain.requests.classes import ClassRequest
from core.domain.requests.registry import parse_request
from core.domain.run import Measurement, RunSpec, RunStatus
from core.domain.study import StudyPlan, Variant
from core.export import examples
from core.export.bundle.bring import bring
from core.jobs import background, catalogue, import_dataset, submit, tuning
from core.jobs.sequences import submit as sequences
from core.jobs.studies import submit as study_jobs
from core.storage import portable, studies, trash
from core.storage.access import actors
from core.storage.access.actors import MEMBER, Actor
from core.storage.artifacts import Artifacts
from core.storage.audience import decks, duels, guesses
from core.storage.audience.decks import DeletedDeck, Slide
from core.storage.home import Home
from core.storage.processes import ProcessId
from core.storage.queues import job_queue, lifecycle, run_queue
from core.storage.queues.lifecycle import JOBS, RUNS
from core.storage.record_types import Imported, Label, Outcome
from core.storage.runs import ResultStore
from core.storage.studies import StoredStudy
from core.storage.upkeep import unneeded
from core.training.uploaded_weights import client
from core.tuning import home_presets
from core.tuning import journal as searches
from core.tuning.home_presets import HomePreset
from tests.core.sequences.planted import classes
from tests.core.tuning.searched import plan as search_plan

ADA, BEN, CLEO, ZOE, NOBODY = "ada@lab.example", "ben@lab.example", "cleo@lab.example", "zoe@lab.example", ""
PLAN = StudyPlan("digits", "small_cnn", ClassRequest((3,)), (Variant("ssd"),), (0,)).to_json()

RULES = Rules("digits", "small_cnn", 0.9, 3, 3, 1)


@dataclass
class Things:
    """Of one owner, each by its id. place: tells the things of one owner from those of another."""

    owner: str
    place: int
    done: str = ""
    running: str = ""
    queued: str = ""
    failed: str = ""
    deleted: str = ""
    study: str = ""
    deleted_study: str = ""
    job: str = ""
    running_job: str = ""
    deck: str = ""
    slide: str = ""
    duel: str = ""
    over: str = ""  # a duel
    search: str = ""
    sequence: str = ""
    specs: dict[str, RunSpec] = field(default_factory=dict)

    def spec(self, name: str) -> RunSpec:
        """Of a run of his."""
        return self.specs[name]


def make_things(home: Home, owner: str, place: int) -> Things:
    """Everything that somebody can have, in every state."""
    who = Actor(owner, MEMBER)
    it = Things(owner, place)
    for number, name in enumerate(("done", "deleted", "running", "failed", "queued")):
        it.specs[name] = RunSpec("digits", "small_cnn", parse_request("classes:3,5"), "ssd", {}, 100 * place + number)
        setattr(it, name, it.specs[name].id)
    with acting(who if owner else None), ResultStore(home.database) as store:
        _runs(home, store, it)
        it.study, it.deleted_study = f"study{place}", f"gone{place}"
        for study_id in (it.study, it.deleted_study):
            study = StoredStudy(study_id, f"of {owner}", PLAN, datetime.now(UTC))
            studies.save(store, study, [(0, it.spec("done"))], studies.studies(store))
        studies.forget(store, it.deleted_study)
        trash.throw(store.db, it.deleted)
        it.job, it.running_job = f"job{place}", f"running-job{place}"
        job_queue.add(store.db, it.job, lifecycle.ANALYSIS, {"of": place})
        it.deck = decks.make(store, f"of {owner}", [Slide("text", "one"), Slide("text", "two")])
        it.slide = decks.slides(store, it.deck)[0].id
        it.duel, over = duels.begin(store, RULES).code, duels.begin(store, RULES)
        it.over = duels.change(store, over, replace(over, version=1, stage=OVER)).code
        plan = search_plan(spec=replace(search_plan().spec, seed=place))
        searches.begin(home, plan)
        steps = classes(1, 2, seeds=(place,))
        sequences.journal.begin(home, steps)
        it.search, it.sequence = plan.id, steps.id
    with actors.as_system(), ResultStore(home.database) as store:
        job_queue.add(store.db, it.running_job, lifecycle.IMPORT, {})
        job_queue.claim(store.db, lifecycle.IMPORT, ProcessId.of_this_process())
        with store.db.transaction() as write:
            write.execute("update jobs set owner = ?, kind = 'sequence' where id = ?", (owner, it.running_job))
    return it


def acting(who: Actor | None) -> Any:
    """None: the system."""
    return actors.as_system() if who is None else actors.acting_as(who)


def _runs(home: Home, store: ResultStore, it: Things) -> None:
    file = Artifacts(home.artifacts_folder).put_arrays({"w": np.full(3, it.place, np.float32)})
    outcome = Outcome((Measurement("accuracy", "unlearned", 0.25),), {"unlearn": 1.5}, 3.0, {"unlearned": file}, "cpu")
    for name, status in (("done", RunStatus.DONE), ("deleted", RunStatus.DONE), ("failed", RunStatus.FAILED), ("running", None)):
        store.add(it.spec(name))
        with actors.as_system():
            wanted = it.spec(name).id
            store.claim(ProcessId.of_this_process(), lambda queued, _: (next(one for one in queued if one.id == wanted), "cpu"))  # noqa: B023
            if status is not None:
                store.finish(wanted, 1, status, outcome=outcome if status == RunStatus.DONE else run_queue.NOTHING, error="")
    store.write_label(it.done, Label("mine", ("tag",), "note"))
    store.add(it.spec("queued"), limit=3600.0)


Act = Callable[[Home, ResultStore, Things], object]
_ME = ProcessId.of_this_process()
_FILE = f"{'0' * 64}.parquet"


def _in_transaction(act: Callable[[sqlite3.Connection, Things], object]) -> Act:
    def do(_home: Home, store: ResultStore, it: Things) -> None:
        with store.db.transaction() as write:
            act(write, it)

    return do


def _preset(it: Things) -> HomePreset:
    return HomePreset("digits", "small_cnn", "ssd", True, {"alpha": float(it.place + 1)}, "trial 1")


def _put_back_deck(_: Home, store: ResultStore, it: Things) -> None:
    decks.put_back(store, DeletedDeck((f"back{it.place}", "t", datetime.now(UTC).isoformat(), it.owner), ()))


# What changes what is somebody else's: `module.function`, once more after a blank where it is tried in several ways.
OF_OTHERS: dict[str, Act] = {
    "runs.add anew": lambda _, store, it: store.add(it.spec("done"), anew=True),
    "runs.add anew evaluated": lambda _, store, it: store.add(it.spec("done"), anew=True, evaluation=Evaluation(without=("cka",))),
    "runs.started": lambda _, store, it: store.started(it.running, 1, _ME, "cpu"),
    "runs.progress": lambda _, store, it: store.progress(it.running, 1, 0.5, "train"),
    "runs.finish": lambda _, store, it: store.finish(it.running, 1, RunStatus.DONE),
    "runs.finish failed": lambda _, store, it: store.finish(it.running, 1, RunStatus.FAILED, error="no"),
    "runs.request_cancel queued": lambda _, store, it: store.request_cancel(it.queued),
    "runs.request_cancel running": lambda _, store, it: store.request_cancel(it.running),
    "runs.request_cancel done": lambda _, store, it: store.request_cancel(it.done),
    "runs.write_label": lambda _, store, it: store.write_label(it.done, Label("other")),
    "runs.write_label of a running one": lambda _, store, it: store.write_label(it.running, Label("other")),
    "runs.delete": lambda _, store, it: store.delete(it.done),
    "runs.delete failed": lambda _, store, it: store.delete(it.failed),
    "run_queue.cancel": _in_transaction(lambda write, it: run_queue.cancel(write, it.queued)),
    "run_queue.queue anew": _in_transaction(lambda write, it: run_queue.queue(write, it.spec("done"), True)),
    "run_queue.cancel_companions": lambda _, store, it: run_queue.cancel_companions(store.db, it.queued),
    "run_queue.wait_for_others": lambda _, store, it: run_queue.wait_for_others(store.db, it.running, 1),
    "run_queue.node_lost": lambda _, store, it: run_queue.node_lost(store.db, it.running, 1),
    "run_queue.stop_at_limit": lambda _, store, it: run_queue.stop_at_limit(store.db, it.running, 1, 5.0),
    "lifecycle.claim": _in_transaction(lambda write, it: lifecycle.claim(write, RUNS, it.queued, _ME)),
    "lifecycle.claim a job": _in_transaction(lambda write, it: lifecycle.claim(write, JOBS, it.job, _ME)),
    "lifecycle.change": _in_transaction(lambda write, it: lifecycle.change(write, RUNS, it.running, 1, note="x")),
    "lifecycle.change_one": lambda _, store, it: lifecycle.change_one(store.db, RUNS, it.running, 1, note="x"),
    "lifecycle.started": lambda _, store, it: lifecycle.started(store.db, RUNS, it.running, 1, _ME),
    "lifecycle.progress": lambda _, store, it: lifecycle.progress(store.db, RUNS, it.running, 1, (0.5, "train", "", None)),
    "lifecycle.progress of a job": lambda _, store, it: lifecycle.progress(store.db, JOBS, it.running_job, 1, (0.5, "", "", None)),
    "lifecycle.end": _in_transaction(lambda write, it: lifecycle.end(write, RUNS, it.running, 1, RunStatus.FAILED, "x")),
    "lifecycle.cancel": _in_transaction(lambda write, it: lifecycle.cancel(write, RUNS, it.running)),
    "job_queue.finish": lambda _, store, it: job_queue.finish(store.db, it.running_job, 1, RunStatus.DONE),
    "job_queue.cancel": lambda _, store, it: job_queue.cancel(store.db, it.job),
    "job_queue.cancel a running one": lambda _, store, it: job_queue.cancel(store.db, it.running_job),
    "job_queue.put_back": lambda _, store, it: job_queue.put_back(store.db, it.running_job, 1),
    "studies.save": lambda _, store, it: studies.save(
        store, replace(studies.existing(store, it.study), title="other"), [(0, it.spec("done"))], studies.studies(store)),
    "studies.save without its run": lambda _, store, it: studies.save(
        store, studies.existing(store, it.study), [], studies.studies(store)),
    "studies.cancel": lambda _, store, it: studies.cancel(store, it.study),
    "studies.forget": lambda _, store, it: studies.forget(store, it.study),
    "trash.throw": lambda _, store, it: trash.throw(store.db, it.done),
    "trash.throw_study": _in_transaction(lambda write, it: trash.throw_study(write, it.study, "x")),
    "trash.put_back": lambda _, store, it: trash.put_back(store.db, it.deleted),
    "trash.put_back a study": lambda _, store, it: trash.put_back(store.db, it.deleted_study),
    "trash.empty": lambda _, store, it: trash.empty(store.db, it.deleted),
    "decks.rename": lambda _, store, it: decks.rename(store, it.deck, "other"),
    "decks.delete": lambda _, store, it: decks.delete(store, it.deck),
    "decks.put_back": _put_back_deck,
    "decks.add": lambda _, store, it: decks.add(store, it.deck, Slide("text", "three")),
    "decks.edit": lambda _, store, it: decks.edit(store, it.slide, title="other", text="", notes=""),
    "decks.remove": lambda _, store, it: decks.remove(store, it.deck, it.slide),
    "decks.move": lambda _, store, it: decks.move(store, it.deck, it.slide, 1),
    "line_files.add": lambda home, _, it: searches.add(home, it.search, {"prepared": {"original": 1.5}}),
    "line_files.remove": lambda home, _, it: searches.remove(home, it.search),
    "line_files.remove a sequence": lambda home, _, it: sequences.journal.files(home).remove(it.sequence),
    "submit.submit again": lambda home, _, it: submit.submit(home, it.spec("done"), again=True),
    "submit.submit evaluated": lambda home, _, it: submit.submit(home, it.spec("done"), evaluation=Evaluation(whole=True)),
    "submit.cancel": lambda home, _, it: submit.cancel(home, it.queued),
    "submit.cancel running": lambda home, _, it: submit.cancel(home, it.running),
    "submit.cancel_companions": lambda home, _, it: submit.cancel_companions(home, it.running),
    "submit.delete": lambda home, _, it: submit.delete(home, it.done),
    "submit.delete for good": lambda home, _, it: submit.delete(home, it.failed, for_good=True),
    "submit.put_back": lambda home, _, it: submit.put_back(home, it.deleted),
    "submit.empty_trash": lambda home, _, it: submit.empty_trash(home, it.deleted),
    "background.cancel_job": lambda home, _, it: background.cancel_job(home, it.job),
    "import_dataset.cancel": lambda home, _, it: import_dataset.cancel(home, it.running_job),
    "studies.submit.cancel": lambda home, _, it: study_jobs.cancel(home, it.study),
    "studies.submit.delete": lambda home, _, it: study_jobs.delete(home, it.study),
    "tuning.go_on": lambda home, _, it: tuning.go_on(home, it.search),
    "tuning.stop": lambda home, _, it: tuning.stop(home, it.search),
    "tuning.remove": lambda home, _, it: tuning.remove(home, it.search),
    "sequences.go_on": lambda home, _, it: sequences.go_on(home, it.sequence),
    "sequences.stop": lambda home, _, it: sequences.stop(home, it.sequence),
    "sequences.remove": lambda home, _, it: sequences.remove(home, it.sequence),
}  # fmt: skip
# What a member may not do at all, since it is everybody's.
OF_ALL: dict[str, Act] = {
    "runs.keep": lambda _, store, it: store.keep(f"k{it.place}", "original", _FILE, 1.0),
    "runs.forget_kept": lambda _, store, it: store.forget_kept("shared"),
    "runs.forget_older": lambda _, store, it: store.forget_older("original/", "none"),
    "runs.forget_stale": lambda _, store, it: store.forget_stale("original/", -1),
    "run_queue.say_why_all_wait": lambda _, store, it: run_queue.say_why_all_wait(store.db, "because"),
    "unneeded.remove": lambda home, store, it: unneeded.remove(home, store, []),
    "artifacts.remove": lambda home, store, it: Artifacts(home.artifacts_folder).remove(store.artifacts(it.done)["unlearned"]),
    "artifacts.remove_older": lambda home, store, it: Artifacts(home.artifacts_folder).remove_older(
        store.artifacts(it.done)["unlearned"], 1e12),
    "artifacts.sweep_unnamed": lambda home, *_: Artifacts(home.artifacts_folder).sweep_unnamed(()),
    "home_presets.use": lambda home, _, it: home_presets.use(home, _preset(it)),
    "home_presets.give_up": lambda home, _, it: home_presets.give_up(home, _preset(it)),
    "examples.remember": lambda home, *_: examples.remember(home, {}),
    "import_dataset.start": lambda home, *_: import_dataset.start(home, "/etc", import_dataset.ImportOptions()),
}  # fmt: skip
# What a member may do and a reader may not.
MAKING: dict[str, Act] = {
    "runs.add": lambda _, store, it: store.add(it.spec("done")),
    "runs.add again": lambda _, store, it: store.add(it.spec("failed")),
    "runs.claim": lambda _, store, it: store.claim(_ME),
    "run_queue.queue": _in_transaction(lambda write, it: run_queue.queue(write, replace(it.spec("done"), seed=99_000 + it.place))),
    "job_queue.add": lambda _, store, it: job_queue.add(store.db, f"new{it.place}", lifecycle.ANALYSIS, {}),
    "job_queue.claim": lambda _, store, it: job_queue.claim(store.db, lifecycle.ANALYSIS, _ME),
    "studies.save new": lambda _, store, it: studies.save(
        store, StoredStudy(f"new{it.place}", "new", PLAN, datetime.now(UTC)), [(0, it.spec("done"))], studies.studies(store)),
    "decks.make": lambda _, store, it: decks.make(store, "new"),
    "duels.begin": lambda _, store, it: duels.begin(store, RULES),
    "duels.change": lambda _, store, it: duels.change(
        store, now := duels.existing(store, it.duel), replace(now, version=now.version + 1, handed=it.done)),
    "duels.go_on": lambda _, store, it: duels.go_on(store, duels.existing(store, it.over), RULES),
    "guesses.clear": lambda _, store, it: guesses.clear(store, "klass", it.done),
    "portable.bring_in": lambda _, store, it: portable.bring_in(store, [], [], Imported("x.zip", datetime.now(UTC), "")),
    "artifacts.put_arrays": lambda home, _, it: Artifacts(home.artifacts_folder).put_arrays({"new": np.full(2, it.place)}),
    "artifacts.take": lambda home, *_: Artifacts(home.artifacts_folder).take(f"{hashlib.sha256(b'x').hexdigest()}.parquet", b"x"),
    "line_files.begin": lambda home, _, it: searches.begin(home, search_plan(spec=replace(search_plan().spec, seed=500 + it.place))),
    "submit.submit": lambda home, _, it: submit.submit(home, replace(it.spec("done"), seed=98_000 + it.place)),
    "submit.retry": lambda home, _, it: submit.retry(home, it.failed),
    "background.start_job": lambda home, _, it: background.start_job(home, f"started{it.place}", lifecycle.ANALYSIS, {}),
    "tuning.start": lambda home, _, it: tuning.start(home, search_plan(spec=replace(search_plan().spec, seed=600 + it.place))),
    "sequences.start": lambda home, _, it: sequences.start(home, classes(4, 5, seeds=(700 + it.place,))),
    "import_dataset.start_upload": lambda home, _, it: import_dataset.start_upload(home, "x", BytesIO(b""), import_dataset.ImportOptions()),
}  # fmt: skip
# Also only for members; they need files or processes that these tests do not make, so that a member is not tried with them.
NOT_FOR_READERS: dict[str, Act] = {
    "bring.bring": lambda home, *_: bring(home, examples.FOLDER / "digits.zip", ours=True),
    "examples.restore": lambda home, *_: examples.restore(home),
    "client.own_weights": lambda home, *_: client.own_weights(home, "digits", "small_cnn", "/etc/passwd"),
    "catalogue.reload": lambda home, *_: catalogue.reload(home.root),
}
# What writes in transactions and is the home's own upkeep, or a step that the actions above go through.
UPKEEP = {
    "run_queue.reconcile", "job_queue.reconcile", "job_queue.sweep", "runs.reconcile", "runs.remove_damaged",
    "guesses.count", "lifecycle.is_flagged",
}  # fmt: skip


def dump(home: Home) -> dict[str, Any]:
    """All that the home holds, but for counters: what nobody may have changed."""
    with sqlite3.connect(f"{home.database.as_uri()}?mode=ro", uri=True) as db:
        tables = [name for (name,) in db.execute("select name from sqlite_master where type = 'table' and name not like '%revision'")]
        rows = {table: sorted(map(repr, db.execute(f"select rowid, * from {table}"))) for table in tables}
    db.close()
    files = {str(path): path.read_bytes() for path in sorted(home.root.rglob("*")) if path.is_file() and _is_kept(path.name)}
    return rows | files


def _is_kept(name: str) -> bool:
    return name.endswith((".jsonl", ".json", ".safetensors", ".parquet"))


def actions(*tables: dict[str, Act]) -> Iterator[tuple[str, Act]]:
    """All of these tables."""
    for table in tables:
        yield from table.items()
