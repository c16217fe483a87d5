"""A look's way: absent, running, done or failed, cancelled; computed once for equal networks, and never believed damaged."""

import sys
import threading
import time

import numpy as np
import pytest

from core.domain import WrongInput
from core.looks import asked, process
from core.looks.asked import Look
from core.looks.shelf import LOOKS
from core.store.artifacts import Artifacts
from core.store.liveness import ProcessId
from core.store.results import ResultStore
from tests.planted import plant, spec

COUNTS = "LOOKS['counts'] = lambda home, run_id, say, upto: {'numbers': np.arange(upto)}"
SLEEPS = "LOOKS['counts'] = lambda home, run_id, say, upto: (say(0.5, 'half way'), time.sleep(60))"
CODE = (
    "import sys, time; import numpy as np; from core.looks.process import main; from core.looks.shelf import LOOKS; {}; "
    "sys.exit(main(*sys.argv[1:]))"
)


@pytest.fixture
def run_id(home):
    return plant(home, spec())


@pytest.fixture
def computed_by(monkeypatch):
    """Looks are computed by a process that knows the kind `counts`, which is this code."""
    begun, started = [], asked.subprocess.Popen

    def use(code):
        def popen(command, **about):
            begun.append(started([sys.executable, "-c", CODE.format(code), *command[3:]], **about))
            return begun[-1]

        monkeypatch.setattr(asked.subprocess, "Popen", popen)
        return begun

    yield use
    for one in begun:
        one.kill()
        one.wait()


def wait_for(home, look, status):
    end = time.monotonic() + 60
    while (now := asked.progress(home, look)).status != status:
        assert time.monotonic() < end, now
        time.sleep(0.02)
    return now


def test_a_look_is_absent_then_running_then_done_and_its_arrays_are_there(home, run_id, computed_by):
    computed_by(COUNTS)
    look = Look("counts", run_id, {"upto": 4})
    assert asked.progress(home, look).status == "absent"
    with pytest.raises(WrongInput, match="is not computed yet"):
        asked.arrays(home, look)
    asked.start(home, look)
    assert asked.progress(home, look).status in ("running", "done")
    assert wait_for(home, look, "done").seconds > 0
    assert asked.arrays(home, look)["numbers"].tolist() == [0, 1, 2, 3]


def test_it_is_computed_once_however_often_it_is_asked_for(home, run_id, computed_by):
    begun = computed_by(COUNTS)
    look = Look("counts", run_id, {"upto": 4})
    for _ in range(3):
        asked.start(home, look)
    wait_for(home, look, "done")
    asked.start(home, look)
    assert len(begun) == 1
    asked.start(home, Look("counts", run_id, {"upto": 5}))
    assert len(begun) == 2


def test_how_far_it_is_comes_from_the_process_and_cancel_ends_it_at_once(home, run_id, computed_by):
    begun = computed_by(SLEEPS)
    look = Look("counts", run_id, {"upto": 4})
    asked.start(home, look)
    end = time.monotonic() + 60
    while (now := asked.progress(home, look)).note != "half way":
        assert now.status == "running"
        assert time.monotonic() < end
        time.sleep(0.02)
    assert now.share == 0.5
    began = time.monotonic()
    asked.cancel(home, look)
    begun[0].wait(2)
    assert time.monotonic() - began < 2
    assert asked.progress(home, look).status == "absent"


def test_a_process_that_dies_without_a_word_is_told(home, run_id, computed_by):
    begun = computed_by(SLEEPS)
    look = Look("counts", run_id, {"upto": 4})
    asked.start(home, look)
    begun[0].kill()
    begun[0].wait()
    told = wait_for(home, look, "failed")
    assert told.error == f"The process that computed it ended without a word; {home.logs_folder / 'looks.log'} may tell why."


def raises(error):
    def compute(*_, **__):
        raise error

    return compute


@pytest.mark.parametrize(
    "error, sentence",
    [
        (WrongInput("Nothing is there."), "Nothing is there."),
        (MemoryError(), "This needs more memory than is free; close other programs, or look at fewer images."),
        (ZeroDivisionError("by\n zero"), "ZeroDivisionError: by zero"),
    ],
)
def test_trouble_is_one_sentence_and_a_second_try_is_possible(home, run_id, monkeypatch, error, sentence):
    monkeypatch.setattr(process.os, "nice", lambda _: None)
    look = Look("counts", run_id)
    asked.folder(home).mkdir()
    key, words = asked.key_of(home, look), f'["counts", "{run_id}", {{}}]'
    monkeypatch.setitem(LOOKS, "counts", raises(error))
    assert process.main(str(home.root), key, words) == 1
    assert asked.progress(home, look).status == "failed"
    assert asked.progress(home, look).error == sentence
    monkeypatch.setitem(LOOKS, "counts", lambda *_: {"one": np.array([1])})
    assert process.main(str(home.root), key, words) == 0
    assert asked.arrays(home, look)["one"].tolist() == [1]


