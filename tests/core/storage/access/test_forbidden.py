"""Who may not, cannot: each function that changes a home, by each role, on things of each owner; and nothing changes."""

import ast
from pathlib import Path
import shutil

import pytest

from core.jobs import submit
import core.storage
from core.storage.access import actors
from core.storage.access.actors import ADMIN, MEMBER, READER, Actor, Forbidden
from core.storage.home import Home, open_home
from core.storage.runs import ResultStore
from tests.forbidden import (
    ADA,
    BEN,
    CLEO,
    MAKING,
    NOBODY,
    NOT_FOR_READERS,
    OF_ALL,
    OF_OTHERS,
    UPKEEP,
    ZOE,
    actions,
    dump,
    make_things,
)


@pytest.fixture(scope="module")
def furnished(tmp_path_factory):
    """A home with things of Ben, Cleo, Zoe and of the time before there was a login."""
    home = open_home(tmp_path_factory.mktemp("home"))
    things = {owner: make_things(home, owner, place) for place, owner in enumerate((BEN, CLEO, ZOE, NOBODY), 1)}
    with ResultStore(home.database) as store:
        store.keep("shared", "original/digits@0", f"{'1' * 64}.safetensors", 1.0)
    return home, things


@pytest.fixture(autouse=True)
def _still(monkeypatch):
    """Nothing is computed, and what is running is left so."""
    monkeypatch.setattr(submit, "ensure_supervisor", lambda *_: None)
    monkeypatch.setattr("core.jobs.background.ensure_supervisor", lambda *_: None)
    monkeypatch.setattr("core.jobs.long_jobs.job_progress", lambda *_: actors and _Absent)


class _Absent:
    status = "absent"


def said_to(home: Home, who: Actor, act, it) -> str:
    """The sentence of the refusal; '' where it was done."""
    with actors.acting_as(who):
        try:
            with ResultStore(home.database) as store:
                act(home, store, it)
        except Forbidden as forbidden:
            return str(forbidden)
    return ""


def test_nothing_of_what_is_forbidden_is_done(furnished):
    home, things = furnished
    before, tried, allowed = dump(home), 0, []
    ben, cleo = Actor(BEN, MEMBER), Actor(CLEO, READER)
    everything = list(actions(OF_OTHERS, OF_ALL, MAKING, NOT_FOR_READERS))
    cases = [(ben, act, name, things[whose]) for whose in (ZOE, CLEO, NOBODY) for name, act in actions(OF_OTHERS)]
    cases += [(ben, act, name, things[BEN]) for name, act in actions(OF_ALL)]
    cases += [(cleo, act, name, things[whose]) for whose in (ZOE, CLEO, NOBODY) for name, act in everything]
    for who, act, name, it in cases:
        tried += 1
        if not (said := said_to(home, who, act, it)).endswith("."):
            assert not said
            allowed.append(f"{who.role}: {name} of {it.owner or 'nobody'}")
        if (now := dump(home)) != before:
            changed = [key for key in before.keys() | now.keys() if before.get(key) != now.get(key)]
            pytest.fail(f"{who.role}: {name} of {it.owner or 'nobody'} changed {changed}")
    assert not allowed
    assert tried > 500
    print(f"{tried} forbidden actions tried, {len(allowed)} allowed")


@pytest.mark.parametrize(("who", "whose"), [(Actor(BEN, MEMBER), BEN), (Actor(ADA, ADMIN), ZOE), (Actor(ADA, ADMIN), NOBODY)])
def test_what_is_allowed_is_done(furnished, tmp_path, who, whose):
    kept, things = furnished
    names = {**OF_OTHERS, **MAKING} | (OF_ALL if who.role == ADMIN else {})
    names.pop("import_dataset.start", None)  # of a folder that is none of images
    for number, (name, act) in enumerate(names.items()):
        home = Home(tmp_path / str(number))
        shutil.copytree(kept.root, home.root)
        with actors.acting_as(who), ResultStore(home.database) as store:
            act(home, store, things[whose])  # raises where it is refused
        shutil.rmtree(home.root)
        assert name


def test_who_is_nobody_reads_nothing(furnished):
    def nobody() -> Actor:
        raise Forbidden("Log in.")

    home, _ = furnished
    actors.install(nobody)
    try:
        with pytest.raises(Forbidden, match="Log in"):
            ResultStore(home.database)
        with actors.as_system(), ResultStore(home.database) as store:
            assert store.runs()
            opened = store
        assert opened
    finally:
        actors.uninstall()


def writers() -> set[str]:
    """Every function of core.storage that opens a transaction, and every public method that hands over to one."""
    found = set()
    for path in Path(core.storage.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and ".transaction(" in ast.unparse(node):
                found.add(f"{path.stem}.{node.name}")
    return found


def test_every_function_that_opens_a_transaction_is_tried():
    tried = {name.split(" ")[0] for name, _ in actions(OF_OTHERS, OF_ALL, MAKING, NOT_FOR_READERS)}
    assert writers() - {"database.transaction"} <= tried | UPKEEP | {"runs.request_cancel", "run_queue.add", "run_queue.request_cancel",
                                                                     "run_queue.finish", "run_queue.claim"}  # fmt: skip
