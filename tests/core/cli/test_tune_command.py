"""`tune`: from a terminal, the whole way: search, table and front, go on, a preset that the next run takes."""

import json

import pytest

from core.domain.presets import FRESH_SEEDS
from core.jobs.catalogue import catalogue
from core.storage.home import Home

SUBJECT = ("--dataset", "digits", "--model", "small_cnn", "--forget", "class:3", "--method", "ssd", "--mode", "blind")


@pytest.fixture(scope="module")
def place(first_run, tmp_path_factory):
    """A home in which one run is done, so that everything but the search's own original is there."""
    return first_run[0]


@pytest.fixture(scope="module")
def told(place, python_m_core):
    return python_m_core(place.root, "tune", "start", *SUBJECT, "--trials", "3", "--tune", "alpha=1:20", "--json")


def test_a_search_is_followed_trial_by_trial_and_said_as_json(told):
    assert told.returncode == 0, told.stderr
    said = json.loads(told.stdout)
    assert (said["state"], said["mode"], said["count"], len(said["trials"])) == ("complete", "blind", 3, 3)
    assert set(said["front"]) <= {0, 1, 2}
    assert said["closest"] in said["front"]
    assert not set(said["seeds"]) & set(FRESH_SEEDS)
    assert said["trials"][0]["params"]["alpha"] == pytest.approx(4.2, abs=0.3)
    assert "blind: By what a practitioner has" in told.stderr
    assert all(f"   {n}  alpha=" in told.stderr for n in range(3))
    assert told.stderr.count("blind: forget accuracy left") == 3  # the mode beside every number


def test_it_goes_on_and_its_table_names_the_mode_in_every_column(place, told, python_m_core):
    search_id, before = json.loads(told.stdout)["id"], json.loads(told.stdout)["trials"]
    more = python_m_core(place.root, "tune", "go-on", search_id, "--trials", "4")
    assert more.returncode == 0, more.stderr
    assert "4 of 4 trials, complete" in more.stdout
    for head in ("forget accuracy left (blind)", "validation accuracy (blind)", "attack over chance (blind)"):
        assert head in more.stdout
    assert "on the Pareto front" in more.stdout
    listed = python_m_core(place.root, "tune", "list")
    assert listed.stdout.startswith(f"{search_id}  4 of 4 trials, complete")
    after = json.loads(python_m_core(place.root, "tune", "show", search_id, "--json").stdout)["trials"]
    assert after[:3] == before


def test_use_makes_a_trial_the_default_of_the_next_run_and_gives_it_up_again(place, told, python_m_core):
    search_id = json.loads(told.stdout)["id"]
    used = python_m_core(place.root, "tune", "show", search_id, "--use", "1")
    assert f"ssd on digits with small_cnn, classes: trial 1 of the blind search {search_id}" in used.stdout
    alpha = json.loads(told.stdout)["trials"][1]["tried"]["alpha"]
    (own,) = json.loads(python_m_core(place.root, "tune", "presets", "--json").stdout)
    assert own["values"]["alpha"] == alpha
    assert catalogue(place.root).presets[0].values["alpha"] == alpha
    assert python_m_core(place.root, "tune", "presets", "--give-up", "1").returncode == 0
    assert "no presets of its own" in python_m_core(place.root, "tune", "presets").stdout
    assert catalogue(Home(place.root).root).presets == ()


@pytest.mark.parametrize("words, said", [
    (("start", *SUBJECT, "--seeds", "0"), "judged on the seeds"), (("start", *SUBJECT, "--trials", "0"), "1 to 1000 trials"),
    (("start", *SUBJECT, "--time", "soon"), "A search's time must be"), (("start", *SUBJECT, "--tune", "alpha=5:1"), "tuned within"),
    (("show", "0" * 12), "There is no search"), (("go-on", "../x"), "There is no search"), (("stop", "0" * 12), "There is no search"),
    (("presets", "--give-up", "3"), "there is no 3"), (("start", *SUBJECT, "--weights", "mine.pth"), "takes no weights of your own"),
])  # fmt: skip
def test_wrong_use_is_one_sentence_and_status_2(place, in_process, monkeypatch, words, said):
    monkeypatch.setenv("FORGETSCOPE_HOME", str(place.root))
    status, out, err = in_process("tune", *words)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert said in err


def test_use_wants_a_trial_that_is_there(place, told, in_process, monkeypatch):
    monkeypatch.setenv("FORGETSCOPE_HOME", str(place.root))
    search_id = json.loads(told.stdout)["id"]
    for use, said in (("99", "there is no trial 99"), ("best", "the number of a trial, or closest")):
        status, _, err = in_process("tune", "show", search_id, "--use", use)
        assert status == 2
        assert said in err
