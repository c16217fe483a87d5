"""From one home into another: every number, table, array, report and figure is the same, and nothing else goes along."""

import errno
import getpass
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.domain.errors import WrongInput
from core.domain.info import Column
from core.domain.methods.ablations import SECOND_REFERENCE_METHOD
from core.domain.run import RunStatus
from core.export import downloads
from core.export.bundle import write as writing
from core.export.bundle.bring import bring
from core.export.bundle.layout import MANIFEST, METADATA, is_weights
from core.export.bundle.write import export
from core.export.downloads import bundle_of
from core.export.report.run_contents import contents
from core.export.report.run_sections import run_sections
from core.figures import class_figures
from core.figures.gauges import gauge_figure
from core.figures.sections import FigureBlock
from core.jobs.catalogue import Catalogue
from core.jobs.studies.table import summary
from core.reports.first_screen import of_stored_run
from core.reports.run_report import full_report
from core.storage import studies
from core.storage.artifacts import Artifacts
from core.storage.durations import history
from core.storage.home import Home, open_home
from core.storage.portable import ALREADY, HERE, NEW_ID, dataset_of
from core.storage.processes import ProcessId
from core.storage.queues import run_queue
from core.storage.record_types import Outcome
from core.storage.related_runs import beside
from core.storage.runs import ResultStore
from tests.core.export.bundle.bundles import members_of, packed, planted_home, state_of
from tests.planted import plant, record, spec

NOT_NUMBERS = ("loss", "logs")


@pytest.fixture(scope="module")
def there(tmp_path_factory) -> tuple[Home, list[str]]:
    """A home to export from; only to be looked at."""
    return planted_home(tmp_path_factory.mktemp("there") / "home")


@pytest.fixture
def here(tmp_path) -> Home:
    return open_home(tmp_path / "here")


def brought(here: Home, tmp_path: Path, bundle: bytes, name: str = "runs.zip"):
    (tmp_path / name).write_bytes(bundle)
    return bring(here, tmp_path / name)


def assert_same(there: Home, here: Home, run_id: str, other: str | None = None) -> None:
    """All that is stored of a run, and its report, row by row and byte by byte; `other`: its id here."""
    found = []
    for home, known in ((there, run_id), (here, other or run_id)):
        with ResultStore(home.database) as store:
            run = store.existing(known)
            found.append((store.measurements(known), store.artifacts(known), full_report(home, store, run), run))
    (numbers, files, report, run), (numbers_here, files_here, report_here, run_here) = found
    assert numbers == numbers_here
    assert len(numbers) > 60
    assert list(files.items()) == list(files_here.items())
    apart = {"id": 0, "stage": 0, "imported": 0}  # where it stood is over
    assert {**report, **apart} == {**report_here, **apart}
    assert (run.spec, run.device, run.created_at, run.started_at, run.finished_at) == (
        run_here.spec, run_here.device, run_here.created_at, run_here.started_at, run_here.finished_at)  # fmt: skip
    for name, file in files.items():
        one, two = (Artifacts(home.artifacts_folder) for home in (there, here))
        if file.endswith(".parquet"):
            pd.testing.assert_frame_equal(one.get_table(file), two.get_table(file), check_exact=True)
        else:
            ours, theirs = one.get_arrays(file), two.get_arrays(file)
            assert ours.keys() == theirs.keys(), name
            assert all(np.array_equal(ours[key], theirs[key], equal_nan=ours[key].dtype.kind == "f") for key in ours), name


def figures_of(home: Home, run_id: str, shelves: Catalogue) -> dict[str, str]:
    """Every figure of the run's report, and of its first screen, as JSON."""
    with ResultStore(home.database) as store:
        run = contents(home, store, run_id, shelves)
        screen = of_stored_run(home, store, run.run, shelves.datasets["digits"], "SSD")
    blocks = [block for section in run_sections(run) for block in section.blocks if isinstance(block, FigureBlock)]
    found = {block.name: str(block.figure.to_json()) for block in blocks}
    assert len(found) == len(blocks)
    first = {"first-gauges": gauge_figure(screen.gauges), "first-classes": class_figures.class_shift(screen.classes, screen.names, (3,))}
    return found | {name: str(figure.to_json()) for name, figure in first.items()}


