"""Bringing bundles in while others do, after runs were deleted, and where an id is taken: nothing is lost, nothing is there twice."""

import json
import os

import pytest

from core.domain.errors import WrongInput
from core.export.bundle import bring as bringing
from core.export.bundle.bring import bring
from core.export.bundle.verify import verify
from core.export.bundle.write import export
from core.reports.checks.stored_run import finding_of
from core.storage import studies
from core.storage.artifacts import Artifacts
from core.storage.home import Home, open_home
from core.storage.portable import ALREADY, COMPLETED, HERE, NEW_ID
from core.storage.runs import ResultStore
from tests.core.export.bundle.bundles import changed_json, members_of, packed, planted_home, zipped
from tests.planted import plant, spec


@pytest.fixture(scope="module")
def of_study(tmp_path_factory) -> tuple[bytes, list[str]]:
    """A bundle of the study s0123, and the ids of its two runs."""
    home, ids = planted_home(tmp_path_factory.mktemp("there") / "home")
    return packed(home, ["s0123"]), ids


@pytest.fixture
def here(tmp_path) -> Home:
    return open_home(tmp_path / "here")


def brought(here: Home, bundle: bytes):
    file = here.root.parent / "a.zip"
    file.write_bytes(bundle)
    return bring(here, file)


def missing(home: Home) -> int:
    """Files that a row names and that are not there."""
    with ResultStore(home.database) as store:
        return sum(not Artifacts(home.artifacts_folder).has(file) for file in store.files())


def test_an_import_that_fails_takes_no_file_of_one_that_succeeded_meanwhile(here, of_study, monkeypatch):
    real, after = bringing.bring_in, []

    def meanwhile(*_):
        monkeypatch.setattr(bringing, "bring_in", real)
        after.append(brought(here, of_study[0]))  # another session brings the same bundle in, wholly
        raise RuntimeError("stopped")

    monkeypatch.setattr(bringing, "bring_in", meanwhile)
    with pytest.raises(RuntimeError, match="stopped"):
        brought(here, of_study[0])
    assert (len(after[0].runs), missing(here)) == (3, 0)


def test_an_import_that_fails_takes_no_file_that_a_run_wrote_here_meanwhile(here, of_study, monkeypatch):
    """One that no row names yet, since the run is not over."""
    written = []

    def meanwhile(store, runs, *_):
        file = runs[0].files["examples"]
        artifacts = Artifacts(here.artifacts_folder)
        written.append((artifacts.put_table(artifacts.get_table(file)), file))
        raise RuntimeError("stopped")

    monkeypatch.setattr(bringing, "bring_in", meanwhile)
    with pytest.raises(RuntimeError, match="stopped"):
        brought(here, of_study[0])
    (ours, theirs), = written
    assert ours == theirs
    assert Artifacts(here.artifacts_folder).files() == {ours}


def test_an_import_that_fails_while_it_places_its_files_leaves_none(here, of_study, monkeypatch):
    real, moved = os.replace, []

    def full(source, target):
        if len(moved) == 3:
            monkeypatch.setattr(bringing.os, "replace", real)
            raise OSError(28, "No space left on device")
        moved.append(target)
        real(source, target)

    monkeypatch.setattr(bringing.os, "replace", full)
    with pytest.raises(WrongInput):
        brought(here, of_study[0])
    assert Artifacts(here.artifacts_folder).files() == set()


def test_a_study_gets_its_missing_runs_back_however_often_they_were_deleted(here, of_study):
    bundle, ids = of_study
    assert [one.how for one in brought(here, bundle).studies] == [HERE]
    for _ in range(3):
        with ResultStore(here.database) as store:
            store.delete(ids[0])
            assert {run.run_id for run in studies.members(store, "s0123")["s0123"]} == {ids[1]}
        found = brought(here, bundle)
        assert [(one.id, one.how) for one in found.studies] == [("s0123", COMPLETED)]
        with ResultStore(here.database) as store:
            assert [study.id for study in studies.studies(store)] == ["s0123"]
            assert {run.run_id for run in studies.members(store, "s0123")["s0123"]} == set(ids)
    assert [one.how for one in brought(here, bundle).studies] == [ALREADY]


def test_a_study_whose_place_is_taken_by_another_run_stays_and_the_bundle_s_stands_beside_it(here, of_study):
    """Here a run of the same variant and seed has other numbers, and is the study's own."""
    bundle, ids = of_study
    brought(here, bundle)
    with ResultStore(here.database) as store:
        store.delete(ids[0])
    plant(here, spec("ssd", seed=0), test_retain_accuracy=0.4)
    with ResultStore(here.database) as store, store.db.transaction() as write:
        write.execute("insert into study_runs values ('s0123', ?, 0, 0)", (ids[0],))
    for how in (NEW_ID, ALREADY):
        (study,) = brought(here, bundle).studies
        assert (study.how, study.id != "s0123") == (how, True)
    with ResultStore(here.database) as store:
        assert {run.run_id for run in studies.members(store, "s0123")["s0123"]} == set(ids)


def test_ids_that_are_all_taken_lead_to_another_one(here, of_study):
    """The run's own id, and then the one that its content gives, are taken by runs with other numbers."""
    bundle, ids = of_study
    path = f"runs/{ids[0]}.json"
    plant(here, spec("ssd", seed=0), test_retain_accuracy=0.4)
    first = next(one for one in brought(here, bundle).runs if one.of == ids[0])
    with ResultStore(here.database) as store, store.db.transaction() as write:
        write.execute("update measurements set value = 0.3 where run_id = ? and metric = 'test_retain_accuracy'", (first.id,))
    second = next(one for one in brought(here, bundle).runs if one.of == ids[0])
    assert (second.how, len({ids[0], first.id, second.id})) == (NEW_ID, 3)
    again = next(one for one in brought(here, bundle).runs if one.of == ids[0])
    assert (again.id, again.how) == (second.id, ALREADY)
    assert json.loads(members_of(bundle)[path])["id"] == ids[0]


def test_a_number_that_is_there_twice_is_refused_by_import_and_by_verify(here, of_study):
    bundle, ids = of_study

    def twice(run):
        run["numbers"].append([*run["numbers"][0][:2], 0.123, ""])

    content = zipped(changed_json(members_of(bundle), f"runs/{ids[0]}.json", twice))
    with pytest.raises(WrongInput, match="twice"):
        brought(here, content)
    assert "twice" in verify(here.root.parent / "a.zip").wrong


def test_a_run_of_here_says_that_it_is_held_against_a_second_reference_that_came_in_a_bundle(tmp_path, here, shelves):
    there = open_home(tmp_path / "there")
    plant(there, spec("retrain"))
    ours = plant(here, spec("ssd"))
    file = tmp_path / "theirs.zip"
    with ResultStore(there.database) as store:
        export(there, [run.id for run in store.runs()], file)
    with ResultStore(here.database) as store:
        assert finding_of(here, store, store.existing(ours), shelves.datasets["digits"]).brought == {}
        bring(here, file)
        found = finding_of(here, store, store.existing(ours), shelves.datasets["digits"])
    assert found.besides[0] == "Held against the second retrained network, which came in the file theirs.zip and was not computed here."
