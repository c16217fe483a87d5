"""The passport's sentences follow from the numbers of the run, and its digests from its files."""

import hashlib
import json

import pytest

from core.export.bundle.bring import bring
from core.export.bundle.write import export
from core.export.report.html_report import run_report
from core.export.report.passport import digests_of, passport
from core.export.report.run_contents import contents
from core.export.run_deck import run_deck
from core.storage.home import open_home
from core.storage.runs import ResultStore
from tests.core.export.reading import Read
from tests.planted import plant, spec


def of(home, run_id, shelves):
    with ResultStore(home.database) as store:
        return contents(home, store, run_id, shelves)


def test_it_says_what_was_asked_and_how_strong_the_evidence_is(reported, shelves):
    home, run_id, _ = reported
    told = passport(of(home, run_id, shelves))
    assert told.asked[1] == "The forget set: 147 of 1,437 training images (10.2 %)."
    assert not any("replaces" in line for line in told.done)  # nobody knows what became of the original
    assert told.strength[0].startswith(
        "Seeds: 1 finished run of this request with these settings, this code and this device; 3 or more are wanted"
    )
    (variability,) = (line for line in told.strength if line.startswith("Retraining variability"))
    assert "the attack's AUC by 3.0 points" in variability  # 53 % and 50 %
    # Hanley and McNeil by hand, AUC 0.6 of 147 and 36: Q1 = 0.6/1.4, Q2 = 0.72/1.6
    error = ((0.6 * 0.4 + 146 * (0.6 / 1.4 - 0.36) + 35 * (0.72 / 1.6 - 0.36)) / (147 * 36)) ** 0.5
    assert f"its AUC is 60 % ± {196 * error:.1f} %" in told.strength[-1]
    assert "147 forgotten and 36 unseen images, those that were evaluated" in told.strength[-1]
    # the table of single images has all 147 forgotten and 36 alike; one half of each side chose the threshold, the other half is counted
    assert "from 73 forgotten and 18 unseen images, by the smaller count; 50 % is guessing" in told.strength[-2]
    assert any("one run with one seed" in line for line in told.open)
    assert not any("was not measured" in line for line in told.open)


def test_other_seeds_count_and_other_settings_code_device_or_a_missing_reference_do_not(planted, shelves):
    home, run_id = planted
    plant(home, spec("ssd", seed=1))
    plant(home, spec("ssd", seed=2))
    plant(home, spec("ssd", seed=3, params={"alpha": 9.0}))
    plant(home, spec("ssd", "class:5", seed=4))
    plant(home, spec("ssd", seed=5, engine="000000000000-000000"))
    plant(home, spec("ssd", seed=6, reference=False))
    elsewhere = plant(home, spec("ssd", seed=7))
    with ResultStore(home.database) as store, store.db.transaction() as write:
        write.execute("update runs set device = 'cuda' where id = ?", (elsewhere,))
    told = passport(of(home, run_id, shelves))
    assert told.strength[0].startswith("Seeds: 3 finished runs of this request with these settings, this code and this device.")
    assert not any("one run with one seed" in line for line in told.open)


def test_seeds_of_a_drawn_request_count_whatever_their_draws(home, shelves):
    run_id = plant(home, spec("ssd", "random:0.05@1", seed=0))
    plant(home, spec("ssd", "random:0.05@2", seed=1))
    plant(home, spec("ssd", "random:0.1@3", seed=2))
    assert of(home, run_id, shelves).other_seeds == (1,)


@pytest.fixture
def imported(planted, tmp_path):
    """A home with a run that came in a bundle, `of ada.zip`; and that run."""
    source, run_id = planted
    export(source, [run_id], tmp_path / "of ada.zip")
    home = open_home(tmp_path / "other")
    bring(home, tmp_path / "of ada.zip")
    return home, run_id


def test_a_run_that_was_not_computed_here_says_so_wherever_it_goes(imported, planted, shelves):
    home, run_id = imported
    run = of(home, run_id, shelves)
    told = passport(run)
    assert told.open[0] == (
        "These numbers were computed elsewhere and came in the file of ada.zip; nothing here has computed them again."
    )
    assert any(line.endswith("on the device cpu, as the bundle says.") for line in told.done)
    read = Read(run_report(home, run_id, shelves).text)
    assert told.open[0] in read.text
    assert f"run {run_id} · imported from of ada.zip" in read.text
    assert told.open[0] in run_deck(home, run_id, shelves)[1][-1].text
    own = passport(of(*planted, shelves))
    assert not any("elsewhere and came" in line or "bundle says" in line for line in (*own.open, *own.done))


