"""A thousand spoiled bundles: each refused in one sentence or read, in bounded time; no file outside the home, nothing on stderr."""

import logging
import os
import random
import time

import pytest

from core.export.bundle import bring, check_files
from core.jobs.catalogue import Catalogue
from core.storage.home import open_home
from core.storage.runs import ResultStore
from tests.core.export.bundle.bundles import packed, planted_home
from tests.hostile_bundles import MUTATIONS, mutated_bundle, outcome, read_through

COUNT = 1000
READ = 60  # of those that were imported
SECONDS = 10.0  # for one of them


@pytest.fixture(autouse=True)
def what_is_registered_is_described_once(monkeypatch, shelves):
    monkeypatch.setattr(bring, "catalogue", lambda _: shelves)


@pytest.fixture(scope="module")
def shelves() -> Catalogue:
    from core.jobs.write_catalogue import describe  # late: it imports torch

    return describe()


@pytest.mark.timeout(1800)
def test_a_thousand_spoiled_bundles_are_refused_or_read_in_a_sentence(tmp_path, capfd, monkeypatch, shelves):
    monkeypatch.setattr(check_files, "check", lambda folder, runs, paths, _: check_files.check_all(folder, runs, paths, str))
    there, ids = planted_home(tmp_path / "there")
    good = {whole: packed(there, [ids[0]], weights=whole) for whole in (True, False)}
    home, draw, told = open_home(tmp_path / "home"), random.Random(0), list[str]()
    for number in range(COUNT):
        began = time.process_time()
        told.append(outcome(home, tmp_path / "a.zip", mutated_bundle(good[number % 2 == 0], draw, MUTATIONS[number % len(MUTATIONS)])))
        assert time.process_time() - began < SECONDS, number
    assert sum(map(bool, told)) > COUNT / 2
    assert set(os.listdir(tmp_path)) == {"a.zip", "home", "there"}
    with ResultStore(home.database) as store:
        named, held = store.files(), {path.name for path in home.artifacts_folder.iterdir()}
        assert held <= named
        came = store.runs(10_000)
        assert all(run.imported for run in came)
    assert capfd.readouterr() == ("", "")
    monkeypatch.setenv("FORGETSCOPE_HOME", str(home.root))
    logging.disable(logging.CRITICAL)  # a reader's word on odd results, and Streamlit's on being run without a page
    try:
        refused = read_through(home, [run.id for run in came[:READ]], shelves)
    finally:
        logging.disable(logging.NOTSET)
    assert refused < READ / 2, "what was imported can mostly be shown"


@pytest.mark.timeout(900)
def test_and_thirty_by_the_process_that_opens_their_files_outside_of_the_tests(tmp_path, capfd):
    there, ids = planted_home(tmp_path / "there")
    good, home, draw = packed(there, [ids[0]], weights=False), open_home(tmp_path / "home"), random.Random(1)
    told = [outcome(home, tmp_path / "a.zip", mutated_bundle(good, draw, "mended member")) for _ in range(30)]
    assert sum(map(bool, told)) > 10
    assert not any("end of" in said for said in told)
    assert capfd.readouterr() == ("", "")
