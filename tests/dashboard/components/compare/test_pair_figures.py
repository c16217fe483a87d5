"""The Compare page's tables and figures are functions of their data: what they say and draw, on cases worked by hand."""

from datetime import UTC, datetime
from itertools import pairwise
from math import isnan, nan, sqrt
import re

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from scipy import stats

from core.domain.info import MetricInfo
from core.domain.requests.registry import parse_request
from core.figures import class_figures
from core.figures.compare import flow_and_overlap_figures as flows
from core.figures.compare import pair_figures, pareto_front
from core.figures.compare.metric_columns import COST, TITLES, Column, columns_of, header_of
from core.figures.compare.pareto_front import BEATEN, FRONT, IDLE, QUANTITIES, UNJUDGED
from core.figures.compare.run_labels import differing, names_of
from core.figures.palette import MODEL_COLOUR, MODEL_DASH, PAIR_COLOUR, PAIR_SYMBOL
from core.figures.plotly_layout import HEIGHT
from core.jobs.write_catalogue import describe
from core.reports.compare.comparison_table import table_of
from core.reports.compare.runs_by_seed import numbers_by_seed, rows_of, several_seeds
from dashboard.components.compare.columns import DARK, LIGHT, TEXT, cell_css, goodness, styled
from tests.core.figures.test_palette import SEEN, contrast
from tests.core.figures.test_palette import TEXT as CONTRAST

CLASSES = ("cat", "dog", "owl")
GAP, KEPT, ATTACK, SECONDS = (QUANTITIES[name] for name in ("forgetting", "retain", "attack", "seconds"))


def frame_of(*rows: dict[str, object]) -> pd.DataFrame:
    """Runs as core.reports.compare.comparison makes them; what a row leaves out is usual."""
    usual = {
        "dataset": "digits", "model": "small_cnn", "request": "class:3", "kind": "class", "method": "ssd", "settings": "", "control": "",
        "seed": 0, "reference": True, "finished": datetime(2026, 1, 1, tzinfo=UTC), "engine": "e", "device": "cpu",
        "seconds": 1.0, "speedup": 3.0,
        "test_forget_accuracy": 0.1, "reference.test_forget_accuracy": 0.0, "original.test_forget_accuracy": 0.9,
        "train_forget_accuracy": 0.2, "reference.train_forget_accuracy": 0.0, "test_retain_accuracy": 0.9,
        "reference.test_retain_accuracy": 0.95, "original.test_retain_accuracy": 0.97, "attack_loss_accuracy": 0.6,
        "reference.attack_loss_accuracy": 0.5, "original.attack_loss_accuracy": 0.7,
    }  # fmt: skip
    found = [{"id": run_id(number), **usual, **row} for number, row in enumerate(rows)]
    asked = [parse_request(str(row["request"])) for row in found]
    return pd.DataFrame([row | {"draw": str(a.seed) if a.drawn else ""} for row, a in zip(found, asked, strict=True)])


def run_id(number: int) -> str:
    return f"{number:06x}" * 2


def column(key: str, goal: str = "high", unit: str = "share") -> Column:
    return Column(key, key, MetricInfo(key, key, unit, goal, "What it is."))


# Rows.


def test_a_row_a_run_keeps_every_value_and_has_no_interval():
    frame = frame_of({"tow": 0.5}, {"tow": 0.7, "seed": 1})
    rows = rows_of(frame, ["tow"], together=False)
    assert list(rows.values["tow"]) == [0.5, 0.7]
    assert rows.halves["tow"].isna().all()
    assert list(rows.about["seed"]) == [0, 1]
    assert list(rows.about["ids"]) == [(i,) for i in frame["id"]]


def test_runs_that_differ_by_seed_alone_are_one_row_with_students_interval():
    values = [0.5, 0.7, 0.6]
    frame = frame_of(*({"tow": v, "seed": s} for s, v in enumerate(values)), {"tow": 0.1, "settings": "alpha=2"})
    rows = rows_of(frame, ["tow"], together=True)
    assert list(rows.about["n"]) == [3, 1]
    assert list(rows.about["settings"]) == ["", "alpha=2"]
    assert rows.about["ids"][0] == tuple(frame["id"][:3])
    assert rows.values["tow"].tolist() == pytest.approx([0.6, 0.1])
    half = stats.t.ppf(0.975, 2) * np.std(values, ddof=1) / sqrt(3)
    assert rows.halves["tow"][0] == pytest.approx(half)
    assert isnan(rows.halves["tow"][1])
    assert rows.few == 1