def test_a_computed_run_is_the_same_in_another_home(tmp_path, here, first_run, shelves):
    there = first_run[0]
    with ResultStore(there.database) as store:
        run_id = store.runs()[0].id
    result = brought(here, tmp_path, packed(there, [run_id]))
    assert [(one.of, one.id, one.how) for one in result.runs] == [(run_id, run_id, HERE)]
    assert_same(there, here, run_id)
    figures = figures_of(there, run_id, shelves)
    assert figures == figures_of(here, run_id, shelves)
    assert len(figures) >= 18
    with ResultStore(here.database) as store:
        assert store.existing(run_id).imported.libraries.keys() == {"torch", "numpy", "scikit-learn"}  # that the run was computed with


def test_a_study_goes_whole_with_its_second_reference_and_its_table_is_the_same(tmp_path, here, there):
    home, ids = there
    result = brought(here, tmp_path, packed(home, ["s0123"]), "two seeds.zip")
    assert {one.id for one in result.runs} > set(ids)
    assert len(result.runs) == 3
    assert [(one.id, one.how) for one in result.studies] == [("s0123", HERE)]
    for one in result.runs:
        assert_same(home, here, one.id)
    tables = []
    for place in (home, here):
        with ResultStore(place.database) as store:
            tables.append(summary(place, store, "s0123"))
            assert beside(store, store.existing(ids[0]).spec).floor is not None
    assert repr(tables[0]) == repr(tables[1])
    with ResultStore(here.database) as store:
        run, study = store.existing(ids[0]), studies.existing(store, "s0123")
    assert (run.imported.file, run.imported.id, study.imported.file) == ("two seeds.zip", ids[0], "two seeds.zip")
    assert result.first in ids


def test_the_same_runs_give_the_same_bytes_wherever_they_are(tmp_path, here, there):
    home, ids = there
    first = packed(home, ids)
    assert first == packed(home, [ids[1], ids[0], ids[1]])
    brought(here, tmp_path, first)
    assert packed(here, ids) == first


def test_shared_files_are_there_once_and_every_file_has_its_digest(there):
    home, ids = there
    members = members_of(packed(home, ids))
    said = json.loads(members[MANIFEST])
    assert said["files"].keys() == members.keys() - {MANIFEST}
    with ResultStore(home.database) as store:
        files = {file for run in store.runs() for file in store.artifacts(run.id).values()}
    assert sum(path.startswith("files/") for path in members) == len(files)
    graph = {entity["@id"]: entity for entity in json.loads(members[METADATA])["@graph"]}
    assert {part["@id"] for part in graph["./"]["hasPart"]} == members.keys() - {METADATA}
    assert all(graph[path]["sha256"] == entry["sha256"] for path, entry in said["files"].items() if path != METADATA)


def test_a_second_import_changes_nothing_and_says_so(tmp_path, here, there):
    home, _ = there
    bundle = packed(home, ["s0123"])
    brought(here, tmp_path, bundle)
    before = state_of(here)
    result = brought(here, tmp_path, bundle, "again.zip")
    assert {one.how for one in (*result.runs, *result.studies)} == {ALREADY}
    assert state_of(here) == before
    own = brought(home, tmp_path, bundle)
    assert {one.how for one in own.runs} == {ALREADY}


def test_a_run_that_is_here_with_other_numbers_stays_and_the_bundle_s_has_another_id(tmp_path, here, there):
    home, ids = there
    plant(here, spec("ssd", seed=0), test_retain_accuracy=0.4)
    before = state_of(here)
    result = brought(here, tmp_path, packed(home, ["s0123"]))
    (one,) = [one for one in result.runs if one.of == ids[0]]
    assert (one.how, one.id != ids[0]) == (NEW_ID, True)
    assert_same(home, here, ids[0], one.id)
    assert set(before[1]) - {("revision", 0)} <= set(state_of(here)[1]) | {row for row in before[1] if "revision" in row[0]}
    with ResultStore(here.database) as store:
        assert one.id in {run.run_id for run in studies.members(store, "s0123")["s0123"]}
        assert {m.metric: m.value for m in store.measurements(ids[0]) if m.model == "unlearned"}["test_retain_accuracy"] == 0.4
    assert {two.how for two in brought(here, tmp_path, packed(home, ["s0123"])).runs} == {ALREADY}


