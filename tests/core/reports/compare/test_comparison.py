"""Finished runs side by side, read from a real store."""

from math import nan

import pandas as pd
import pytest

from core.domain.evaluation import Evaluation
from core.domain.requests.registry import parse_request
from core.domain.run import Measurement, RunSpec, RunStatus, settings_text
from core.reports.compare.comparison import (
    ABOUT,
    TIME,
    comparable,
    comparison,
    network_of,
    one_network,
    one_subject,
    why_fewer,
)
from core.reports.compare.comparison_table import table_of
from core.reports.compare.leaderboard import leaderboard
from core.storage.database import Database
from core.storage.finished_runs import all_values, finished_runs
from core.storage.home import open_home
from core.storage.processes import ProcessId
from core.storage.record_types import Outcome
from core.storage.runs import ResultStore
from tests.planted import plant
from tests.planted import spec as planted


@pytest.fixture
def store(tmp_path):
    with ResultStore(open_home(tmp_path / "home").database) as opened:
        yield opened


def finish(
    store, *, seed=0, method="ssd", forget="class:3", dataset="digits", model="small_cnn", engine="", device="", numbers=(),
    evaluation=None, **params,
):
    spec = RunSpec(dataset, model, parse_request(forget), method, params, seed, engine=engine)
    run_id = store.add(spec, evaluation=evaluation)
    _, attempt = store.claim(ProcessId.of_this_process())
    taken = tuple(Measurement(metric, model, value, "" if value is not None else "none") for model, metric, value in numbers)
    outcome = Outcome(taken, {"train": 3.0, "unlearn": 0.5}, 8.0, device=device)
    assert store.finish(run_id, attempt, RunStatus.DONE, outcome=outcome)
    return run_id


def test_runs_by_different_recipes_are_about_different_networks(tmp_path):
    home = open_home(tmp_path / "planted")
    plant(home, planted("ssd", recipe={"epochs": 2}))
    for method in ("finetune", "salun"):
        plant(home, planted(method))
    with ResultStore(home.database) as opened:
        frame = comparison(opened)
    assert sorted(frame["model"]) == ["small_cnn", "small_cnn", "small_cnn (epochs=2)"]
    assert "2 different models (small_cnn, small_cnn (epochs=2))" in why_fewer(frame)
    assert why_fewer(frame[frame["model"] == "small_cnn"]) == ""
    assert {"test_retain_accuracy", "attack_auc", "reference.test_retain_accuracy"} <= set(comparable(frame)), "one network by two recipes"
    assert "one network trained by several recipes" in why_fewer(frame)
    assert (one_network(frame), one_subject(frame)) == (True, False)
    (task,) = leaderboard(frame, dict(zip(frame["id"], frame["method"], strict=True)), "js_to_reference").tasks
    assert task.model == "small_cnn", "the run by another recipe is ranked against none of them"


@pytest.mark.parametrize("model, network", [
    ("small_cnn", "small_cnn"), ("small_cnn (epochs=30)", "small_cnn"), ("small_cnn (shards=5 slices=3)", "small_cnn"),
    ("timm:resnet18.a1_in1k (epochs=2)", "timm:resnet18.a1_in1k"), ("small_cnn (own weights ab12cd)", "small_cnn (own weights ab12cd)"),
    ("vit_small (own weights ab12cd, imagenet rgb; epochs=2)", "vit_small (own weights ab12cd, imagenet rgb)"),
])  # fmt: skip
def test_a_network_is_its_model_without_the_recipe(model, network):
    assert network_of(model) == network


def test_metrics_that_extensions_measured_in_several_versions_are_said_to_be(tmp_path):
    home = open_home(tmp_path / "planted")
    for seed, version in enumerate(("aa", "aa", "bb")):
        plant(home, planted("ssd", seed=seed), files={"metric_versions": pd.DataFrame([("mine", version)], columns=["metric", "version"])})
    plant(home, planted("finetune"))
    with ResultStore(home.database) as opened:
        frame = comparison(opened)
    assert "Metrics of extensions were measured by several versions" in why_fewer(frame)
    assert why_fewer(frame[frame["seed"] < 2]) == "", "a run without any says nothing"