def test_the_distance_to_the_reference_is_taken_run_by_run():
    frame = frame_of(
        {"test_forget_accuracy": 0.2, "reference.test_forget_accuracy": 0.1},
        {"test_forget_accuracy": 0.2, "reference.test_forget_accuracy": 0.3, "seed": 1},
    )
    together = rows_of(frame, ["test_forget_accuracy", "seconds"], together=True)
    assert together.gaps["test_forget_accuracy"][0] == pytest.approx(0.1)  # not |0.2 - 0.2|
    assert isnan(together.gaps["seconds"][0])


def test_seeds_are_several_only_where_all_else_is_equal():
    assert several_seeds(frame_of({}, {"seed": 1}))
    assert not several_seeds(frame_of({}, {"seed": 1, "settings": "alpha=2"}))
    assert not several_seeds(frame_of({}, {"seed": 1, "request": "class:5"}))


def test_draws_that_go_with_seeds_are_one_row_and_one_draw_with_several_seeds_is_another():
    own = frame_of(*({"seed": s, "request": f"random:0.05@{s}", "tow": s / 10} for s in (1, 2, 3)))
    rows = rows_of(own, ["tow"], together=True)
    assert (list(rows.about["request"]), list(rows.about["n"]), list(rows.about["draws"])) == (["random:0.05"], [3], [3])
    assert several_seeds(own)
    both = frame_of(
        *({"seed": s, "request": f"random:0.05@{s}"} for s in (1, 2, 3)), *({"seed": s, "request": "random:0.05@9"} for s in (1, 2)),
        {"seed": 1, "request": "random:0.1"},
    )  # fmt: skip
    rows = rows_of(both, [], together=True)
    assert list(rows.about["request"]) == ["random:0.05", "random:0.05@9", "random:0.1"]
    assert (list(rows.about["n"]), list(rows.about["draws"])) == ([3, 2, 1], [3, 1, 1])


def test_runs_are_paired_by_seed_and_draw():
    frame = frame_of(*({"seed": seed, "request": f"random:0.05@{draw}"} for seed, draw in ((1, 1), (1, 2), (4, 1))))
    assert list(numbers_by_seed(frame, frame["seed"] > 0)) == [(1, "1"), (1, "2"), (4, "1")]


def test_a_run_is_named_by_what_tells_it_from_the_others():
    frame = frame_of(
        {"settings": "alpha=2 · lambda=1"}, {"settings": "alpha=3 · lambda=1"}, {"method": "finetune", "settings": "epochs=5", "seed": 4}
    )
    assert list(differing(frame).values()) == ["alpha=2", "alpha=3", ""]
    assert list(names_of(frame).values()) == ["ssd · alpha=2 · seed 0", "ssd · alpha=3 · seed 0", "finetune · seed 4"]
    mixed = frame_of({}, {"request": "random:0.05"})
    assert list(names_of(mixed).values()) == ["ssd · class:3 · seed 0", "ssd · random:0.05 · seed 0"]


def test_runs_that_only_their_engine_parts_are_told_apart_by_their_ids():
    names = names_of(frame_of({"engine": "one"}, {"engine": "two"}))
    assert len(set(names.values())) == 2
    assert all(name.endswith(f" · {i[:6]}") for i, name in names.items())


def test_numbers_by_seed_are_sorted_by_model():
    frame = frame_of({"seed": 7, "tow": nan}, {"seed": 8, "method": "other"})
    (found,) = numbers_by_seed(frame, frame["method"] == "ssd").values()
    assert found["unlearned"]["test_forget_accuracy"] == 0.1
    assert found["original"]["test_forget_accuracy"] == 0.9
    assert "tow" not in found["unlearned"]


# The table.


def test_a_header_is_shorter_than_the_catalogues_title_where_that_is_long():
    infos = describe().metrics | COST
    assert set(TITLES) <= set(infos)
    assert all(len(title) < len(infos[key].title) or title == infos[key].title for key, title in TITLES.items())
    assert header_of("brand_new", infos) == "brand_new"


@pytest.mark.parametrize(
    "unit, value, half, text",
    [("share", 0.934, nan, "93.4 %"), ("share", 0.934, 0.0123, "93.4 ± 1.2 %"), ("nats", 0.0925, 0.0009, "0.092 ± 0.001"),
     ("share", nan, nan, "–"), ("steps", 12.25, nan, "12.2")],
)  # fmt: skip
def test_a_number_is_written_with_its_interval_and_unit(unit, value, half, text):
    assert column("x", unit=unit).text(value, half) == text


def test_columns_that_nobody_knows_are_left_out():
    metrics = {"tow": MetricInfo("tow", "Tug of war (ToW)", "share", "high", "Product.")}
    found = columns_of(["tow", "gone", "seconds"], metrics)
    assert [c.header for c in found] == ["ToW ↑", "Seconds ↓"]
    assert found[0].help == "Tug of war (ToW); higher is better. Product."


