"""Saliency of one image under a run's networks, before against after."""

import atexit
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.api.notebook_html import maps_html
from core.api.results import RunResult
from core.domain.errors import WrongInput
from core.jobs.engine_client import WarmEngine
from core.storage.home import Home

SETS = ("forget", "retain", "test_forget", "test_retain")


@dataclass(frozen=True)
class Maps:
    """image: uint8 (H, W, C). maps: network -> float32 (H, W), the attribution of its target class. answers: network -> what it predicts.

    targets: network -> the class that its map is about; label: the image's own class, by its name.
    """

    image: NDArray[np.uint8]
    label: str
    maps: dict[str, NDArray[np.float32]]
    answers: dict[str, str]
    targets: dict[str, str]
    how: str

    def _repr_html_(self) -> str:
        captions = {name: f"{name}: predicts {self.answers[name]}, map of {self.targets[name]}" for name in self.maps}
        return maps_html(self.image, self.maps, (f"class {self.label}", self.how.replace("_", " ")), captions)


def explain(
    run: RunResult, place: int = 0, *, of: str = "test_forget", how: str = "integrated_gradients", target: str | int = "true",
    **settings: object,
) -> Maps:  # fmt: skip
    """The attribution map of one image under original, unlearned and reference, computed as the page Saliency does.

    of: forget, retain, test_forget or test_retain; place: the image's place there, from 0. how: an explainer of the page, such as
    integrated_gradients or grad_cam. target: the class a map is about: "true", "own" (each network's own prediction) or an index.
    settings: as the page's, such as steps = 50. Raises WrongInput, too, where an explainer does not fit the network.
    """
    if of not in SETS:
        raise WrongInput(f"There is no set {of!r}; there are {', '.join(SETS)}.")
    about = {"image": {"set": of, "place": place}, "target": target, "how": how, "settings": settings}
    told = _engine(run.home.root).ask("saliency", run_id=run.id, **about)
    names = run.first_screen.names

    def named(value: object) -> str:
        return names[value] if isinstance(value, int) and value < len(names) else str(value)

    models = told["models"]
    return Maps(
        image=np.asarray(told["image"], dtype=np.uint8).transpose(1, 2, 0), label=named(told["label"]),
        maps={name: np.asarray(one["map"], dtype=np.float32) for name, one in models.items()},
        answers={name: named(one["answer"]) for name, one in models.items()},
        targets={name: named(one["target"]) for name, one in models.items()}, how=how,
    )  # fmt: skip


@cache
def _engine(root: Path) -> WarmEngine:
    """One engine for a home, as long as this process lives."""
    engine = WarmEngine(Home(root))
    atexit.register(engine.close)
    return engine