def test_the_leaderboard_says_so_of_runs_that_it_ranks_against_each_other_alone(tmp_path):
    home = open_home(tmp_path / "planted")
    versions = {"aa": 0, "bb": 1}
    for request, version in (("class:3", "aa"), ("class:5", "bb")):
        for method in ("ssd", "finetune"):
            measured = pd.DataFrame([("mine", version)], columns=["metric", "version"])
            plant(home, planted(method, request, seed=versions[version]), files={"metric_versions": measured})
    with ResultStore(home.database) as opened:
        names = {run.id: run.spec.method for run in finished_runs(opened)}
        assert len(leaderboard(comparison(opened), names).tasks) == 2
        assert leaderboard(comparison(opened), names).several == "", "two tasks, each measured by one version"
        plant(home, planted("ssd", seed=1), files={"metric_versions": measured})
        names = {run.id: run.spec.method for run in finished_runs(opened)}
        frame = comparison(opened)
        assert leaderboard(frame, names).several in why_fewer(frame)
        assert "measured by several versions" in leaderboard(frame, names).several


THREE = (("unlearned", "zrf", 0.7), ("original", "zrf", 0.4), ("reference", "zrf", 0.8), ("unlearned", "probe", None))


def test_a_row_says_what_the_run_was_and_its_numbers_by_model(store):
    run_id = finish(store, seed=2, numbers=THREE, alpha=2.5, importance="batch")
    frame = comparison(store, [run_id])
    row = frame.iloc[0]
    assert list(frame.columns) == [*ABOUT, *TIME, "zrf", "original.zrf", "reference.zrf"]
    assert (row.id, row.dataset, row.model, row.request, row.kind) == (run_id, "digits", "small_cnn", "class:3", "class")
    assert (row.method, row.settings, row.seed, row.reference) == ("ssd", "alpha=2.5 · importance=batch", 2, True)
    assert (row.seconds, row.speedup) == (0.5, 8.0)
    assert (row.zrf, row["original.zrf"], row["reference.zrf"]) == (0.7, 0.4, 0.8)
    assert row.finished.tzinfo is not None


def test_a_row_says_what_control_a_run_is(store):
    for mask in ("own", "random"):
        finish(store, method="aru", mask=mask)
    assert list(comparison(store)["control"]) == ["a random mask", ""]


def test_rows_come_in_the_order_asked_for_each_once_and_without_ids_newest_first(store):
    ids = [finish(store, seed=seed) for seed in range(3)]
    asked = [ids[1], ids[2], ids[1]]
    assert list(comparison(store, asked)["id"]) == ids[1:]
    assert list(comparison(store)["id"]) == ids[::-1]


def test_what_is_not_finished_or_not_there_has_no_row(store):
    done = finish(store)
    waiting = store.add(RunSpec("digits", "small_cnn", parse_request("class:3"), "ssd", {}, 9))
    assert list(comparison(store, [waiting, "nope", "\ud800", done])["id"]) == [done]


def test_a_number_that_a_run_lacks_is_nan(store):
    with_it, without = finish(store, seed=1, numbers=THREE), finish(store, seed=2)
    frame = comparison(store, [with_it, without])
    assert list(frame["zrf"].isna()) == [False, True]


def test_draws_of_one_request_are_one_subject_and_are_said_where_not_every_method_has_each(store):
    ids = [finish(store, seed=s, forget=f"random:0.05@{s}", numbers=THREE) for s in (0, 7)]
    frame = comparison(store, ids)
    assert (list(frame["request"]), list(frame["draw"])) == (["random:0.05", "random:0.05@7"], ["0", "7"])
    assert comparable(frame) == [*TIME, "zrf", "original.zrf", "reference.zrf"]
    assert why_fewer(frame) == ""
    other = finish(store, method="finetune", forget="random:0.05@7", numbers=THREE)
    assert why_fewer(comparison(store, [*ids, other])) == (
        "These runs forget 2 different draws (0, 7), and not every method has run on each of them, so they may differ for that alone."
    )
    assert "2 different requests" in why_fewer(comparison(store, [*ids, finish(store, forget="random:0.1@7")]))


