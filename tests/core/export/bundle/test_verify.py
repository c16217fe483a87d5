"""Which digests and which numbers of a bundle hold."""

from dataclasses import replace
import json
import shutil

import pytest

from core.domain.code_version import catalogue_version
from core.domain.errors import WrongInput
from core.domain.run import Measurement
from core.export.bundle import verify as verifying
from core.export.bundle.layout import MANIFEST
from core.export.bundle.verify import compared, rerun, verify
from core.jobs.catalogue import catalogue
from core.storage.home import open_home
from tests.core.export.bundle.bundles import members_of, packed, planted_home, relisted, zipped


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> bytes:
    home, ids = planted_home(tmp_path_factory.mktemp("there") / "home")
    return packed(home, [ids[0]])


def verified(tmp_path, content):
    (tmp_path / "a.zip").write_bytes(content)
    return verify(tmp_path / "a.zip")


def test_every_digest_of_a_bundle_holds_and_its_own_is_that_of_its_list(tmp_path, good):
    found = verified(tmp_path, good)
    assert found.holds
    assert found.files.keys() == members_of(good).keys() - {MANIFEST}
    assert len(found.runs) == 2
    assert len(found.asked) == 1
    assert found.sha256 != verified(tmp_path, zipped(relisted(members_of(good)))).sha256  # the list is written otherwise


def test_what_does_not_hold_is_named_and_the_rest_holds(tmp_path, good):
    members = members_of(good)
    changed, gone, *_ = [path for path in members if path.startswith("files/")]
    members[changed] = members[changed][:-1] + bytes([members[changed][-1] ^ 1])
    del members[gone]
    found = verified(tmp_path, zipped({**members, "files/new-0.parquet": b"a"}))
    assert not found.holds
    assert found.broken == {changed: "was changed: it has another SHA-256", gone: "is missing", "files/new-0.parquet": "is not listed"}
    assert found.runs == ()


def test_what_is_no_run_although_its_digests_hold_is_told(tmp_path, good):
    members = members_of(good)
    path = next(path for path in members if path.startswith("runs/"))
    run = json.loads(members[path])
    run["spec"]["seed"] = "one"
    found = verified(tmp_path, zipped(relisted({**members, path: json.dumps(run).encode()})))
    assert (found.broken, found.holds) == ({}, False)
    assert "seed should be a whole number" in found.wrong


def test_numbers_are_equal_to_the_last_digit_or_differ_by_so_much():
    there = (Measurement("a", "unlearned", 0.5), Measurement("b", "original", None, "no"), Measurement("c", "unlearned", 1.0))
    here = [Measurement("a", "unlearned", 0.5 + 2**-50), Measurement("b", "original", None, "other"), Measurement("d", "reference", 2.0)]
    found = {one.metric: (one.holds, one.difference) for one in compared(there, here)}
    assert found == {"a": (False, 2**-50), "b": (True, None), "c": (False, None), "d": (False, None)}


@pytest.fixture
def computed(monkeypatch):
    """What is computed again: the bundle's numbers with one a little off."""
    asked = []

    def compute(home, spec, run, say):
        asked.append((home, spec))
        first, *others = run.numbers
        return [replace(first, value=first.value + 0.25), *others], "cpu"

    monkeypatch.setattr(verifying, "_computed", compute)
    return asked


def test_a_rerun_is_of_the_same_specification_in_a_home_of_its_own(tmp_path, good, computed, catalogue_folder):
    run = verified(tmp_path, good).runs[-1]
    home = open_home(tmp_path / "home")
    home.datasets_folder.mkdir()
    shutil.copytree(catalogue_folder, home.root / "catalogue" / catalogue_version())
    found = rerun(home, run, catalogue(home.root), lambda _: None)
    (place, spec), = computed
    assert (spec.method, spec.request, spec.seed, spec.dataset) == ("ssd", run.spec.request, 0, "digits")
    assert place.root != home.root
    assert not place.root.exists()  # it is gone afterwards
    (off,) = found.differing
    assert (off.difference, len(found.numbers)) == (pytest.approx(0.25), len(run.numbers))
    assert found.to_plain()["hold"] == len(run.numbers) - 1


@pytest.mark.slow
def test_a_computed_run_holds_to_the_last_digit_where_it_is_computed_again(tmp_path, first_run, home):
    from core.export.downloads import bundle_of
    from core.storage.runs import ResultStore

    with ResultStore(first_run[0].database) as store:
        run_id = store.runs()[0].id
    (run,) = verified(tmp_path, bundle_of(first_run[0], run_id)).runs
    said = []
    found = rerun(home, run, catalogue(first_run[0].root), said.append)
    assert (found.differing, found.engine) == ([], run.spec.engine)
    assert len(found.numbers) == len(run.numbers) > 60
    assert any("computing again" in line for line in said)
    with ResultStore(home.database) as store:
        assert not store.runs()


def test_what_is_no_bundle_is_refused(tmp_path):
    with pytest.raises(WrongInput, match="is no zip archive"):
        verified(tmp_path, b"%PDF")
