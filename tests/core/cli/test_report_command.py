"""`report`, and `compare --latex`: files that are written, and what is refused."""

import pytest

from core.domain.code_version import catalogue_version
from core.jobs.write_catalogue import write
from tests.planted import plant, spec


@pytest.fixture
def run_id(home):
    write(home.root / "catalogue" / catalogue_version())
    return plant(home, spec("ssd"))


def test_a_report_is_one_file(run_id, in_process, tmp_path):
    file = tmp_path / "new" / "report.html"
    status, said, told = in_process("report", run_id, "--html", file)
    assert (status, said) == (0, "")
    assert told == f"Wrote {file}\n"
    assert file.read_text().startswith("<!doctype html>")


def test_a_file_that_is_there_is_written_over_only_where_that_is_asked_for(run_id, in_process, tmp_path, monkeypatch):
    monkeypatch.setenv("CHROMIUM", "/bin/false")
    file, folder = tmp_path / "mine.html", tmp_path / "figures"
    figure = folder / f"digits-small_cnn-class-3-ssd-{run_id[:8]}-gauges.html"
    folder.mkdir()
    for path in (file, figure):
        path.write_text("my own notes")
    for words, path in ((("--html", file), file), (("--figures", folder), figure)):
        status, _, told = in_process("report", run_id, *words)
        assert status == 2
        assert f"{path.name} is there already, and nothing is written over it" in told
        assert path.read_text() == "my own notes"
    assert [path.name for path in folder.iterdir()] == [figure.name]
    assert in_process("report", run_id, "--html", file, "--overwrite")[0] == 0
    assert file.read_text().startswith("<!doctype html>")


def test_figures_are_files_of_their_own_also_without_a_browser(run_id, in_process, tmp_path, monkeypatch):
    monkeypatch.setenv("CHROMIUM", "/bin/false")
    status, _, _ = in_process("report", run_id, "--figures", tmp_path / "figures")
    assert status == 0
    names = sorted(path.name for path in (tmp_path / "figures").iterdir())
    assert f"digits-small_cnn-class-3-ssd-{run_id[:8]}-accuracy-by-class.html" in names
    assert len(names) >= 10
    assert {name.rpartition(".")[2] for name in names} == {"html"}


def test_a_table_in_latex_is_alone_on_stdout(run_id, in_process):
    for words in (("report", run_id, "--latex"), ("compare", run_id, "--latex")):
        status, said, _ = in_process(*words)
        assert status == 0
        assert said.startswith("% needs \\usepackage{booktabs}\n\\begin{table}")
        assert said.endswith("\\end{table}\n")


def test_what_is_wrong_is_told_in_one_sentence(run_id, in_process, tmp_path):
    for words, sentence in (
        (("report", run_id), "--html FILE, --figures DIR or --latex"),
        (("report", run_id, "--latex", "--pictures"), "--pictures goes with --html FILE."),
        (("report", "0" * 12, "--html", tmp_path / "x.html"), "0" * 12),
        (("compare", run_id, "--latex", "--csv"), "choose one of --json, --csv and --latex"),
    ):
        status, said, told = in_process(*words)
        assert (status, said) == (2, "")
        assert sentence in told
        assert len(told.splitlines()) == 1
    assert not (tmp_path / "x.html").exists()