def test_without_weights_no_network_and_no_statistic_goes_along(tmp_path, here, there):
    home, ids = there
    bundle = packed(home, [ids[0]], weights=False)
    brought(here, tmp_path, bundle)
    with ResultStore(here.database) as store, ResultStore(home.database) as whole:
        names, all_names = store.artifacts(ids[0]), whole.artifacts(ids[0])
        assert store.measurements(ids[0]) == whole.measurements(ids[0])
    assert names.items() == {name: file for name, file in all_names.items() if not is_weights(name)}.items()
    assert {"original", "unlearned", "reference"} <= all_names.keys() - names.keys()
    left = json.loads(members_of(bundle)[f"runs/{ids[0]}.json"])["left_out"]
    assert set(left) == all_names.keys() - names.keys()


def test_no_path_user_name_or_secret_goes_along(tmp_path, monkeypatch, there):
    monkeypatch.setenv("API_TOKEN", "hunter2-token")
    home = open_home(tmp_path / "of-alice" / "home")
    run_id = plant(home, spec("ssd", seed=0))
    with ResultStore(home.database) as store, store.db.transaction() as write:
        secret = f"hunter2-token in {home.root}/artifacts and /home/alice/pictures/a.png of alice@host"
        write.execute("update runs set error = ?, note = ?, stage = ?", (secret, secret, secret))
        reason = f"The file {home.root}/artifacts/x.parquet and C:\\Users\\alice\\y.csv are gone."
        write.execute("update measurements set reason = ? where metric = 'attack_tpr_at_1'", (reason,))
    bundle = packed(home, [run_id])
    for word in ("alice", "hunter2", str(tmp_path), "/home/", "Users", *([getpass.getuser()] if getpass.getuser() != "root" else [])):
        assert word.encode() not in bundle, word
    reasons = {number[3] for number in json.loads(members_of(bundle)[f"runs/{run_id}.json"])["numbers"]}
    assert "The file … and … are gone." in reasons


def test_an_own_set_s_description_goes_along_without_people_s_names_and_serves_where_the_set_is_not(tmp_path, here, monkeypatch):
    people = Column("person", ("alice", "bob", "carol"), (10, 10, 10))
    info = _info(columns=(people, Column("city", ("Rome", "Oslo"), (15, 15))))
    monkeypatch.setattr(writing.added_sets, "info_of", lambda folder, key: info)
    home = open_home(tmp_path / "there")
    seconds = dict.fromkeys(("train", "reference", "precompute", "unlearn", "evaluate"), 1.0)
    asked = spec("ssd", "attribute:person=1", dataset=info.key, engine="0123456789ab")
    (run_id,) = record(home, [(asked, {"unlearned/forget_accuracy": 0.25}, {}, seconds)])
    bundle = packed(home, [run_id])
    assert b"bob" in bundle
    assert not any(word in bundle for word in (b"alice", b"carol", b"Oslo", b"from a folder"))
    brought(here, tmp_path, bundle)
    with ResultStore(here.database) as store:
        found = dataset_of(store, info.key)
        assert dataset_of(store, "digits") is None
    assert (found.classes, found.columns) == (info.classes, (Column("person", ("0", "bob", "2"), (10, 10, 10)),))


def _info(**about):
    from core.domain.info import DatasetInfo

    wanted = {"key": "pets@01234567", "title": "pets", "about": "from a folder", "channels": 1, "height": 8, "width": 8,
              "classes": tuple("0123456789"), "train_counts": (3,) * 10, "test_count": 10, "mean": (0.5,), "deviation": (0.2,)}  # fmt: skip
    return DatasetInfo(**{**wanted, **about})


def test_what_cannot_be_exported_is_told_in_a_sentence(tmp_path, there):
    home, ids = there
    file = tmp_path / "a.zip"
    own = open_home(tmp_path / "own")
    with ResultStore(own.database) as store:
        waits = store.add(spec("ssd", seed=7))
    for place, names, path, said in (
        (home, ids, tmp_path / "a.tar", r"^A bundle is written to a file that ends in .zip; got 'a.tar'.$"),
        (home, ["ffffffffffff"], file, "There is no run 'ffffffffffff'"), (own, [waits], file, "is queued; only a finished run"),
        (home, [], file, "at least one run or study"), (home, ids, tmp_path / "nowhere" / "a.zip", "There is no folder"),
    ):  # fmt: skip
        with pytest.raises(WrongInput, match=said):
            export(place, names, path)
    export(home, ids, file)
    before = file.read_bytes()
    with pytest.raises(WrongInput, match=r"a\.zip is there already, and nothing is written over it"):
        export(home, ids, file)
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["a.zip"]


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_comes_while_a_bundle_is_written_stays(tmp_path, there, monkeypatch, links):
    from core.export.bundle import write as writing

    home, ids = there
    file, real = tmp_path / "a.zip", writing.write

    def slow(*about, **more):
        written = real(*about, **more)
        file.write_bytes(b"somebody else's")
        return written

    def none(*_):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(writing, "write", slow)
    if not links:
        monkeypatch.setattr(os, "link", none)
    with pytest.raises(WrongInput, match=r"a\.zip is there already, and nothing is written over it"):
        export(home, ids, file)
    assert file.read_bytes() == b"somebody else's"
    monkeypatch.setattr(writing, "write", real)
    export(home, ids, tmp_path / "b.zip")
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["a.zip", "b.zip"]


