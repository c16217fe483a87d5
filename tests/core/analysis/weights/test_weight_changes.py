"""Which weights runs moved, against cases worked by hand; of every method alike."""

import numpy as np
import pytest

from core.analysis.weights.weight_changes import LEVELS, touched_layer, touched_map
from core.domain.errors import WrongInput
from core.storage.home import open_home
from core.storage.related_runs import same_original
from core.storage.runs import ResultStore
from tests.drawn import BUFFERS, SHAPES
from tests.planted import plant, spec

ONE, TENTH = LEVELS.index(1.0), LEVELS.index(pytest.approx(0.1))


def weights(**changed):
    """All weights 1, but where a layer's array is given."""
    return {name: np.ones(shape, np.float32) for name, shape in SHAPES.items()} | BUFFERS | changed


def conv1(*channels, to):
    array = np.ones(SHAPES["conv1.weight"], np.float32)
    array[list(channels)] = to
    return {"conv1.weight": array}


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """Home, and method -> id: SSD moved the first of 16 filters by 2, finetune the first two by 0.5, original nothing, retrain all."""
    home = open_home(tmp_path_factory.mktemp("touched") / "home")
    made = {
        "ssd": weights(**conv1(0, to=3.0)), "finetune": weights(**conv1(0, 1, to=1.5)), "original": weights(),
        "retrain": {name: array + 9 for name, array in weights().items()},
    }  # fmt: skip
    files = {"original": weights(), "reference": weights(**conv1(15, to=3.0))}
    return home, {method: plant(home, spec(method), files={**files, "unlearned": array}) for method, array in made.items()}


def ask(planted, *methods):
    home, ids = planted
    return touched_map(home, ids["ssd"], [ids.get(method, method) for method in methods])


def test_relative_change_is_the_length_of_the_change_over_that_of_the_weights(planted):
    told = ask(planted, "ssd", "finetune", "original", "retrain")
    assert told["layers"] == list(SHAPES)
    assert [row[0] for row in told["relative"]] == pytest.approx([(9 * 4 / 144) ** 0.5, (18 * 0.25 / 144) ** 0.5, 0, 9])
    assert told["relative"][0][1:] == [0] * (len(SHAPES) - 1)


def test_shares_count_weights_beyond_a_threshold_of_the_layers_typical_weight(planted):
    told = ask(planted, "ssd", "finetune", "original")
    at = [[rows[level][0] for level in (TENTH, ONE)] for rows in told["above"]]
    assert at == [pytest.approx([1 / 16, 1 / 16]), pytest.approx([2 / 16, 0]), [0, 0]]  # 2 > 1 > 0.5 > 0.1
    assert len(told["levels"]) == len(told["above"][0]) == len(LEVELS)


def test_overlap_is_what_both_moved_over_what_either_moved(planted):
    told = ask(planted, "ssd", "finetune", "original", "reference")
    small, large = (told["jaccard"][level] for level in (TENTH, ONE))
    assert small[0][:2] == [1, pytest.approx(1 / 2)]
    assert small[1][0] == small[0][1]
    assert large[0][1] == 0  # of finetune's weights none moved so far
    assert (large[2][2], small[0][3]) == (None, 0)  # the original moved nothing; the reference another filter
    assert told["step"] == 1


def test_a_layer_is_told_by_filter_and_by_slice(planted):
    home, ids = planted
    told = touched_layer(home, ids["ssd"], ids["finetune"], "conv1.weight")
    assert told["filters"] == pytest.approx([0.5, 0.5] + [0] * 14)
    assert told["slices"] == [[pytest.approx(value)] for value in told["filters"]]
    assert touched_layer(home, ids["ssd"], "reference", "conv1.weight")["filters"][15] == pytest.approx(2)
    with pytest.raises(WrongInput, match="has no output and input channels"):
        touched_layer(home, ids["ssd"], ids["finetune"], "norm1.bias")


def test_only_runs_of_the_same_original_are_compared(planted):
    home, ids = planted
    other = plant(home, spec("ssd", seed=7))
    with pytest.raises(WrongInput, match=f"Run {other} began from another original than run {ids['ssd']}"):
        touched_map(home, ids["ssd"], [other])
    with ResultStore(home.database) as store:
        assert {run.id for run in same_original(store, ids["ssd"])} == set(ids.values())
        assert [run.id for run in same_original(store, other)] == [other]


def test_a_run_without_a_reference_says_so(tmp_path):
    home = open_home(tmp_path / "home")
    with pytest.raises(WrongInput, match="has no reference model"):
        touched_map(home, plant(home, spec("ssd", reference=False)), ["reference"])
