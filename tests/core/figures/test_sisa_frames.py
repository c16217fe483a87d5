"""Inside SISA: the grid, the lines of the cost formula, and accuracy against shards, from numbers worked by hand."""

from dataclasses import replace

import numpy as np
import pytest

from core.domain.presets import preset_for
from core.domain.requests.registry import parse_request
from core.domain.training.sharding import ShardedRun, price
from core.figures.inside import sisa
from core.figures.inside.frames import Story
from core.reports.shard_costs import alike
from core.storage.runs import ResultStore
from tests.planted import plant, spec

RECIPE = replace(preset_for("digits", "small_cnn").recipe, epochs=3, shards=2, slices=2)  # two stages of two epochs
ARRAYS = {
    "redone": [[0, 1], [0, 0]], "forgotten": [[0, 2], [0, 0]], "retained": [[10, 8], [10, 12]], "passes": [[0, 36], [0, 0]],
    "seconds": [[0, 0.5], [0, 0]], "epochs": [2, 2],
}  # fmt: skip
POINTS = [ShardedRun(1, 1, 0, 0.97), ShardedRun(1, 1, 1, 0.95), ShardedRun(2, 2, 0, 0.9, 0.4), ShardedRun(5, 1, 0, 0.8, 0.2)]

VOTES = {"count": 10, "agree": [4, 6], "right": [1, 6], "members": [0.7, 0.5], "vote": 0.7, "mean": 0.8}


def story(arrays: dict[str, list] = ARRAYS) -> Story:
    recorded = {f"sisa/{name}": np.array(values, dtype=float) for name, values in arrays.items()}
    return Story("SISA", {}, parse_request("samples:1,2"), ("a", "b"), recorded, lambda name: None)


def test_the_first_frame_counts_what_was_trained_again():
    """Passes of all stages on what stays: 2 (10 + 18) + 2 (10 + 22) = 120, of which 36 were made."""
    grid, costs, _, accuracy = sisa.frames(story(), RECIPE, lambda: POINTS, lambda: VOTES)
    assert grid.sentence == (
        "The 2 forgotten images lie in 1 of 2 shards: 1 of 4 stages are trained again, 36 passes over an image, 30 % of training all."
    )
    (panel,) = grid.panels()
    assert panel.figure.data[0].z.tolist() == ARRAYS["redone"]
    assert panel.figure.data[0].text.tolist() == ARRAYS["forgotten"]
    assert "and these took 30 %" in costs.sentence
    assert "(2R + 1)/3RS = 41.7 %" in costs.sentence
    assert [panel.title for panel in accuracy.panels()] == ["Accuracy of the original by shards", "Accuracy against cost"]


def test_where_every_shard_is_hit_it_says_so():
    arrays = ARRAYS | {"forgotten": [[0, 2], [1, 0]], "redone": [[0, 1], [1, 1]]}
    assert sisa.frames(story(arrays), RECIPE, list, lambda: VOTES)[0].sentence.endswith("No shard is spared, so that only slices save.")


def test_the_lines_are_the_formulas_and_the_star_is_the_run():
    figure = sisa.costs(RECIPE, 2, 0.3)
    shards, slices, run = figure.data
    assert shards.x[0] == 1
    assert shards.y[0] == pytest.approx(1 / 2)
    assert slices.y[0] == pytest.approx(5 / 12)
    assert shards.y[1] == pytest.approx(3 / 4)
    assert (run.x, run.y) == ((2,), (0.3,))
    assert len(sisa.costs(replace(RECIPE, slices=1), 2, 0.3).data) == 2, "with one slice both lines are the same"


def test_accuracy_is_shown_by_shards_and_against_cost_with_the_price():
    figure = sisa.accuracy_by_shards(POINTS)
    means = {trace.name: dict(zip(trace.x, trace.y, strict=True)) for trace in figure.data if trace.mode == "lines"}
    assert means == {"1 slice": {1: pytest.approx(0.96), 5: 0.8}, "2 slices": {2: 0.9}}
    assert list(sisa.accuracy_by_cost(POINTS).data[0].text) == ["2×2", "5×1"]
    assert price(POINTS, 2, 2) == pytest.approx(0.06)
    assert price(POINTS[2:], 2, 2) is None


def test_alone_it_says_which_runs_to_ask_for():
    (panel,) = sisa.frames(story(), RECIPE, lambda: [ShardedRun(2, 2, 0, 0.9)], lambda: VOTES)[-1].panels()
    assert "shards=1 slices=1" in panel.note


def test_what_another_version_recorded_is_said_to_be_missing():
    (frame,) = sisa.frames(story({}), RECIPE, list, lambda: VOTES)
    assert frame.missing


def test_runs_that_differ_in_shards_alone_stand_beside_it(home):
    plain = spec("ssd", "samples:1,2")
    ours = replace(plain, method="sisa", params={}, recipe={"shards": 3})
    plant(home, plain, numbers={"original/test_retain_accuracy": 0.9})
    plant(home, ours, numbers={"original/test_retain_accuracy": 0.8})
    plant(home, replace(ours, recipe={"shards": 3, "epochs": 7}))  # another recipe besides
    plant(home, replace(ours, request=parse_request("samples:1,3")))  # another request
    with ResultStore(home.database) as store:
        whole, sharded = alike(store, ours)
        speedup = store.existing(ours.id).speedup
    assert whole == ShardedRun(1, 1, 0, 0.9)
    assert sharded == ShardedRun(3, 1, 0, 0.8, 1 / speedup)


def test_votes_are_counted_by_how_many_members_agree():
    (panel,) = sisa.frames(story(), RECIPE, list, lambda: VOTES)[2].panels()
    assert "by the mean of softmaxes 80 %, by vote 70 %, a member alone 60 % on average" in panel.how
    right, wrong = panel.figure.data
    assert (list(right.y), list(wrong.y)) == ([0.1, 0.6], [pytest.approx(0.3), 0.0])
    names = [frame.title for frame in sisa.frames(story(), replace(RECIPE, shards=1), list, lambda: VOTES)]
    assert "How the members agree" not in names, "one network has nobody to agree with"