def test_high_and_low_are_coloured_by_rank():
    rows = rows_of(frame_of({"tow": 0.2}, {"tow": 0.9}, {"tow": 0.5}, {"tow": nan}), ["tow"], together=False)
    assert goodness(rows, column("tow", "high"))[:3].tolist() == [0, 1, 0.5]
    assert goodness(rows, column("tow", "low"))[:3].tolist() == [1, 0, 0.5]
    assert isnan(goodness(rows, column("tow", "low"))[3])


def test_match_is_coloured_by_distance_to_the_reference_whatever_the_side():
    key = "test_forget_accuracy"
    frame = frame_of(*({key: value, f"reference.{key}": 0.5} for value in (0.5, 0.3, 0.7, 0.1)))
    good = goodness(rows_of(frame, [key], together=False), column(key, "match"))
    assert good.tolist() == pytest.approx([1, 0.5, 0.5, 0])


def test_small_differences_are_no_drama():
    key = "test_forget_accuracy"
    near = frame_of({key: 0.01}, {key: 0.02})
    assert goodness(rows_of(near, [key], together=False), column(key, "match")).tolist() == pytest.approx([0.9, 0.8])
    alike = rows_of(frame_of({"tow": 0.900}, {"tow": 0.901}), ["tow"], together=False)
    assert np.isnan(goodness(alike, column("tow"))).all()
    assert np.isnan(goodness(rows_of(frame_of({"tow": 0.9}), ["tow"], together=False), column("tow"))).all()


@pytest.mark.parametrize("dark", [False, True])
def test_cells_can_be_read_on_every_colour(dark, monkeypatch):
    for colour in DARK if dark else LIGHT:
        assert contrast(colour, TEXT[dark]) >= CONTRAST
    monkeypatch.setattr("dashboard.components.compare.columns.is_dark", lambda: dark)
    css = cell_css(np.array([0.0, 1.0, nan]))
    assert css[2] == ""
    assert css[0] != css[1]


@pytest.mark.parametrize("eye", SEEN)
@pytest.mark.parametrize("scale", [LIGHT, DARK], ids=["light", "dark"])
def test_a_colour_blind_person_tells_best_from_worst(eye, scale):
    def seen(colour: str) -> np.ndarray:
        linear = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]) ** 2.2
        return np.maximum(0, np.array(SEEN[eye]) @ linear) ** (1 / 2.2)

    assert np.linalg.norm(seen(scale[0]) - seen(scale[-1])) > 0.2
    assert all(np.linalg.norm(seen(one) - seen(other)) > 0.02 for one, other in pairwise(scale))


def test_the_table_holds_numbers_that_sort_and_text_that_is_read():
    frame = frame_of({"tow": 0.5}, {"tow": 0.7, "seed": 1}, {"tow": 0.1, "method": "finetune"})
    told = styled(rows_of(frame, ["tow"], together=True), [column("tow")], differing(frame))
    assert list(told.data.columns) == ["Method", "n", "tow ↑", "Run"]
    assert told.data["tow ↑"].tolist() == pytest.approx([0.6, 0.1])
    html = told.to_html()
    assert "60.0 ± 127.1 %" in html  # t = 12.706 with one degree of freedom
    assert "background-color" not in html  # an interval of two seeds, and one seed, tell nothing apart
    sure = frame_of(*({"tow": v + s / 100, "seed": s, "method": m} for m, v in (("ssd", 0.8), ("finetune", 0.2)) for s in range(3)))
    html = styled(rows_of(sure, ["tow"], together=True), [column("tow")], differing(sure)).to_html()
    assert f"background-color: {LIGHT[-1]}" in html
    assert f"background-color: {LIGHT[0]}" in html


def test_rows_of_one_mean_have_each_its_own_interval():
    wide, narrow = (0.4, 0.5, 0.6), (0.49, 0.5, 0.51)
    frame = frame_of(
        *({"tow": value, "seed": seed, "method": "wide"} for seed, value in enumerate(wide)),
        *({"tow": value, "seed": seed, "method": "narrow"} for seed, value in enumerate(narrow)),
        {"tow": 0.5, "method": "once"}, {"tow": nan, "method": "none"},
    )  # fmt: skip
    rows = rows_of(frame, ["tow"], together=True)
    assert len(set(rows.values["tow"][:3].round(12))) == 1
    html = styled(rows.__class__(rows.about, rows.values.round(12), rows.halves, rows.gaps, rows.counts), [column("tow")], {}).to_html()
    cells = re.findall(r">([^<>]* %|–)<", html)
    assert cells == ["50.0 ± 24.8 %", "50.0 ± 2.5 %", "50.0 %", "–"]  # 4.303 * 0.1 / sqrt 3, and a tenth of it


def test_what_all_rows_share_has_no_column():
    frame = frame_of({"settings": "alpha=2"}, {"settings": "alpha=3", "request": "class:5"})
    told = styled(rows_of(frame, [], together=False), [], differing(frame))
    assert list(told.data.columns) == ["Method", "Request", "Settings", "Seed", "Run"]