def test_an_empty_home_gives_an_empty_table_with_the_columns(store):
    frame = comparison(store)
    assert (len(frame), list(frame.columns)) == (0, [*ABOUT, *TIME])
    assert comparable(frame) == list(TIME)


def test_runs_of_one_request_are_comparable_in_every_number(store):
    frame = comparison(store, [finish(store, seed=s, numbers=THREE) for s in (0, 1)])
    assert why_fewer(frame) == ""
    assert comparable(frame) == [*TIME, "zrf", "original.zrf", "reference.zrf"]


MANY = (("unlearned", "zrf", 0.7), ("unlearned", "tow", 0.9), ("reference", "tow", 1.0))


@pytest.mark.parametrize(
    "other, columns, words",
    [
        ({"forget": "class:5"}, [*TIME, "tow"], "2 different requests (class:3, class:5)"),
        ({"model": "vgg"}, [*TIME, "tow"], "2 different models (small_cnn, vgg)"),
        ({"dataset": "letters"}, [*TIME], "2 different datasets (digits, letters)"),
    ],
)
def test_what_differs_in_its_subject_is_compared_in_fewer_numbers_and_told(store, other, columns, words):
    frame = comparison(store, [finish(store, numbers=MANY), finish(store, numbers=MANY, **other)])
    assert comparable(frame) == columns
    assert words in why_fewer(frame)
    assert why_fewer(frame).count(".") == 1


@pytest.mark.parametrize(
    "other, sentence",
    [
        ({"engine": "two"}, "These runs were computed by 2 versions of the engine (one, two), so they may differ for that alone."),
        ({"engine": ""}, "These runs were computed by 2 versions of the engine (one, unknown), so they may differ for that alone."),
        (
            {"device": "cuda"},
            "These runs were computed on different devices (cpu, cuda), so seconds and speed-up do not compare the methods.",
        ),
        ({"device": ""}, ""),  # not known
    ],
)
def test_other_engines_and_devices_are_said_and_every_number_stays(store, other, sentence):
    alike = {"engine": "one", "device": "cpu"}
    frame = comparison(store, [finish(store, numbers=MANY, **alike), finish(store, seed=1, numbers=MANY, **alike | other)])
    assert why_fewer(frame) == sentence
    assert comparable(frame) == [*TIME, "zrf", "tow", "reference.tow"]


def test_runs_that_were_not_evaluated_alike_are_said(store):
    ids = [finish(store, numbers=MANY), finish(store, seed=1, numbers=MANY)]
    assert why_fewer(comparison(store, ids)) == ""
    ids.append(finish(store, seed=2, numbers=MANY, evaluation=Evaluation(whole=True)))
    ids.append(finish(store, seed=3, numbers=MANY, evaluation=Evaluation(without=("probes", "cka"), budget=90.0)))
    frame = comparison(store, ids)
    assert list(frame["evaluation"]) == ["", "", "all training images", "without probes and cka within 1 min 30 s"]
    assert why_fewer(frame) == (
        "These runs were not evaluated alike (as usual, all training images, without probes and cka within 1 min 30 s), so metrics "
        "over training images may differ for that alone, and some runs may lack metrics that others have."
    )
    store.add(store.existing(ids[2]).spec, anew=True, evaluation=Evaluation())  # its numbers stand meanwhile
    assert list(comparison(store, ids)["evaluation"]) == list(frame["evaluation"])


