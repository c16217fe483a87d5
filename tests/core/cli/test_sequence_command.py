"""`sequence`: from a terminal, the whole way: two requests, the table, what came out; stopped, listed, removed; wrong use."""

import json

import pytest

from core.sequences import journal
from tests.core.sequences.planted import parts, step, stored

OTHER = ("--dataset", "digits", "--model", "small_cnn")
SUBJECT = (*OTHER, "--method", "ssd")
CLASSES = ("--forget", "class:3", "--forget", "class:1")


@pytest.fixture(scope="module")
def place(first_run):
    """A home in which one run is done: the original and the first request's retrained network are there."""
    return first_run[0]


@pytest.fixture(scope="module")
def told(place, python_m_core):
    return python_m_core(place.root, "sequence", "start", *SUBJECT, *CLASSES, "--seeds", "0", "--json")


def test_a_sequence_is_followed_step_by_step_and_said_as_json_and_begins_with_the_ordinary_run(first_run, told):
    assert told.returncode == 0, told.stderr
    said = json.loads(told.stdout)
    assert (said["state"], said["made"], said["total"], len(said["steps"]), len(said["rows"])) == ("complete", 3, 3, 3, 2)
    assert said["whole"]["number"] == 0
    assert [
        line.split("  ")[1][: line.split("  ")[1].index("test") + 4] for line in told.stderr.splitlines() if ": test " in line
    ] == ["seed 0, request 1: test", "seed 0, request 2: test", "seed 0, all in one: test"]
    assert f"{said['id']}  ssd on digits, small_cnn: class:3, class:1, seed 0" in told.stderr
    run = json.loads(first_run[1].stdout)
    for metric, name in (("train_forget_accuracy", "request"), ("test_retain_accuracy", "test")):
        for network, numbers in (("original", "original"), ("unlearned", "metrics"), ("reference", "reference")):
            assert said["rows"][0]["accuracies"][network][name]["mean"] == pytest.approx(run[numbers][metric], abs=1e-12)


def test_its_table_names_every_request_and_what_came_out_and_the_list_has_it(place, told, python_m_core):
    said = json.loads(told.stdout)
    shown = python_m_core(place.root, "sequence", "show", said["id"], "--tolerance", "0.5")
    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert [line.split()[0] for line in lines[3:7]] == ["request", "1", "2", "in"]
    assert "The damage never leaves the tolerance of 50 points." in lines
    assert lines[1] == "3 of 3 steps, complete; intervals of 95 % over 1 seed"
    again = python_m_core(place.root, "sequence", "start", *SUBJECT, *CLASSES, "--seeds", "0", "--json")
    assert json.loads(again.stdout)["steps"] == said["steps"]  # the same command is the same sequence
    assert python_m_core(place.root, "sequence", "list").stdout.startswith(f"{said['id']}  3 of 3 steps, complete")


def test_planted_steps_are_printed_with_their_intervals(home, in_process):
    steps = [
        step(seed, number, 0.9 - 0.02 * seed * (number > 1), earlier=0.5 if number > 1 else None) for seed in (0, 1) for number in (1, 2, 0)
    ]  # fmt: skip
    found = stored(home, parts(2, seeds=(0, 1)), steps)
    status, out, _ = in_process("sequence", "show", found.id)
    assert status == 0
    first, second = out.splitlines()[4:6]
    assert first.split()[:9] == ["1", "14", "90", "%", "±", "0", "%", "90", "%"]
    assert "1.0 ± 12.7 points" in second
    assert second.split()[-2:] == ["2.00", "8.00"]
    assert "After 2 requests test accuracy is 1.0 ± 12.7 points below the retrained network's, over 2 seeds, each with its own draw." in out
    status, out, _ = in_process("sequence", "show", found.id, "--json", "--tolerance", "0.005")
    said = json.loads(out)
    assert (said["harmful"], said["tolerance"], said["dearer_than_one"]) == (2, 0.005, None)
    assert said["rows"][1]["damage"]["mean"] == pytest.approx(0.01)
    assert said["rows"][0]["relapse"] is None
    status, out, _ = in_process("sequence", "list", "--json")
    assert [one["id"] for one in json.loads(out)] == [found.id]
    assert in_process("sequence", "remove", found.id)[0] == 0
    assert "No sequences yet" in in_process("sequence", "list")[1]
    assert not journal.file_of(home, found.id).exists()


@pytest.mark.parametrize("words, said", [
    (("start", *SUBJECT, "--requests", "1"), "2 to 50 requests"), (("start", *SUBJECT, "--requests", "0"), "2 to 50 requests"),
    (("start", *SUBJECT, "--of", "random:200%"), "less than 100"), (("start", *SUBJECT, *CLASSES, "--requests", "3"), "said once"),
    (("start", *SUBJECT, *CLASSES, "--forget", "class:3"), "Requests 1 and 3"), (("start", *SUBJECT, "--seeds", "x"), "whole numbers"),
    (("start", *SUBJECT, "--set", "alpha=much"), "alpha must be"), (("start", *SUBJECT, "--recipe", "epochs=0"), "epochs"),
    (("show", "0" * 12), "There is no sequence"), (("go-on", "../x"), "There is no sequence"), (("stop", "0" * 12), "There is no sequence"),
    (("start", *SUBJECT, "--recipe", "shards=3"), "leave shards and slices out"),
    (("start", *SUBJECT, "--recipe", "validation=0.1"), "leave validation out of the recipe"),
    (("start", *OTHER, "--method", "amnesiac"), "Amnesiac unlearning reads how the original was trained"),
    (("start", *OTHER, "--method", "sisa", "--recipe", "shards=3"), "SISA (shards and slices) reads how the original was trained"),
    (("remove", "0" * 12), "There is no sequence"), (("show", "0" * 12, "--tolerance", "2"), "0<=x<=1"),
])  # fmt: skip
def test_wrong_use_is_one_sentence_and_status_2(place, in_process, monkeypatch, words, said):
    monkeypatch.setenv("FORGETSCOPE_HOME", str(place.root))
    status, out, err = in_process("sequence", *words)
    assert (status, out, err.count("\n")) == (2, "", 1), err
    assert said in err