# The front.


@pytest.mark.parametrize(
    "costs, front",
    [
        ([(0, 0)], [True]),
        ([(0, 1), (1, 0), (1, 1)], [True, True, False]),
        ([(0, 1), (0, 1)], [True, True]),  # equal points do not beat each other
        ([(0, 1), (1, 1), (0, 2)], [True, False, False]),
        ([(2, 0), (1, 1), (0, 2), (1.5, 1.5)], [True, True, True, False]),
    ],
)
def test_a_point_is_on_the_front_where_no_other_is_as_good_in_both_and_better_in_one(costs, front):
    assert pareto_front.undominated(np.array(costs, float)).tolist() == front


def test_the_front_agrees_with_the_definition_on_random_points():
    costs = np.random.default_rng(0).integers(0, 8, (60, 2)).astype(float)
    beaten = [any((o <= c).all() and (o < c).any() for o in costs) for c in costs]
    assert pareto_front.undominated(costs).tolist() == [not b for b in beaten]


def test_high_is_good_where_it_is():
    frame = frame_of({"test_retain_accuracy": 0.9}, {"test_retain_accuracy": 0.8, "method": "worse"})
    points = pareto_front.points_of(frame, GAP, KEPT, False, names_of(frame))
    assert points["place"].tolist() == [FRONT, BEATEN]
    assert points["x"].tolist() == pytest.approx([0.1, 0.1])


def test_gaps_are_to_the_runs_own_reference():
    frame = frame_of({"attack_loss_accuracy": 0.4}, {"kind": "random", "request": "random:9", "train_forget_accuracy": 0.8,
                      "reference.train_forget_accuracy": 0.9})  # fmt: skip
    points = pareto_front.points_of(frame, GAP, ATTACK, False, names_of(frame))
    assert points["x"].tolist() == pytest.approx([0.1, 0.1])  # of test images for a class, of the forget set for others
    assert points["y"].tolist() == pytest.approx([0.1, 0.1])


def test_the_directed_attack_goes_before_the_one_that_learns_its_side():
    frame = frame_of({"attack_auc": 0.2, "reference.attack_auc": 0.5})
    assert pareto_front.points_of(frame, GAP, ATTACK, False, names_of(frame))["y"].tolist() == pytest.approx([0.3])


def test_runs_without_a_reference_have_no_gap_and_are_left_out():
    frame = frame_of({}, {"seed": 1, "reference": False, "reference.test_forget_accuracy": nan})
    assert len(pareto_front.points_of(frame, GAP, KEPT, True, names_of(frame))) == 1


def test_points_over_seeds_are_named_by_method_and_count():
    frame = frame_of({}, {"seed": 1}, {"seed": 2}, {"method": "finetune"})
    points = pareto_front.points_of(frame, GAP, KEPT, True, names_of(frame))
    assert points["name"].tolist() == ["ssd, 3 seeds", "finetune · seed 0"]


def test_original_and_reference_are_marks():
    marks = pareto_front.landmarks(frame_of({}, {"seed": 1}), GAP, KEPT).set_index("model")
    assert marks.loc["reference", ["x", "y"]].tolist() == pytest.approx([0, 0.95])
    assert marks.loc["original", ["x", "y"]].tolist() == pytest.approx([0.9, 0.97])
    seconds = pareto_front.landmarks(frame_of({}), SECONDS, KEPT).set_index("model")
    assert list(seconds.index) == ["reference"]  # the original takes no time, which a log axis has no place for
    assert seconds.loc["reference", "x"] == pytest.approx(3)


def drawn_front(x=GAP, y=KEPT, picked=None) -> go.Figure:
    frame = frame_of(
        *({"seed": s, "test_retain_accuracy": 0.9 + 0.01 * s} for s in range(3)),
        *({"seed": s, "test_retain_accuracy": 0.5, "test_forget_accuracy": 0.5, "method": "bad"} for s in range(2)),
        *({"seed": s, "test_forget_accuracy": 0.0, "test_retain_accuracy": 0.8, "method": "other", "seconds": 20.0} for s in range(3)),
    )
    points = pareto_front.points_of(frame, x, y, True, names_of(frame))
    return pareto_front.front(points, pareto_front.landmarks(frame, x, y), x, y, picked or {})


def test_beaten_points_are_grey_and_the_front_is_drawn_through_the_rest():
    line, beaten, best, *marks = drawn_front().data
    assert (line.mode, list(line.x)) == ("lines", pytest.approx([0.0, 0.1]))
    assert (list(beaten.x), beaten.marker.color) == ([0.5], "#808890")
    assert [text.strip() for text in best.text] == ["ssd", "other"]
    assert [mark.name for mark in marks] == ["Original", "Retrained reference"]
    assert beaten.customdata[0].startswith("bad, 2 seeds<br>forgetting gap 50 %")


