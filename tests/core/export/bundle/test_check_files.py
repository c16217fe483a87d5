"""What tables and arrays of a bundle may hold: each column by its rule, arrays in the shapes that belong together."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.domain.errors import WrongInput
from core.export.bundle.check_files import RunFiles, check_all
from core.export.bundle.layout import TABLES
from core.storage.artifacts import Artifacts
from tests.drawn import Behaviour, Drawn
from tests.planted import spec

Change = Callable[[pd.DataFrame], pd.DataFrame]


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    return Drawn(spec("ssd"), 0, Behaviour())


@pytest.fixture
def checked(tmp_path: Path, drawn: Drawn) -> Callable[..., None]:
    """Checks the files of a drawn run, with some in place of its own; names: what other names some files have."""
    artifacts = Artifacts(tmp_path)

    def go(names: dict[str, str] | None = None, **other: pd.DataFrame | dict[str, np.ndarray]) -> None:
        contents = {**drawn.tables(), **drawn.arrays(), **other}
        files = {name: artifacts.put_table(one) if isinstance(one, pd.DataFrame) else artifacts.put_arrays(one)
                 for name, one in contents.items()}  # fmt: skip
        files |= {name: files[of] for name, of in (names or {}).items()}
        paths = {file: f"files/{name}" for name, file in files.items()}
        check_all(tmp_path, [RunFiles(files, 10, 1437, 360)], paths, str)

    return go


def test_a_run_s_own_files_pass(checked, drawn):
    checked()
    checked(probes=pd.DataFrame([], columns=["model", "layer", "accuracy"]))  # of a request that names no class
    checked(per_class=drawn.tables()["per_class"].assign(accuracy=np.nan))  # of classes without images
    checked(examples=drawn.tables()["examples"].assign(unlearned_loss=np.float32(np.inf), unlearned_entropy=np.float32(np.nan)))  # diverged
    curve = {"model": ["original"] * 2, "epoch": [1, 2], "loss": [0.5, np.inf], "accuracy": [0.5, 0.6]}
    checked(training=pd.DataFrame(curve))
    checked(training=pd.DataFrame(curve | {"validation_loss": [0.7, np.inf], "validation_accuracy": [0.4, np.nan]}))
    checked(recorded={"dampening/conv1.weight": np.ones((16, 1, 3, 3)), "ssd/alpha": np.array(2.0), "of tomorrow": np.ones(3)})


def test_every_table_that_a_run_stores_has_its_rules():
    from core.metrics.evaluate import TABLES as STORED  # late: it imports torch

    assert STORED.keys() | {"costs", "training", "metric_versions"} == TABLES.keys()


ODD: list[tuple[str, Change, str]] = [
    ("per_class", lambda d: d.assign(**{"class": d["class"] + 0.5}), "a column 'class' of double"),
    ("per_class", lambda d: d.assign(**{"class": d["class"] + 1}), "has 10 in its column 'class'"),
    ("per_class", lambda d: d.assign(model="unlearned"), "of each split, model, class there is one"),
    ("per_class", lambda d: d.assign(model="evil"), "has 'evil' in its column 'model'"),
    ("per_class", lambda d: d.assign(count=-1), "has -1 in its column 'count'"),
    ("per_class", lambda d: d.assign(accuracy=1e300), "has 1e+300 in its column 'accuracy'"),
    ("per_class", lambda d: d.assign(accuracy="1"), "a column 'accuracy' of"),
    ("confusion", lambda d: d.assign(true=99), "has 99 in its column 'true'"),
    ("confusion", lambda d: d.assign(predicted=-7), "has -7 in its column 'predicted'"),
    ("confusion", lambda d: d.assign(count=d["count"].where(d.index > 0)), "a column 'count' of double"),
    ("confusion", lambda d: d.assign(confidence=1.5), "has 1.5 in its column 'confidence'"),
    ("layers", lambda d: d.assign(layer=[None, *d["layer"][1:]]), "has nothing in its column 'layer'"),
    ("layers", lambda d: d.assign(layer="a" * 5000), "in its column 'layer'"),
    ("layers", lambda d: pd.concat([d, d]), "holds a row twice"),
    ("layers", lambda d: d.assign(distance=-1.0), "has -1.0 in its column 'distance'"),
    ("layers", lambda d: d.assign(another="text"), "a column 'another' of"),
    ("examples", lambda d: d.assign(label=10), "has 10 in its column 'label'"),
    ("examples", lambda d: d.assign(original_answer=-1), "has -1 in its column 'original_answer'"),
    ("examples", lambda d: d.assign(set="test"), "has 'test' in its column 'set'"),
    ("examples", lambda d: d.assign(index=1437), "has 1437 in its column 'index'"),
    ("examples", lambda d: d.assign(index=d["index"].where(~d["set"].str.startswith("test"), 360)), "has 360 in its column 'index'"),
    ("examples", lambda d: d.assign(unlearned_loss=-1.0), "in its column 'unlearned_loss'"),
    ("relearn", lambda d: d.assign(step=np.nan), "a column 'step' of double"),
    ("relearn", lambda d: d.assign(step=-1), "has -1 in its column 'step'"),
    ("relearn", lambda d: d.assign(accuracy=np.nan), "in its column 'accuracy'"),
    ("probes", lambda d: d.assign(model="evil"), "in its column 'model'"),
    ("graft", lambda d: d.assign(direction="evil"), "in its column 'direction'"),
    ("graft", lambda d: d.assign(k=-1), "has -1 in its column 'k'"),
    ("cka", lambda d: d.assign(cka=2.0), "has 2.0 in its column 'cka'"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change", "said"), ODD, ids=[f"{name}-{number}" for number, (name, *_) in enumerate(ODD)])
def test_a_table_that_holds_what_no_table_of_ours_holds_is_refused(checked, drawn, name, change, said):
    with pytest.raises(WrongInput) as found:
        checked(**{name: change(drawn.tables()[name])})
    assert said in str(found.value)
    assert str(found.value).endswith(".")
    assert len(str(found.value)) < 200


def test_a_file_with_two_names_is_checked_under_each(checked):
    with pytest.raises(WrongInput, match="lacks the column 'split'"):
        checked({"per_class": "layers"})


@pytest.mark.parametrize(("name", "arrays", "said"), [
    ("recorded", {"dampening/conv1.weight": np.ones(3)}, "'dampening/conv1.weight' of its recordings has the shape (3,)"),
    ("recorded", {"ssd/alpha": np.ones(2)}, "'ssd/alpha' of its recordings"),
    ("recorded", {"scrub/healing": np.ones(2)}, "'scrub/healing' of its recordings"),
    ("statistic/ImportanceStatistic-0", {"conv1.weight": np.ones(3)}, "importance of 'conv1.weight' has the shape (3,)"),
    ("touched", {"conv1.bias": np.ones(3, np.uint8)}, "mask of 'conv1.bias' has the shape (3,)"),
    ("answers", {"unlearned": np.ones((4, 10))}, "probabilities of the unlearned network have the shape (4, 10)"),
    ("answers", {"unlearned": np.ones(10)}, "have the shape (10,)"),
])  # fmt: skip
def test_arrays_that_do_not_fit_the_run_are_refused(checked, name, arrays, said):
    with pytest.raises(WrongInput) as found:
        checked(**{name: arrays})
    assert said in str(found.value)


def test_without_networks_recordings_must_fit_each_other(tmp_path):
    artifacts = Artifacts(tmp_path)
    shapes = {"dampening/a": np.ones((2, 3)), "importance_forget/a": np.ones((2, 3))}
    for arrays, fits in ((shapes, True), ({**shapes, "dampening/a": np.ones((3, 2))}, False)):
        files = {"recorded": artifacts.put_arrays(arrays)}
        if fits:
            check_all(tmp_path, [RunFiles(files)], {file: name for name, file in files.items()}, str)
        else:
            with pytest.raises(WrongInput, match="has the shape"):
                check_all(tmp_path, [RunFiles(files)], {file: name for name, file in files.items()}, str)