def test_a_bundle_that_no_page_can_hold_is_refused_before_it_is_made(monkeypatch, there):
    home, ids = there
    light = bundle_of(home, ids[0], weights=False)
    monkeypatch.setattr(downloads, "MOST_HELD", len(light))
    with pytest.raises(WrongInput, match=rf"^This bundle has \d\.\d MB, and \d MB at most .* python -m core export {ids[0]} FILE\.zip\.$"):
        bundle_of(home, ids[0])
    assert bundle_of(home, ids[0], weights=False) == light
    export(home, [ids[0]], home.root.parent / "whole.zip")  # a file may be as large as its disk


@pytest.mark.parametrize("limit", ["MOST_RECORDS", "MOST_TEXT"])
def test_more_runs_than_an_import_reads_are_not_exported(tmp_path, monkeypatch, there, limit):
    home, ids = there
    monkeypatch.setattr(writing, limit, 1000)
    with pytest.raises(WrongInput, match=r"^3 runs are more than `import` reads of one bundle; export them in several\.$"):
        export(home, ids, tmp_path / "a.zip")
    assert not list(tmp_path.glob("*.zip"))


def test_a_run_with_a_lost_or_damaged_file_is_not_exported_half(tmp_path):
    home, ids = planted_home(tmp_path / "home")
    with ResultStore(home.database) as store:
        file = home.artifacts_folder / store.artifacts(ids[0])["examples"]
    content = file.read_bytes()
    for spoil, said in ((lambda: file.write_bytes(content[:-1] + b"!"), "damaged"), (file.unlink, "missing")):
        spoil()
        with pytest.raises(WrongInput, match=said):
            export(home, ids, tmp_path / "a.zip")
        assert not list(tmp_path.glob("*.zip"))
        assert not list(tmp_path.glob(".writing*"))


def test_a_study_is_named_by_its_title_too_and_its_unfinished_runs_are_counted(tmp_path, there):
    home, ids = planted_home(tmp_path / "home")
    with ResultStore(home.database) as store:
        waits = store.add(spec("ssd", seed=5))
        with store.db.transaction() as write:
            write.execute("insert into study_runs values ('s0123', ?, 0, 0)", (waits,))
    written = export(home, ["Two seeds"], tmp_path / "a.zip")
    assert (set(written.runs), written.studies, written.left, len(written.along)) == (set(ids), ("s0123",), 1, 1)


def test_what_was_computed_elsewhere_says_nothing_of_this_machine_and_is_not_imported_once_computed_here(tmp_path, here, there):
    home, ids = there
    brought(here, tmp_path, packed(home, [ids[0]]))
    with ResultStore(here.database) as store:
        assert history(store.db).took == {}
        run = store.existing(ids[0])
        for ends, imported in ((RunStatus.FAILED, True), (RunStatus.DONE, False)):
            store.add(run.spec, anew=True)
            _, attempt = store.claim(ProcessId.of_this_process())
            outcome = Outcome(tuple(store.measurements(ids[0])), run.seconds, 1.0, store.artifacts(ids[0]), "cpu")
            run_queue.finish(store.db, ids[0], attempt, ends, outcome=outcome, error="no")
            assert store.existing(ids[0]).status == RunStatus.DONE
            assert (store.existing(ids[0]).imported is not None) is imported


def test_what_stands_beside_a_run_is_rather_one_of_this_machine(tmp_path, here, there):
    home, ids = there
    plant(here, spec(SECOND_REFERENCE_METHOD), test_retain_accuracy=0.9)
    brought(here, tmp_path, packed(home, [ids[0]]))
    with ResultStore(here.database) as store:
        run = store.existing(ids[0])
        floors = [one for one in store.runs() if one.spec.method == SECOND_REFERENCE_METHOD]
        assert [one.imported is not None for one in floors] == [True, False]
        assert beside(store, run.spec).floor.imported is None