def places(*rows, over_seeds=True, x=GAP, y=KEPT):
    frame = frame_of(*rows)
    points = pareto_front.points_of(frame, x, y, over_seeds, names_of(frame))
    return dict(zip(points["name"].str.split(r"[ ,]", regex=True).str[0], points["place"], strict=True))


def of(method, forget, retain, **about):
    """A run a value of forget accuracy; the reference's is 0, and the original's 0.9."""
    return [{"method": method, "seed": s, "test_forget_accuracy": v, "test_retain_accuracy": retain, **about} for s, v in enumerate(forget)]


def test_a_better_mean_does_not_beat_where_the_interval_holds_zero():
    by_chance = (*of("ahead", (0.1, 0.3, 0.2), 0.9), *of("behind", (0.3, 0.2, 0.25), 0.9))
    assert places(*by_chance) == {"ahead": FRONT, "behind": FRONT}
    surely = (*of("ahead", (0.1, 0.12, 0.11), 0.9), *of("behind", (0.3, 0.31, 0.32), 0.9), *of("once", (0.0,), 0.9))
    assert places(*surely) == {"ahead": FRONT, "behind": BEATEN, "once": UNJUDGED}


def test_a_method_that_does_nothing_is_not_on_the_front_and_beats_nobody():
    """On random forgetting the original is as near to the reference as anything; a second retraining lies 0.02 off."""
    random = {"request": "random:0.05", "kind": "random", "reference.train_forget_accuracy": 0.98, "original.train_forget_accuracy": 1.0,
              "original.attack_loss_accuracy": 0.6, "attack_loss_accuracy": 0.6, "original.train_retain_accuracy": nan}  # fmt: skip
    rows = [
        {**random, "method": method, "seed": s, "train_forget_accuracy": forget, "test_retain_accuracy": kept}
        for method, forget, kept in (("nothing", 1.0, 0.97), ("something", 0.9, 0.85), ("retrain", 0.96, 0.94)) for s in range(3)
    ]  # fmt: skip
    assert places(*rows) == {"nothing": IDLE, "something": BEATEN, "retrain": FRONT}
    frame = frame_of(*rows)
    rows = table_of(frame, frame, ["train_forget_accuracy", "test_retain_accuracy"], True)
    table = styled(rows, [column("train_forget_accuracy", "match"), column("test_retain_accuracy")], {}).data
    assert list(table["Method"]) == ["Original", "Retrained reference", "something", "Second reference", "nothing (unchanged)"]
    assert list(table["n"]) == [3] * 5
    assert table["train_forget_accuracy ≈"].tolist() == pytest.approx([1.0, 0.98, 0.9, 0.96, 1.0])
    assert np.isnan(goodness(rows, column("train_forget_accuracy", "match"))).tolist() == [True, True, False, False, True]


def test_a_front_of_methods_that_did_nothing_is_drawn_without_a_line():
    frame = frame_of(*({"method": "original", "seed": s, "test_forget_accuracy": 0.9, "test_retain_accuracy": 0.97,
                        "attack_loss_accuracy": 0.7} for s in range(2)))  # fmt: skip
    points = pareto_front.points_of(frame, GAP, KEPT, True, names_of(frame))
    assert points["place"].tolist() == [IDLE]
    line, idle, *marks = pareto_front.front(points, pareto_front.landmarks(frame, GAP, KEPT), GAP, KEPT, {}).data
    assert (len(line.x), idle.name, len(marks)) == (0, "unchanged", 2)


def test_single_runs_are_beaten_only_beyond_what_two_retrained_networks_differ_by():
    near, far = (*of("ahead", (0.10,), 0.9), *of("behind", (0.12,), 0.9)), (*of("ahead", (0.10,), 0.9), *of("behind", (0.3,), 0.9))
    second = of("retrain", (0.05,), 0.5)
    assert places(*near, over_seeds=False)["behind"] == BEATEN  # nothing is known of chance
    assert places(*near, *second, over_seeds=False)["behind"] == FRONT
    assert places(*far, *second, over_seeds=False)["behind"] == BEATEN


def test_landmarks_count_each_seed_once_and_have_their_own_variability():
    rows = [{"seed": s, "method": m, "original.test_retain_accuracy": v} for s, v in ((0, 0.9), (1, 0.98)) for m in ("a", "b")[: s + 1]]
    marks = pareto_front.landmarks(frame_of(*rows), GAP, KEPT).set_index("model")
    assert marks.loc["original", "y"] == pytest.approx(0.94)  # not (0.9 + 2 * 0.98) / 3
    assert marks.loc["original", "y_half"] == pytest.approx(stats.t.ppf(0.975, 1) * np.std([0.9, 0.98], ddof=1) / sqrt(2))
    second = frame_of(*of("retrain", (0.05, 0.03), 0.9))
    assert pareto_front.landmarks(second, GAP, KEPT).set_index("model").loc["reference", "x_half"] == pytest.approx(0.04)


