"""A look's way: absent, running, done or failed, cancelled; computed once for equal networks, and never believed damaged."""

import sys
import threading
import time

import numpy as np
import pytest

from core.analysis import stored_results
from core.analysis.registry import LOOKS
from core.analysis.stored_results import Analysis
from core.domain.errors import WrongInput
from core.jobs import background, background_worker
from core.storage.artifacts import Artifacts
from core.storage.processes import ProcessId
from core.storage.runs import ResultStore
from tests.planted import plant, spec

COUNTS = "LOOKS['counts'] = lambda home, run_id, say, upto: {'numbers': np.arange(upto)}"
SLEEPS = "LOOKS['counts'] = lambda home, run_id, say, upto: (say(0.5, 'half way'), time.sleep(60))"
CODE = (
    "import sys, time; import numpy as np; from core.jobs.background_worker import main; from core.analysis.registry import LOOKS; {}; "
    "sys.exit(main(*sys.argv[1:]))"
)


@pytest.fixture
def run_id(home):
    return plant(home, spec())


@pytest.fixture
def computed_by(monkeypatch):
    """Looks are computed by a process that knows the kind `counts`, which is this code."""
    begun, started = [], background.subprocess.Popen

    def use(code):
        def popen(command, **about):
            begun.append(started([sys.executable, "-c", CODE.format(code), *command[3:]], **about))
            return begun[-1]

        monkeypatch.setattr(background.subprocess, "Popen", popen)
        return begun

    yield use
    for one in begun:
        one.kill()
        one.wait()


def wait_for(home, look, status):
    end = time.monotonic() + 60
    while (now := background.progress(home, look)).status != status:
        assert time.monotonic() < end, now
        time.sleep(0.02)
    return now


def test_a_look_is_absent_then_running_then_done_and_its_arrays_are_there(home, run_id, computed_by):
    computed_by(COUNTS)
    look = Analysis("counts", run_id, {"upto": 4})
    assert background.progress(home, look).status == "absent"
    with pytest.raises(WrongInput, match="is not computed yet"):
        stored_results.arrays(home, look)
    background.start(home, look)
    assert background.progress(home, look).status in ("running", "done")
    assert wait_for(home, look, "done").seconds > 0
    assert stored_results.arrays(home, look)["numbers"].tolist() == [0, 1, 2, 3]


def test_it_is_computed_once_however_often_it_is_asked_for(home, run_id, computed_by):
    begun = computed_by(COUNTS)
    look = Analysis("counts", run_id, {"upto": 4})
    for _ in range(3):
        background.start(home, look)
    wait_for(home, look, "done")
    background.start(home, look)
    assert len(begun) == 1
    background.start(home, Analysis("counts", run_id, {"upto": 5}))
    assert len(begun) == 2


def test_how_far_it_is_comes_from_the_process_and_cancel_ends_it_at_once(home, run_id, computed_by):
    begun = computed_by(SLEEPS)
    look = Analysis("counts", run_id, {"upto": 4})
    background.start(home, look)
    end = time.monotonic() + 60
    while (now := background.progress(home, look)).note != "half way":
        assert now.status == "running"
        assert time.monotonic() < end
        time.sleep(0.02)
    assert now.share == 0.5
    began = time.monotonic()
    background.cancel(home, look)
    begun[0].wait(2)
    assert time.monotonic() - began < 2
    assert background.progress(home, look).status == "absent"


def test_a_process_that_dies_without_a_word_is_told(home, run_id, computed_by):
    begun = computed_by(SLEEPS)
    look = Analysis("counts", run_id, {"upto": 4})
    background.start(home, look)
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
    monkeypatch.setattr(background_worker.os, "nice", lambda _: None)
    look = Analysis("counts", run_id)
    background.folder(home).mkdir()
    key, words = stored_results.key_of(home, look), f'["counts", "{run_id}", {{}}]'
    monkeypatch.setitem(LOOKS, "counts", raises(error))
    assert background_worker.main(str(home.root), key, words) == 1
    assert background.progress(home, look).status == "failed"
    assert background.progress(home, look).error == sentence
    monkeypatch.setitem(LOOKS, "counts", lambda *_: {"one": np.array([1])})
    assert background_worker.main(str(home.root), key, words) == 0
    assert stored_results.arrays(home, look)["one"].tolist() == [1]


