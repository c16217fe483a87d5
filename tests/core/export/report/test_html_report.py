"""A run as one HTML file: its numbers, its doubts, nothing that leaves the file, nothing private in it."""

from base64 import b64decode
from dataclasses import replace
import io
from pathlib import Path

import numpy as np
import pandas as pd
from plotly.offline import get_plotlyjs
import pytest

from core.domain.errors import WrongInput
from core.export.page import plain_name
from core.export.report.html_report import run_report
from core.reports.checks.stored_run import finding_of
from core.storage.home import open_home
from core.storage.runs import ResultStore
from tests.core.export.conftest import plant_ssd
from tests.core.export.reading import Read, sha
from tests.planted import plant, spec

HOSTILE = '<script>alert("1")</script> & </title>'


def test_numbers_verdict_and_every_doubt_are_in_the_file(reported, shelves):
    home, run_id, text = reported
    read = Read(text)
    assert len(text) < 5_000_000
    (row,) = (row for row in read.rows if row[0] == "Accuracy, test retain set")
    assert row[2] == "43.2 %"
    assert row[-1].startswith(shelves.metrics["test_retain_accuracy"].definition)
    with ResultStore(home.database) as store:
        finding = finding_of(home, store, store.existing(run_id), shelves.datasets["digits"])
    assert finding.warnings
    for warning in finding.warnings:
        assert read.text.count(" ".join(warning.sentence.split())) == 2  # in the passport, and below the verdict
    assert "Second reference" in read.text
    assert "43.2 % now" in read.text
    (sheet,) = (tag["href"] for tag in read.tags["a"] if tag.get("download", "").endswith("-Accuracy.csv"))
    table = pd.read_csv(io.BytesIO(b64decode(sheet.partition("base64,")[2])))
    assert table.set_index("Measure")["Unlearned"]["Accuracy, test retain set"] == "43.2 %"


def test_figures_are_whole_and_each_has_a_name_of_its_own(reported):
    _, run_id, text = reported
    read = Read(text)
    plots = [tag for tag in read.tags["div"] if tag.get("class") == "plot"]
    names = [tag["data-name"] for tag in plots]
    assert len(read.figures) == len(plots) == len(set(names)) >= 10
    assert all(name.startswith(f"digits-small_cnn-class-3-ssd-{run_id[:8]}-") for name in names)
    assert all(tag["aria-label"] for tag in plots)
    assert all(figure["data"] and "template" not in figure["layout"] for figure in read.figures)
    (attack,) = (figure for figure in read.figures if figure["layout"].get("sliders"))
    assert len(attack["layout"]["sliders"][0]["steps"]) > 20


def test_nothing_can_run_but_our_two_scripts_and_nothing_can_leave(reported):
    read = Read(reported[2])
    (ours,) = (content for kind, content in read.scripts if not kind)
    assert read.plotly == get_plotlyjs()
    assert f"script-src {sha(ours)} {sha(read.plotly)};" in read.policy
    assert read.policy.startswith("default-src 'none';")
    assert {kind for kind, _ in read.scripts} == {"", "application/json", "application/octet-stream"}
    assert all(not tag.get("src", "").startswith(("http", "//")) for tags in read.tags.values() for tag in tags)
    assert [tag["href"] for tag in read.tags["link"]] == ["data:,"]
    assert "img" not in read.tags  # no picture of the dataset unless somebody wants them


def test_names_from_outside_are_shown_letter_for_letter(planted, shelves):
    home, run_id = planted
    digits = shelves.datasets["digits"]
    hostile = replace(digits, title=HOSTILE, classes=(*digits.classes[:3], HOSTILE, *digits.classes[4:]))
    text = run_report(home, run_id, replace(shelves, datasets={"digits": hostile})).text
    read = Read(text)
    assert HOSTILE in read.text
    assert "<script>alert" not in text
    assert len(read.tags["title"]) == 1
    (ours,) = (content for kind, content in read.scripts if not kind)
    assert "alert" not in ours