def test_points_on_one_spot_are_named_together():
    alike = {"test_forget_accuracy": 0.0, "test_retain_accuracy": 0.9}
    frame = frame_of(
        {"method": "one", **alike}, {"method": "other", **alike}, {"method": "one", "seed": 1, **alike},
        {"method": "apart", "test_forget_accuracy": 0.2, "test_retain_accuracy": 0.95},
    )  # fmt: skip
    points = pareto_front.points_of(frame, GAP, KEPT, False, names_of(frame))
    best = pareto_front.front(points, pareto_front.landmarks(frame, GAP, KEPT), GAP, KEPT, {}).data[-3]
    assert sorted(text.strip() for text in best.text) == ["", "", "apart", "one, other"]
    assert len(best.x) == 4


def test_points_are_near_by_the_axes_as_they_are_drawn():
    """The original stands far off at 90 %, so that 2 % hardly part two points; on a log axis of seconds a factor of ten does."""
    near = ({"method": "one", "test_forget_accuracy": 0.1, "test_retain_accuracy": 0.9, "seconds": 1.0},
            {"method": "other", "test_forget_accuracy": 0.12, "test_retain_accuracy": 0.901, "seconds": 10.0})  # fmt: skip
    frame = frame_of(*near, {"method": "poor", "test_forget_accuracy": 0.4, "test_retain_accuracy": 0.5, "seconds": 100.0})
    for x, wanted in ((GAP, ["", "one, other"]), (SECONDS, ["one", "other"])):
        points = pareto_front.points_of(frame, x, KEPT, False, names_of(frame))
        best = pareto_front.front(points, pareto_front.landmarks(frame, x, KEPT), x, KEPT, {}).data[2]
        assert sorted(text.strip() for text in best.text) == wanted


def test_intervals_are_drawn_from_three_seeds_on_and_told_always():
    _, beaten, best, *_ = drawn_front().data
    assert best.error_y.array[0] == pytest.approx(stats.t.ppf(0.975, 2) * 0.01 / sqrt(3))
    assert best.error_y.array[1] == pytest.approx(0)
    assert beaten.error_y.array is None
    assert "±" in beaten.customdata[0]


def test_a_and_b_are_written_where_their_runs_are_also_on_a_log_axis():
    figure = drawn_front(SECONDS, GAP, {"A": run_id(1), "B": run_id(5)})
    notes = {note.text: (note.x, note.y) for note in figure.layout.annotations}
    assert notes["<b>A</b>"] == pytest.approx((0, 0.1))  # the second seed's point is its method's; log10(1 s)
    assert notes["<b>B</b>"] == pytest.approx((np.log10(20), 0))
    assert figure.layout.xaxis.type == "log"


# A beside B.


def accuracies(test: list[float], train: list[float]) -> pd.DataFrame:
    rows = [(split, c, v) for split, values in (("test", test), ("train", train)) for c, v in enumerate(values)]
    return pd.DataFrame(rows, columns=["split", "class", "accuracy"]).sample(frac=1, random_state=0)


def test_bars_go_up_where_b_is_better_and_wear_its_colour():
    figure = pair_figures.class_difference(accuracies([0.5, 1, 0.2], [1, 1, 1]), accuracies([0.75, 0, 0.2], [1, 0.5, nan]), CLASSES, (1,))
    test, _, train, _ = figure.data
    assert test.y.tolist() == pytest.approx([0.25, -1, 0])
    assert test.marker.color[:2] == (PAIR_COLOUR["B"], PAIR_COLOUR["A"])
    assert train.y.tolist()[:2] == pytest.approx([0, -0.5])
    assert isnan(train.y[2])
    assert test.marker.pattern.shape != train.marker.pattern.shape
    low, high = figure.layout.yaxis.range
    assert low == -high
    assert high >= 1
    assert list(test.x) == ["cat", "<b>dog ✕</b>", "owl"]
    assert [trace.name for trace in figure.data if trace.showlegend is not False] == ["test images", "training images"]


def test_two_equal_runs_still_have_an_axis():
    figure = pair_figures.class_difference(accuracies([1, 1, 1], [1, 1, 1]), accuracies([1, 1, 1], [1, 1, 1]), CLASSES, ())
    assert figure.layout.yaxis.range[1] > 0


def cells(counts: dict[tuple[int, int], tuple[int, float]], size: int = 3) -> pd.DataFrame:
    rows = [(t, p, *counts.get((t, p), (0, nan))) for t in reversed(range(size)) for p in range(size)]
    return pd.DataFrame(rows, columns=["true", "predicted", "count", "confidence"])