def test_runs_with_the_same_networks_share_a_look_and_others_do_not(home):
    one, other = plant(home, spec("ssd")), plant(home, spec("finetune"))
    assert stored_results.key_of(home, Analysis("counts", one)) != stored_results.key_of(home, Analysis("counts", other))
    assert stored_results.key_of(home, Analysis("counts", one)) == stored_results.key_of(home, Analysis("counts", one, {}))
    assert stored_results.key_of(home, Analysis("counts", one)) != stored_results.key_of(home, Analysis("counts", one, {"upto": 1}))
    assert stored_results.key_of(home, Analysis("counts", one)) != stored_results.key_of(home, Analysis("others", one))


def test_a_damaged_file_is_told_and_then_asked_for_anew(home, run_id):
    look = Analysis("counts", run_id)
    file = Artifacts(home.artifacts_folder).put_arrays({"one": np.array([1])})
    with ResultStore(home.database) as store:
        store.keep(stored_results.key_of(home, look), "look/counts", file, 0.1)
    (home.artifacts_folder / file).write_bytes(b"broken")
    with pytest.raises(WrongInput, match="is damaged"):
        stored_results.arrays(home, look)
    assert background.progress(home, look).status == "absent"


def test_a_run_that_is_not_done_cannot_be_looked_into(home):
    with ResultStore(home.database) as store:
        run_id = store.add(spec())
    with pytest.raises(WrongInput, match=f"Run {run_id} is queued; only a finished run can be analysed"):
        background.progress(home, Analysis("counts", run_id))
    with pytest.raises(WrongInput, match="There is no run"):
        background.start(home, Analysis("counts", "nothere"))


def test_a_state_that_is_half_written_counts_as_none(home, run_id):
    look = Analysis("counts", run_id)
    key = stored_results.key_of(home, look)
    background.folder(home).mkdir()
    background.say(home, key, 0.3, "at work", ProcessId.of_this_process())
    assert background.progress(home, look).share == 0.3
    next(background.folder(home).iterdir()).write_text("{")
    assert background.progress(home, look).status == "absent"


def test_two_who_ask_at_once_start_one_process(home, run_id, computed_by):
    begun = computed_by(SLEEPS)
    look = Analysis("counts", run_id, {"upto": 4})
    askers = [threading.Thread(target=background.start, args=(home, look)) for _ in range(4)]
    for one in askers:
        one.start()
    for one in askers:
        one.join()
    assert len(begun) == 1


def test_a_process_whose_look_was_cancelled_and_asked_for_again_says_no_more(home, run_id, monkeypatch):
    monkeypatch.setattr(background_worker.os, "nice", lambda _: None)
    look = Analysis("counts", run_id)
    key = stored_results.key_of(home, look)
    background.folder(home).mkdir()
    background.say(home, key, 0.2, "the other's", ProcessId(1, 0.0))
    with pytest.raises(SystemExit):
        background_worker.main(str(home.root), key, f'["counts", "{run_id}", {{}}]')
    assert '"the other\'s"' in next(background.folder(home).glob("*.json")).read_text()


def test_looks_of_an_older_engine_are_given_up_when_a_new_one_is_kept(home, run_id, monkeypatch):
    monkeypatch.setattr(background_worker.os, "nice", lambda _: None)
    monkeypatch.setitem(LOOKS, "counts", lambda *_: {"one": np.array([1])})
    old = Artifacts(home.artifacts_folder).put_arrays({"old": np.array([1])})
    with ResultStore(home.database) as store:
        spec = store.existing(run_id).spec
        store.keep("old", f"look/{spec.dataset}/{spec.model}/counts@older", old, 0.1)
        store.keep("weights", "original", old, 0.1)
    look = Analysis("counts", run_id)
    background.folder(home).mkdir()
    assert background_worker.main(str(home.root), stored_results.key_of(home, look), f'["counts", "{run_id}", {{}}]') == 0
    with ResultStore(home.database) as store:
        assert store.kept("old") is None
        assert store.kept("weights") is not None
        assert store.kept(stored_results.key_of(home, look)) is not None