def test_imported_seeds_count_beside_imported_runs_alone(imported, planted, shelves):
    home, run_id = imported
    here = plant(home, spec("ssd", seed=1))
    assert of(home, run_id, shelves).other_seeds == (1,)
    assert of(home, here, shelves).other_seeds == ()


def test_without_a_second_reference_the_variability_is_open(home, shelves):
    told = passport(of(home, plant(home, spec("ssd")), shelves))
    assert any("differ by chance was not measured" in line for line in told.open)
    assert "Retraining variability: not measured." in told.strength


def test_digests_are_those_of_the_files_as_they_are_now_and_of_the_request(planted, shelves):
    home, run_id = planted
    run = of(home, run_id, shelves)
    found = digests_of(run)
    for model, words in (("original", "original"), ("unlearned", "unlearned"), ("reference", "retrained reference")):
        assert found[f"weights, {words}"] == hashlib.sha256((home.artifacts_folder / run.files[model]).read_bytes()).hexdigest()
    request = {"kind": "class", "picks": [3], "amount": 0.0, "seed": 0, "column": ""}
    assert found["data request"] == hashlib.sha256(json.dumps(["digits", request], sort_keys=True).encode()).hexdigest()
    assert found["code"] == run.run.spec.engine
    spoiled, gone = (home.artifacts_folder / run.files[model] for model in ("unlearned", "original"))
    spoiled.write_bytes(spoiled.read_bytes()[:-1] + b"!")
    gone.unlink()
    now = digests_of(run)
    assert now["weights, unlearned"] == f"{hashlib.sha256(spoiled.read_bytes()).hexdigest()}, damaged (was {spoiled.stem})"
    assert now["weights, original"] == f"missing (was {gone.stem})"
    assert now["weights, retrained reference"] == found["weights, retrained reference"]
    read = Read(run_report(home, run_id, shelves).text)
    assert now["weights, unlearned"] in read.text
    assert now["weights, original"] in read.text


def test_the_commands_of_the_passport_print_each_of_its_digests(planted, shelves, tmp_path, monkeypatch, in_process):
    home, run_id = planted
    monkeypatch.setenv("FORGETSCOPE_HOME", str(home.root))
    monkeypatch.chdir(tmp_path)
    told = passport(of(home, run_id, shelves))
    written, checked = (line.removeprefix("python -m core ").removesuffix(" --rerun").split() for line in told.check.splitlines())
    assert in_process(*written)[0] == 0
    status, out, _ = in_process(*checked)
    assert status == 0
    (plain,) = (one["digests"] for one in json.loads(in_process(*checked, "--json")[1])["runs"] if one["id"] == run_id)
    assert len(told.digests) == 6
    for what, value in told.digests.items():
        assert f"    {what}: {value}\n" in out
    assert plain == told.digests


def test_the_attack_s_interval_is_of_the_images_that_were_evaluated(home, shelves):
    """Of CIFAR-10 a costly network sees a draw: 1,000 of the 5,000 that go, 1,000 of the others."""
    base = spec("ssd", dataset="cifar10", engine="0123456789ab-012345")
    own = of(home, plant(home, spec("ssd")), shelves).table("per_class")
    counts = {("train", c): 1000 if c == 3 else 111 + (c == 0) for c in range(10)} | {("test", c): 1000 for c in range(10)}
    drawn = own.assign(count=[counts[split, c] for split, c in zip(own["split"], own["class"], strict=True)])
    costly = plant(home, base, files={"per_class": drawn}, attack_auc=0.6)
    told = passport(of(home, costly, shelves))
    assert told.asked[1].startswith("The forget set: 5,000 of 50,000 training images")
    # Hanley and McNeil by hand for AUC 0.6 of 1,000 and 1,000: Q1 = 0.6/1.4, Q2 = 0.72/1.6
    error = ((0.24 + 999 * (0.6 / 1.4 - 0.36) + 999 * (0.72 / 1.6 - 0.36)) / 1e6) ** 0.5
    assert f"its AUC is 60 % ± {196 * error:.1f} % " in told.strength[-1]
    assert "1,000 forgotten and 1,000 unseen images" in told.strength[-1]
