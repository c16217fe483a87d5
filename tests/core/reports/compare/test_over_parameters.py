"""A metric over a parameter: which parameters vary, which points lie on a line, and where the references are."""

from math import nan

import pandas as pd
import pytest

from core.domain.info import MetricInfo
from core.domain.training.own_recipe import preset_recipe
from core.figures.compare.metric_columns import Column
from core.figures.compare.over_parameters import over_parameter
from core.reports.compare.over_parameters import LINES, RECIPE, Axis, axes, curve, recipe_in, settings_in

METRIC = "test_retain_accuracy"
COLUMN = Column(METRIC, "Retain, test", MetricInfo(METRIC, "Accuracy, test retain set", "share", "high", "Right.", "Accuracy"))


def row(settings, value, *, seed=0, method="ssd", model="small_cnn", request="class:3", control="", reference=0.95):
    return {
        "id": f"{method}{settings}{seed}{model}", "dataset": "digits", "model": model, "request": request, "draw": "", "method": method,
        "settings": settings, "control": control, "seed": seed, "reference": True, "engine": "e", METRIC: value,
        f"reference.{METRIC}": reference, f"original.{METRIC}": 0.99,
    }  # fmt: skip


def test_settings_and_recipes_are_read_as_they_are_written():
    assert settings_in("alpha=2.5 · importance=batch") == {"alpha": "2.5", "importance": "batch"}
    assert settings_in("") == {}
    assert recipe_in("small_cnn (epochs=30 learning_rate=0.05)") == ("small_cnn", {"epochs": "30", "learning_rate": "0.05"})
    assert recipe_in("timm:resnet18.a1_in1k") == ("timm:resnet18.a1_in1k", {})


def test_only_what_varies_is_offered():
    rows = [row("alpha=1 · importance=batch", 0.9), row("alpha=2 · importance=batch", 0.8), row("epochs=3", 0.7, method="finetune"),
            row("alpha=9 · mask=random", 0.1, method="aru", control="a random mask")]  # fmt: skip
    assert axes(pd.DataFrame(rows)) == [Axis("ssd", "alpha")]
    recipes = [*rows, row("epochs=3", 0.7, method="finetune", model="small_cnn (epochs=30)")]
    assert axes(pd.DataFrame(recipes)) == [Axis("ssd", "alpha"), Axis(RECIPE, "epochs")]
    assert not axes(pd.DataFrame(rows[:1]))


def test_points_are_means_over_seeds_with_students_interval_and_a_line_for_each_other_setting():
    rows = [row("alpha=10 · importance=batch", v, seed=s) for s, v in enumerate((0.80, 0.82, 0.84))]
    rows += [row("alpha=2 · importance=batch", 0.9), row("alpha=2 · importance=per_sample", 0.7), row("alpha=2 · importance=batch", nan)]
    found = curve(pd.DataFrame(rows), Axis("ssd", "alpha"), METRIC)
    assert [line.name for line in found.lines] == ["importance=batch", "importance=per_sample"]
    batch = found.lines[0].points
    assert list(batch) == [2.0, 10.0], "by size and not as text"
    assert batch[10.0].mean == pytest.approx(0.82)
    assert batch[10.0].half_width == pytest.approx(4.3027 * 0.02 / 3**0.5, rel=1e-4), "t of 2 degrees of freedom, by a table"
    assert (batch[2.0].n, batch[2.0].half_width) == (1, None)
    assert found.left_out == 0
    assert found.levels["reference"][2.0].mean == pytest.approx(0.95)
    assert list(found.levels["reference"]) == [2.0, 10.0]


def test_what_the_recipe_varies_varies_the_references_and_the_preset_counts_as_its_value():
    usual = preset_recipe("digits", "small_cnn")["epochs"]
    rows = [row("alpha=2", 0.9), row("alpha=2", 0.8, model="small_cnn (epochs=3)", reference=0.85)]
    found = curve(pd.DataFrame(rows), Axis(RECIPE, "epochs"), METRIC)
    (line,) = found.lines
    assert {value: over.mean for value, over in line.points.items()} == {3.0: 0.8, float(usual): 0.9}
    assert {value: over.mean for value, over in found.levels["reference"].items()} == {3.0: 0.85, float(usual): 0.95}


def test_of_several_requests_no_reference_is_drawn_and_of_many_lines_the_longest():
    rows = [row(f"alpha={a} · lambda={n}", 0.5) for n in range(LINES + 2) for a in ((1, 2) if n else (1, 2, 3))]
    found = curve(pd.DataFrame(rows), Axis("ssd", "alpha"), METRIC)
    assert (len(found.lines), found.left_out, len(found.lines[0].points)) == (LINES, 2, 3)
    two = curve(pd.DataFrame([row("alpha=1", 0.5), row("alpha=2", 0.5, request="class:4")]), Axis("ssd", "alpha"), METRIC)
    assert two.levels == {}
    assert {line.name for line in two.lines} == {"class:3", "class:4"}


def test_the_figure_has_words_as_categories_and_a_log_axis_over_decades():
    def figure(*settings):
        frame = pd.DataFrame([row(text, 0.5) for text in settings])
        (axis,) = axes(frame)
        return over_parameter(curve(frame, axis, METRIC), axis, COLUMN)

    log = figure("alpha=1", "alpha=20")
    assert (log.layout.xaxis.type, list(log.layout.xaxis.ticktext)) == ("log", ["1", "20"])
    assert figure("alpha=1", "alpha=2").layout.xaxis.type != "log"
    words = figure("alpha=percentile", "alpha=2")
    assert (words.layout.xaxis.type, list(words.layout.xaxis.categoryarray)) == ("category", ["2", "percentile"])
    assert [trace.name for trace in words.data] == ["all else alike", "Retrained reference", "Original"]
    assert list(words.data[0].x) == ["2", "percentile"]


def test_runs_that_differ_in_their_code_weights_or_reference_are_no_seeds_of_each_other():
    plain = row("alpha=1", 0.1)
    others = [{**plain, "engine": "f"}, {**plain, "engine": "e-123456"}, {**plain, "reference": False},
              {**plain, "model": "small_cnn (own weights ab12cd, raw)"}]  # fmt: skip
    frame = pd.DataFrame([plain, *others, row("alpha=2", 0.2)])
    found = curve(frame, Axis("ssd", "alpha"), METRIC)
    assert len(found.lines) == 4, "a method's own version is no other subject"
    assert {over.n for line in found.lines for over in line.points.values()} <= {1, 2}
    assert found.levels == {}
    assert recipe_in("small_cnn (own weights ab12cd, raw)") == ("small_cnn (own weights ab12cd, raw)", {})
    assert recipe_in("small_cnn (own weights ab12cd, raw; epochs=5)") == ("small_cnn (own weights ab12cd, raw)", {"epochs": "5"})


def test_networks_of_several_recipes_have_no_one_reference():
    rows = [row("alpha=1", 0.1, reference=0.1), row("alpha=2", 0.1, reference=0.1),
            row("alpha=1", 0.1, model="small_cnn (epochs=5)", reference=0.9)]  # fmt: skip
    assert curve(pd.DataFrame(rows), Axis("ssd", "alpha"), METRIC).levels == {}


def test_hashes_of_files_are_no_parameter():
    rows = [row(f"unlearned={digits}", 0.5, method="unlearned_elsewhere") for digits in ("12e456", "123456")]
    assert axes(pd.DataFrame(rows)) == []