@pytest.mark.parametrize("name", ["ada.lovelace", "ada o'brien", "ada lovelace"])
def test_no_path_of_the_machine_is_in_the_file_or_in_its_sheets_even_where_files_are_damaged(tmp_path, shelves, monkeypatch, name):
    home = open_home(tmp_path / name / "home")
    run_id = plant_ssd(home)
    monkeypatch.setattr(Path, "home", lambda: Path(f"/home/{name}"))
    with ResultStore(home.database) as store:
        files = store.artifacts(run_id)
        with store.db.transaction() as write:
            reason = f"The stored file {home.root}/x.parquet is gone, and so is /home/{name}/y.csv."
            write.execute("update measurements set value = null, reason = ? where metric = 'attack_auc' and run_id = ?", (reason, run_id))
    (home.artifacts_folder / files["per_class"]).write_bytes(b"spoiled")
    (home.artifacts_folder / files["relearn"]).unlink()
    read = Read(run_report(home, run_id, shelves).text)
    sheets = [b64decode(tag["href"].partition("base64,")[2]).decode() for tag in read.tags["a"] if tag.get("download", "").endswith(".csv")]
    assert "is damaged" in read.text
    assert any("The stored file …/x.parquet is gone, and so is …/y.csv." in sheet for sheet in sheets)
    for text in (read.text, str(read.tags), str(read.figures), *sheets):
        assert not any(part in text for part in ("ada", "brien", "lovelace", str(tmp_path)))


@pytest.mark.parametrize("short", ["/", "/ws"])
def test_a_home_of_the_shortest_name_spoils_no_report(planted, shelves, monkeypatch, short):
    home, run_id = planted
    monkeypatch.setattr(Path, "home", lambda: Path(short))
    monkeypatch.setattr(Path, "cwd", lambda: Path(short))
    text = run_report(home, run_id, shelves).text
    read = Read(text)
    assert read.plotly == get_plotlyjs()
    assert text.endswith("</html>")
    assert len(read.figures) >= 10


def test_pictures_are_there_where_they_are_wanted(planted, shelves):
    home, run_id = planted
    map_ = {"answer": 3, "target": 3, "probabilities": [0.1] * 10, "map": np.ones((8, 8), np.float32)}

    def ask(question, **about):
        if question == "saliency_offer":
            offer = {"key": "grad_cam", "title": "Grad-CAM", "unfit": "", "targeted": True, "layered": True, "signed": False}
            return {"explainers": [offer], "layer": "conv2", "sets": {"forget": 1, "retain": 5}}
        assert about["settings"] == {"layer": "conv2"}
        return {"image": np.zeros((1, 8, 8), np.uint8), "label": 3, "models": dict.fromkeys(("original", "unlearned", "reference"), map_)}

    read = Read(run_report(home, run_id, shelves, ask).text)
    assert len(read.tags["img"]) == 2 * 4  # of the one forgotten image and the one retained image that there are: it, and three maps
    assert all(tag["src"].startswith("data:image/png;base64,") and tag["alt"] for tag in read.tags["img"])


def test_the_chosen_image_is_the_first_picture(planted, shelves):
    home, run_id = planted
    map_ = {"answer": 3, "target": 3, "probabilities": [0.1] * 10, "map": np.ones((8, 8), np.float32)}
    asked = []

    def ask(question, **about):
        if question == "saliency_offer":
            offer = {"key": "saliency", "title": "Gradients", "unfit": "", "targeted": True, "layered": False, "signed": False}
            return {"explainers": [offer], "layer": "", "sets": {"forget": 9, "retain": 5, "test_retain": 9}}
        if question == "saliency_place":
            if about["row"] != 12:
                raise WrongInput("There is no such image.")
            return {"set": "test_retain", "place": 6}
        asked.append((about["image"]["set"], about["image"]["place"]))
        return {"image": np.zeros((1, 8, 8), np.uint8), "label": 3, "models": dict.fromkeys(("original", "unlearned", "reference"), map_)}

    text = run_report(home, run_id, shelves, ask, "test:12").text
    assert asked == [("test_retain", 6), ("forget", 0), ("forget", 1)]
    assert "The chosen image, of the test retain set (number 6)" in text
    asked.clear()
    for none in ("", "test:13", "x"):
        run_report(home, run_id, shelves, ask, none)
    assert asked == [("forget", 0), ("forget", 1), ("retain", 0)] * 3


def test_a_run_without_a_reference_says_so(home, shelves):
    run_id = plant(home, spec("finetune", reference=False))
    read = Read(run_report(home, run_id, shelves).text)
    assert "none was trained" in read.text
    assert "Retrained reference" not in [cell for row in read.rows for cell in row]


def test_only_a_finished_run_has_a_report(home, shelves):
    with ResultStore(home.database) as store:
        run_id = store.add(spec("ssd"))
    with pytest.raises(WrongInput, match="is queued; a report is made of a finished run"):
        run_report(home, run_id, shelves)


def test_a_file_name_is_one_that_every_system_takes():
    assert plain_name("my set", "small_cnn", "class:a/b\\c?", "", "../ssd") == "my-set-small_cnn-class-a-b-c-ssd"