def test_the_original_is_one_row_over_seeds_whichever_methods_ran_with_them(store):
    of_ssd = [finish(store, seed=seed, numbers=THREE, engine="e-ssd") for seed in (1, 2)]
    frame = comparison(store, [finish(store, method="scrub", numbers=THREE, engine="e-scrub"), *of_ssd])
    rows = table_of(frame, frame, ["zrf"], together=True)
    assert [tuple(row) for row in rows.about[["of", "method", "n"]].to_numpy()] == [
        ("original", "original", 3), ("reference", "reference", 3), ("unlearned", "scrub", 1), ("unlearned", "ssd", 2),
    ]  # fmt: skip


def test_another_request_and_another_engine_are_a_sentence_each(store):
    frame = comparison(store, [finish(store, numbers=MANY, engine="one"), finish(store, forget="class:5", engine="two")])
    assert comparable(frame) == [*TIME, "tow"]
    assert why_fewer(frame).count(". ") == 1


def test_settings_are_written_as_on_the_command_line():
    assert settings_text({"alpha": 2.0, "rate": 0.00001, "epochs": 5, "scope": "all"}) == (
        "alpha=2 · rate=1e-05 · epochs=5 · scope=all"
    )
    assert settings_text({}) == ""


def test_a_hundred_runs_are_two_questions(store, monkeypatch):
    keys = [(model, f"metric{i}", i / 50) for model in ("original", "unlearned", "reference") for i in range(40)]
    with store.db.transaction() as write:
        for seed in range(100):
            spec = RunSpec("digits", "small_cnn", parse_request("class:3"), "ssd", {"alpha": 2.0}, seed)
            write.execute(
                "insert into runs (id, spec, status, turn, created_at, finished_at) values (?, ?, 'done', ?, ?, ?)",
                (spec.id, spec.to_json(), seed, "2026-01-01T00:00:00+00:00", "2026-01-01T00:00:00+00:00"),
            )
            write.executemany(
                "insert into measurements values (?, ?, ?, ?, '')", [(spec.id, k, m, v) for m, k, v in keys]
            )
    asked = []
    plain_read = Database.read
    monkeypatch.setattr(Database, "read", lambda self, *words: asked.append(words) or plain_read(self, *words))
    ids = list(comparison(store)["id"])
    assert len(asked) == 2
    for chosen in (None, ids):
        frame = comparison(store, chosen)
        assert frame.shape == (100, len(ABOUT) + 2 + 120)
        assert frame["metric7"].eq(7 / 50).all()


def test_numbers_stand_in_the_order_in_which_runs_gave_them_and_damaged_ones_nowhere(store):
    given = (("reference", "b", 0.1), ("unlearned", "z", 0.2), ("original", "b", 0.3), ("unlearned", "b", None))
    first = finish(store, seed=1, numbers=given)
    second = finish(store, seed=2, numbers=(("unlearned", "a", 0.4), ("unlearned", "b", 0.5), ("unlearned", "z", 0.6)))
    with store.db.transaction() as write:
        for name, model, value in (
            ("cast(x'66ff' as text)", "'unlearned'", "1.0"), ("x'61'", "'original'", "1.0"), ("'c'", "'none'", "1.0"),
            ("'d'", "'reference'", "'text'"), ("'e/f'", "'original'", "0.7"),
        ):  # fmt: skip
            write.execute(f"insert into measurements values (?, {name}, {model}, {value}, '')", (second,))
    frame = comparison(store, [second, first])
    assert list(frame.columns[len(ABOUT) + len(TIME) :]) == ["z", "a", "b", "original.b", "original.e/f", "reference.b"]
    assert frame[["z", "a", "b"]].fillna(-1).to_numpy().tolist() == [[0.6, 0.4, 0.5], [0.2, -1, -1]]
    assert all_values(store, ["\ud800", first]) == {
        ("reference", "b"): pytest.approx([nan, 0.1], nan_ok=True), ("unlearned", "z"): pytest.approx([nan, 0.2], nan_ok=True),
        ("original", "b"): pytest.approx([nan, 0.3], nan_ok=True),
    }  # fmt: skip
