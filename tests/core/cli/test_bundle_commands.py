"""`export`, `import` and `verify` on the command line."""

from dataclasses import replace
import json
import shutil

import pytest

from core.domain.code_version import catalogue_version
from core.export.bundle import check_files
from core.storage.home import open_home
from core.storage.runs import ResultStore
from tests.core.export.bundle.bundles import planted_home
from tests.planted import plant, spec


@pytest.fixture
def there(tmp_path, monkeypatch):
    """A home with two runs of a study, which the commands read."""
    home, ids = planted_home(tmp_path / "there")
    monkeypatch.setenv("FORGETSCOPE_HOME", str(home.root))
    monkeypatch.setattr(check_files, "check", lambda folder, runs, paths, _: check_files.check_all(folder, runs, paths, str))
    return home, ids


def test_a_study_travels_by_three_commands(tmp_path, monkeypatch, there, in_process, catalogue_folder):
    _, ids = there
    file = tmp_path / "two.zip"
    status, out, _ = in_process("export", "Two seeds", file)
    assert (status, out.splitlines()[0]) == (0, f"{file}: 2 runs of 1 study and 1 that stand beside them.")
    digest = out.split()[-1]
    status, out, _ = in_process("verify", file)
    assert status == 0
    assert f"files are as written. Its digest: {digest}" in out
    assert all(f"run {run_id}: ssd · digits · class:3, by code" in out for run_id in ids)

    here = open_home(tmp_path / "here")
    shutil.copytree(catalogue_folder, here.root / "catalogue" / catalogue_version())
    monkeypatch.setenv("FORGETSCOPE_HOME", str(here.root))
    status, out, _ = in_process("import", file)
    assert (status, out.splitlines()[0]) == (0, "s0123  study imported")
    assert {f"{run_id}  run imported" for run_id in ids} < set(out.splitlines())
    assert set(in_process("import", file)[1].splitlines()) > {f"{run_id}  run already here" for run_id in ids}
    assert in_process("runs")[1].count("(imported)") == 3
    said = {one["id"]: one["imported"] for one in json.loads(in_process("runs", "--json")[1])}
    assert said == dict.fromkeys([*ids, *(said.keys() - ids)], "two.zip")


def test_json_says_the_same(tmp_path, monkeypatch, there, in_process, catalogue_folder):
    _, ids = there
    file = tmp_path / "one.zip"
    said = json.loads(in_process("export", ids[0], file, "--without-weights", "--json")[1])
    assert (said["runs"], len(said["along"]), said["studies"]) == ([ids[0]], 1, [])
    found = json.loads(in_process("verify", file, "--json")[1])
    assert (found["sha256"], found["holds"], found["broken"], found["reruns"]) == (said["sha256"], True, {}, None)
    here = open_home(tmp_path / "here")
    shutil.copytree(catalogue_folder, here.root / "catalogue" / catalogue_version())
    plant(here, spec("ssd"), test_retain_accuracy=0.4)
    monkeypatch.setenv("FORGETSCOPE_HOME", str(here.root))
    brought = json.loads(in_process("import", file, "--json")[1])
    (one,) = [one for one in brought["runs"] if one["in_bundle"] == ids[0]]
    assert one["how"] == "imported under another id"
    with ResultStore(here.database) as store:
        assert store.existing(one["id"]).imported.id == ids[0]
    status, out, _ = in_process("show", one["id"])
    assert status == 0
    assert f"Imported from one.zip, where it was run {ids[0]}; computed elsewhere, by code" in out


def test_a_changed_bundle_does_not_hold_and_is_not_imported(tmp_path, there, in_process):
    _, ids = there
    file = tmp_path / "a.zip"
    in_process("export", ids[0], file)
    content = bytearray(file.read_bytes())
    content[content.index(b"PAR1") + 20] ^= 1
    file.write_bytes(content)
    status, out, _ = in_process("verify", file)
    assert status == 1
    assert "cannot be unpacked." in out  # the zip's own checksum says so, too
    status, out, err = in_process("import", file)
    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(("words", "said"), [
    (("export", "a.zip"), "export wants at least one ID and then the file to write, FILE.zip; got only 'a.zip'."),
    (("export", "ffffffffffff", "a.zip"), "There is no run 'ffffffffffff'"), (("import", "nowhere.zip"), "There is no file 'nowhere.zip'"),
    (("verify", "nowhere.zip"), "There is no file 'nowhere.zip'"), (("export", "s0123", "a.tar"), "a file that ends in .zip"),
])  # fmt: skip
def test_wrong_use_is_one_line(there, in_process, words, said):
    status, out, err = in_process(*words)
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert said in err


def test_a_report_is_no_bundle_and_says_what_is_wanted(tmp_path, there, in_process):
    _, ids = there
    assert in_process("report", ids[0], "--html", tmp_path / "report.html")[0] == 0
    status, out, error = in_process("verify", tmp_path / "report.html")
    assert (status, out) == (2, "")
    assert error.startswith("'report.html' is an HTML report: it names digests, but does not hold the files that they are of. A bundle is")
    assert len(error.splitlines()) == 1


def test_a_rerun_that_differs_says_by_how_much_and_is_no_success(tmp_path, monkeypatch, there, in_process, catalogue_folder):
    from core.export.bundle import verify

    home, ids = there
    shutil.copytree(catalogue_folder, home.root / "catalogue" / catalogue_version())
    in_process("export", ids[0], tmp_path / "a.zip")
    for off, wanted in ((0.0, 0), (0.5, 1)):
        def compute(home, spec, run, say, off=off):
            first, *others = run.numbers
            return [replace(first, value=first.value + off), *others], run.device

        monkeypatch.setattr(verify, "_computed", compute)
        status, out, _ = in_process("verify", tmp_path / "a.zip", "--rerun")
        assert status == wanted
        assert f"run {ids[0]}, computed again by the same code: " in out
        assert ("there, " in out, "(+0.5)" in out) == (bool(off), bool(off))