def test_a_cell_says_share_and_mean_confidence():
    figure = pair_figures.matrix(cells({(0, 0): (8, 0.9), (0, 2): (2, 0.4), (1, 1): (5, 1.0)}), CLASSES, "A: ssd")
    (heat,) = figure.data
    assert heat.z.tolist() == [[0.8, 0, 0.2], [0, 1, 0]]
    assert [*map(list, heat.text)] == [["80 %<br>90 %", "", "20 %<br>40 %"], ["", "100 %<br>100 %", ""]]
    assert list(heat.y) == ["cat", "dog"]  # no owl was among the images
    assert heat.customdata[0][2].tolist() == [2, 0.4]
    assert "mean confidence" in heat.hovertemplate
    assert (heat.zmin, heat.zmax) == (0, 1)
    assert figure.layout.title.text == "A: ssd"


def test_a_cell_without_a_row_is_one_without_an_image():
    counts = {(0, 0): (8, 0.9), (0, 2): (2, 0.4), (1, 1): (5, 1.0)}
    dense, sparse = cells(counts), cells(counts)[cells(counts)["count"] > 0]
    assert len(sparse) == 3
    assert pair_figures.matrix(sparse, CLASSES, "A") == pair_figures.matrix(dense, CLASSES, "A")
    assert class_figures.confusion(sparse, CLASSES, "A") == class_figures.confusion(dense, CLASSES, "A")
    assert class_figures.confusion(sparse, CLASSES, "A").data[0].customdata.tolist() == [[8, 0, 2], [0, 5, 0], [0, 0, 0]]


def test_a_matrix_is_as_tall_as_its_rows_and_a_large_one_has_no_text():
    one = pair_figures.matrix(cells({(0, 0): (1, 1.0)}), CLASSES, "A")
    many = pair_figures.matrix(cells({(t, t): (1, 1.0) for t in range(20)}, 20), tuple(map(str, range(20))), "A")
    assert one.layout.height < HEIGHT < many.layout.height
    assert many.data[0].texttemplate is None