def test_runs_with_the_same_networks_share_a_look_and_others_do_not(home):
    one, other = plant(home, spec("ssd")), plant(home, spec("finetune"))
    assert asked.key_of(home, Look("counts", one)) != asked.key_of(home, Look("counts", other))
    assert asked.key_of(home, Look("counts", one)) == asked.key_of(home, Look("counts", one, {}))
    assert asked.key_of(home, Look("counts", one)) != asked.key_of(home, Look("counts", one, {"upto": 1}))
    assert asked.key_of(home, Look("counts", one)) != asked.key_of(home, Look("others", one))


def test_a_damaged_file_is_told_and_then_asked_for_anew(home, run_id):
    look = Look("counts", run_id)
    file = Artifacts(home.artifacts_folder).put_arrays({"one": np.array([1])})
    with ResultStore(home.database) as store:
        store.keep(asked.key_of(home, look), "look/counts", file, 0.1)
    (home.artifacts_folder / file).write_bytes(b"broken")
    with pytest.raises(WrongInput, match="is damaged"):
        asked.arrays(home, look)
    assert asked.progress(home, look).status == "absent"


def test_a_run_that_is_not_done_cannot_be_looked_into(home):
    with ResultStore(home.database) as store:
        run_id = store.add(spec())
    with pytest.raises(WrongInput, match=f"Run {run_id} is queued; only a finished run can be looked into"):
        asked.progress(home, Look("counts", run_id))
    with pytest.raises(WrongInput, match="There is no run"):
        asked.start(home, Look("counts", "nothere"))


def test_a_state_that_is_half_written_counts_as_none(home, run_id):
    look = Look("counts", run_id)
    key = asked.key_of(home, look)
    asked.folder(home).mkdir()
    asked.say(home, key, 0.3, "at work", ProcessId.of_this_process())
    assert asked.progress(home, look).share == 0.3
    next(asked.folder(home).iterdir()).write_text("{")
    assert asked.progress(home, look).status == "absent"


def test_two_who_ask_at_once_start_one_process(home, run_id, computed_by):
    begun = computed_by(SLEEPS)
    look = Look("counts", run_id, {"upto": 4})
    askers = [threading.Thread(target=asked.start, args=(home, look)) for _ in range(4)]
    for one in askers:
        one.start()
    for one in askers:
        one.join()
    assert len(begun) == 1


def test_a_process_whose_look_was_cancelled_and_asked_for_again_says_no_more(home, run_id, monkeypatch):
    monkeypatch.setattr(process.os, "nice", lambda _: None)
    look = Look("counts", run_id)
    key = asked.key_of(home, look)
    asked.folder(home).mkdir()
    asked.say(home, key, 0.2, "the other's", ProcessId(1, 0.0))
    with pytest.raises(SystemExit):
        process.main(str(home.root), key, f'["counts", "{run_id}", {{}}]')
    assert '"the other\'s"' in next(asked.folder(home).glob("*.json")).read_text()


def test_looks_of_an_older_engine_are_given_up_when_a_new_one_is_kept(home, run_id, monkeypatch):
    monkeypatch.setattr(process.os, "nice", lambda _: None)
    monkeypatch.setitem(LOOKS, "counts", lambda *_: {"one": np.array([1])})
    old = Artifacts(home.artifacts_folder).put_arrays({"old": np.array([1])})
    with ResultStore(home.database) as store:
        store.keep("old", "look/counts@older", old, 0.1)
        store.keep("weights", "original", old, 0.1)
    look = Look("counts", run_id)
    asked.folder(home).mkdir()
    assert process.main(str(home.root), asked.key_of(home, look), f'["counts", "{run_id}", {{}}]') == 0
    with ResultStore(home.database) as store:
        assert store.kept("old") is None
        assert store.kept("weights") is not None
        assert store.kept(asked.key_of(home, look)) is not None
