"""Runs on a real Ray cluster of two nodes: the same numbers as here, what is shared made once, nothing lost with a node or a supervisor."""

from dataclasses import replace
import time

import pytest

from core.data.importing.importer import ImportOptions, add
from core.domain.requests.registry import parse_request
from core.domain.run import RunStatus
from core.jobs import submit as runner
from core.jobs.validation import make_spec
from core.jobs.write_catalogue import describe
from core.storage.artifacts import Artifacts
from core.storage.home import open_home
from core.storage.queues.run_queue import STOP_END
from core.storage.runs import ResultStore
from tests.attributes import computed
from tests.core.jobs.cluster.node_processes import process_of
from tests.core.jobs.place import STUB, Place, lives, until
from tests.hostile import folder_of

pytest.importorskip("ray")
pytestmark = pytest.mark.timeout(300)

LONG = 150.0  # seconds: a process of Ray's and its imports take some on a busy machine


def ended(place, *ids):
    until(lambda: all(place.over(one) for one in ids), LONG)
    return [place.run(one) for one in ids]


def test_a_cluster_computes_the_numbers_of_this_machine_and_makes_what_is_shared_once(started, tmp_path, monkeypatch):
    """By the real pipeline, files going through a shared folder; one run is of images that only the head has."""
    monkeypatch.setenv("FORGETSCOPE_RAY_FILES", f"file://{tmp_path / 'shared folder'}")
    there, here = Place(open_home(tmp_path / "there")), open_home(tmp_path / "here")
    folder = folder_of(tmp_path / "pictures", ["disc", "ring", "bar"], 20)
    own, same = (add(folder, ImportOptions(label="kind"), home.datasets_folder).info for home in (there.home, here))
    assert own.key == same.key
    monkeypatch.setenv("FORGETSCOPE_HOME", str(there.home.root))
    asked = [("digits", 0, "ssd"), ("digits", 0, "gradient_ascent"), ("digits", 1, "gradient_ascent"), (own.key, 0, "gradient_ascent")]
    shelves = describe()
    shelves = replace(shelves, datasets={**shelves.datasets, own.key: own})
    specs = [
        make_spec(shelves, dataset, "small_cnn", parse_request("class:1"), method, {}, seed=seed, recipe={"epochs": 1})
        for dataset, seed, method in asked
    ]  # fmt: skip
    runs = ended(there, *(runner.submit(there.home, spec) for spec in specs))
    assert [(run.status, run.error_line) for run in runs] == [(RunStatus.DONE, "")] * 4
    assert {run.node for run in runs} == {"a", "b"}
    shared = replace(specs[0], recipe={"epochs": 1, "ranks": 2})  # neither node has a core for each
    (run,) = ended(there, runner.submit(there.home, shared))
    assert (run.status, run.error_line) == (RunStatus.DONE, "")
    assert sum(run.seconds["train"] > 0 for run in runs) == sum(run.seconds["reference"] > 0 for run in runs) == 3
    with ResultStore(there.home.database) as remote, ResultStore(here.database) as local:
        for spec in (*specs[:2], specs[-1], shared):
            computed(here, spec)
            assert remote.measurements(spec.id) == local.measurements(spec.id)
            files = remote.artifacts(spec.id)
            timed = {"costs": "", "recorded": ""}  # they hold seconds
            assert {**files, **timed} == {**local.artifacts(spec.id), **timed}
            assert all(Artifacts(there.home.artifacts_folder).sound(file) for file in files.values())
            assert not there.home.curves(spec.id).exists()
    assert runner.end_supervisor(there.home)


def test_a_cancel_or_a_limit_ends_the_process_on_its_node_within_two_seconds(both):
    run_id = both.submit(sleep=60, deaf=True)
    until(lambda: both.computing(run_id), LONG)
    process, began = process_of(run_id), time.monotonic()
    runner.cancel(both.home, run_id)
    until(lambda: not lives(process))
    assert time.monotonic() - began <= 2
    assert ended(both, run_id)[0].status == RunStatus.CANCELLED
    limited = runner.submit(both.home, both.spec(1, sleep=60), STUB, limit=1.0)
    assert ended(both, limited)[0].error_line.startswith("Stopped at its limit of 1 s")


def test_what_goes_wrong_on_a_node_is_told_as_it_is_here(both):
    runs = ended(both, *(both.submit(seed, raises=kind) for seed, kind in enumerate(("wrong", "value"))))
    assert [run.status for run in runs] == [RunStatus.FAILED] * 2
    assert [run.error_line for run in runs] == ["The forget set must not be empty.", "ValueError: first line second line"]
    done = ended(both, both.submit(7))[0]
    assert done.status == RunStatus.DONE
    assert "printed by 7" in both.home.log(done.id).read_text()


def test_a_node_that_is_killed_loses_no_run_and_only_its_own_work_is_done_again(both, started):
    ids = [both.submit(seed, sleep=3, of="a lost node") for seed in range(4)]
    until(lambda: any(both.computing(one) and both.run(one).node == "b" for one in ids), LONG)
    (on_it,) = [one for one in ids if both.run(one).node == "b" and both.run(one).status == RunStatus.RUNNING]
    started.remove_node(next(one for one in started.list_all_nodes() if one._ray_params.node_name == "b"), allow_graceful=False)
    runs = ended(both, *ids)
    assert [run.status for run in runs] == [RunStatus.DONE] * 4
    assert {run.id for run in runs if run.attempt > 1} == {on_it}


@pytest.mark.slow
def test_runs_of_a_supervisor_that_was_killed_wait_again_and_nobody_does_them_twice(both):
    ids = [both.submit(seed, sleep=8, of="a killed supervisor") for seed in range(2)]
    until(lambda: any(both.computing(one) for one in ids), LONG)
    both.supervisors()[0].kill()
    until(lambda: not both.supervisors())
    begun = [one for one in ids if both.run(one).attempt > 1]  # looking puts them back
    until(lambda: not any(map(process_of, begun)))
    until(lambda: runner.ensure_supervisor(both.home, STUB) or both.supervisors())  # its threads hold its lock for a moment after it
    runs = ended(both, *ids)
    assert [run.status for run in runs] == [RunStatus.DONE] * 2
    assert begun
    assert [run.attempt for run in runs] == [2 if run.id in begun else 1 for run in runs]


def test_a_supervisor_that_is_asked_to_stop_marks_its_runs_and_leaves_no_process(both):
    ids = [both.submit(seed, sleep=60, of="a stopped supervisor") for seed in range(3)]
    until(lambda: any(both.computing(one) for one in ids), LONG)
    computing = [process for one in ids if (process := process_of(one))]
    assert runner.end_supervisor(both.home)
    statuses = [both.run(one).status for one in ids]
    assert set(statuses) == {RunStatus.INTERRUPTED, RunStatus.QUEUED}
    assert {both.run(one).error for one in ids} == {STOP_END, ""}
    until(lambda: not any(lives(process) for process in computing))
    for one in ids:
        runner.cancel(both.home, one)