def similar(*rows: tuple[str, str, str, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["layer", "model", "other", "cka"])


def test_lines_of_likeness_are_told_apart_by_colour_dash_and_symbol():
    table = similar(*((layer, m, o, 0.5) for layer in ("conv1", "head") for m, o in
                      (("unlearned", "original"), ("unlearned", "reference"), ("reference", "original"))))  # fmt: skip
    figure = pair_figures.cka_lines(table, table)
    looks = {t.name: (t.line.color, t.line.dash, t.marker.symbol) for t in figure.data}
    assert looks["A – original"] == (PAIR_COLOUR["A"], MODEL_DASH["original"], PAIR_SYMBOL["A"])
    assert looks["B – reference"] == (PAIR_COLOUR["B"], MODEL_DASH["reference"], PAIR_SYMBOL["B"])
    assert looks["reference – original"][0] == MODEL_COLOUR["original"]
    assert len({look[1:] for look in looks.values()}) == 5
    assert list(figure.data[0].x) == ["conv1", "head"]


def test_without_a_reference_only_the_original_is_compared_with():
    alone = similar(("conv1", "unlearned", "original", 0.3))
    figure = pair_figures.cka_lines(alone, alone)
    assert [t.name for t in figure.data] == ["A – original", "B – original"]
    assert figure.layout.yaxis.range[0] < 0.3


# Where the forgotten went.


def answers(pairs: list[tuple[int, int]]) -> pd.DataFrame:
    rows = [("forget", 1, r, u) for r, u in pairs] + [("retain", 0, 0, 0)] * 9
    return pd.DataFrame(rows, columns=["set", "label", "reference_answer", "unlearned_answer"])


def test_answers_are_counted_on_the_forget_set_alone_image_by_image():
    counts = flows.prediction_counts(answers([(0, 0), (0, 2), (2, 2)]), 3)
    assert counts.to_numpy().tolist() == [[1, 0, 1], [0, 0, 0], [0, 0, 1]]
    alone = flows.prediction_counts(answers([(0, 0), (0, 2)]).drop(columns="reference_answer"), 3)
    assert alone.to_numpy().tolist() == [[0, 0, 0], [1, 0, 1], [0, 0, 0]]
    flipped = answers([(0, 0), (0, 2)]).drop(columns="reference_answer").assign(truth=2)
    assert flows.prediction_counts(flipped, 3).to_numpy().tolist() == [[0, 0, 0], [0, 0, 0], [1, 0, 1]]


@pytest.mark.parametrize(
    "pairs, distance", [([(0, 0), (2, 2)], 0), ([(0, 2), (2, 0)], 0), ([(0, 1)], 1), ([(0, 0), (0, 2), (0, 2), (2, 2)], 0.5)]
)
def test_total_variation_compares_the_mixes_of_answers(pairs, distance):
    assert flows.total_variation(flows.prediction_counts(answers(pairs), 3)) == pytest.approx(distance)


def test_bands_join_what_the_same_image_was_taken_for():
    figure = flows.flow(flows.prediction_counts(answers([(0, 0), (0, 2), (0, 2), (2, 2)]), 3), CLASSES, "left", "right")
    (sankey,) = figure.data
    names = [sankey.node.label[i] for i in range(len(sankey.node.label))]
    assert names == ["cat · 75 %", "owl · 25 %", "cat · 25 %", "owl · 75 %"]
    ends = [(names[s].split()[0], names[t].split()[0], v) for s, t, v in
            zip(sankey.link.source, sankey.link.target, sankey.link.value, strict=True)]  # fmt: skip
    assert ends == [("cat", "cat", 1), ("cat", "owl", 2), ("owl", "owl", 1)]
    alike, other, _ = sankey.link.color
    assert alike != other
    assert sankey.link.color[2] == alike
    assert [note.text for note in figure.layout.annotations] == ["left", "right"]
    heights = dict(zip(names, sankey.node.y, strict=True))
    assert heights["cat · 75 %"] < heights["owl · 25 %"]  # both sides in the order of the classes


def test_of_many_classes_the_rare_answers_are_drawn_together():
    size = 20
    counts = pd.DataFrame(np.diag(np.arange(1, size + 1)))
    (sankey,) = flows.flow(counts, tuple(f"c{i}" for i in range(size)), "a", "b").data
    assert len(sankey.node.label) == 2 * (flows.SHOWN + 1)
    assert sum(sankey.link.value) == counts.to_numpy().sum()
    assert sum(label.startswith("other") for label in sankey.node.label) == 2


# Touched weights.

COUNTS = {"head": (4, 2, 2), "conv": (10, 10, 5), "norm": (0, 0, 0)}
WEIGHTS = {"conv": 100, "norm": 4, "head": 8}


def test_overlap_is_jaccards_beside_chance_in_the_networks_order():
    table = flows.overlap_table(COUNTS, WEIGHTS)
    assert list(table["layer"]) == ["conv", "norm", "head"]
    assert table["jaccard"].tolist()[::2] == pytest.approx([5 / 15, 2 / 4])
    assert isnan(table["jaccard"][1])
    assert table["chance"][0] == pytest.approx(1 / 19)  # 10 * 10 / 100 = 1 of 20 - 1
    assert flows.all_layers(COUNTS) == pytest.approx(7 / 19)
    assert isnan(flows.all_layers({}))


def test_overlaps_of_methods_are_a_row_each():
    table = flows.by_method([("ssd", COUNTS), ("other", {"conv": (1, 1, 1)})], ["conv", "norm", "head"])
    assert table.loc["ssd"].tolist()[::2] == pytest.approx([1 / 3, 0.5])
    assert table.loc["other", "conv"] == 1
    assert isnan(table.loc["other", "head"])
    heat = flows.overlap_map(table).data[0]
    assert list(heat.y) == ["ssd", "other"]
    assert list(heat.text[0]) == ["33", "", "50"]


# All figures.


def every_figure() -> dict[str, go.Figure]:
    table = similar(("conv1", "unlearned", "original", 0.3))
    overlap = flows.overlap_table(COUNTS, WEIGHTS)
    return {
        "front": drawn_front(picked={"A": run_id(1)}),
        "difference": pair_figures.class_difference(accuracies([1, 1, 1], [1, 1, 1]), accuracies([0, 1, 1], [1, 1, 1]), CLASSES, (0,)),
        "matrix": pair_figures.matrix(cells({(0, 0): (1, 1.0)}), CLASSES, "A"),
        "likeness": pair_figures.cka_lines(table, table),
        "flow": flows.flow(flows.prediction_counts(answers([(0, 1)]), 3), CLASSES, "a", "b"),
        "overlap": flows.overlap_bars(overlap),
        "overlaps": flows.overlap_map(flows.by_method([("ssd", COUNTS)], ["conv", "head"])),
    }


@pytest.mark.parametrize("name", every_figure())
def test_every_figure_is_the_same_each_time_and_leaves_colours_to_the_theme(name):
    figure = every_figure()[name]
    assert figure.to_json() == every_figure()[name].to_json()  # else it would be sent and drawn anew each time
    layout = figure.layout
    assert (layout.paper_bgcolor, layout.plot_bgcolor, layout.font.color) == (None, None, None)
    assert layout.height
    assert not [trace.type for trace in figure.data if trace.type.endswith("gl")]  # a page has few WebGL contexts
    if name != "flow":
        assert layout.xaxis.title.text
        assert layout.xaxis.fixedrange
        assert layout.yaxis.fixedrange
