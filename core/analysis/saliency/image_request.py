"""An image of a run and what is asked of its map: which one, about which class, by which explainer, and whether that can be afforded."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from time import process_time
from typing import Any

import torch
from torch import Tensor, nn

from core.analysis.finished_run import Opened, open_models
from core.analysis.saliency.explain import Settings, explain, finer, passes
from core.analysis.saliency.explanation import Explanation
from core.analysis.saliency.uploaded_image import own_picture
from core.data.labels import is_multi
from core.domain.errors import WrongInput
from core.storage.home import Home

SETS = ("forget", "retain", "test_forget", "test_retain")
CHEAP, MOST_SECONDS = 40, 30  # passes that nobody need count; of an answer: the engine is given up after 60


@dataclass(frozen=True)
class Asked:
    """An image and what is asked of it. x: (1, C, H, W) in [0, 1]; label: its class, or its attributes 0 and 1; None for a user's own.
    row: "train" or "test", and its place there.

    target: "true", "own" (each network's own prediction; the original's most likely attribute, for all, where there are several, which no
    network need give), or a class or attribute.
    """

    opened: Opened
    x: Tensor
    label: Any
    row: tuple[str, int] | None
    target: str | int
    how: str
    settings: Settings

    def aim(self, model: nn.Module) -> int:
        """The class or attribute that a network's map is about. Raises WrongInput."""
        if isinstance(self.target, int):
            if not 0 <= self.target < len(self.opened.data.info.classes):
                raise WrongInput(f"There is no class {self.target}; there are {len(self.opened.data.info.classes)}, from 0.")
            return self.target
        if self.target == "true" and isinstance(self.label, int):
            return self.label
        if self.target not in ("true", "own"):
            raise WrongInput(f"A target is 'true', 'own' or the number of a class, not {self.target!r}.")
        judge = self.opened.model(self.opened.models[0]) if is_multi(self.opened.splits.test.labels) else model
        return int(logits_of(judge, self.x).argmax())

    def explained(self, model: nn.Module, target: int, steps: int = 0) -> Explanation:
        """The map; steps: of Integrated Gradients, where the settings leave them open."""
        settings = replace(self.settings, steps=self.settings.steps or steps)
        return explain(model, self.x, torch.tensor([target]), self.how, settings)

    def finer(self, model: nn.Module, target: int) -> Iterator[Explanation]:
        """Maps of Integrated Gradients, each of more steps than the one before."""
        return finer(model, self.x, torch.tensor([target]), self.settings)

    @property
    def open(self) -> bool:
        """Whether it is for us to say in how many steps."""
        return self.how == "integrated_gradients" and not self.settings.steps and not self.settings.smooth


def asked_of(home: Home, run_id: str, image: dict[str, Any], target: str | int, how: str, settings: dict[str, Any]) -> Asked:
    """image: {"set": one of SETS, "place": its place there} or {"path": a file, "name": the user's name for it}. Raises WrongInput."""
    opened = opened_of(home, run_id)
    chosen = Settings(**settings)
    if "path" in image:
        own = own_picture(Path(image["path"]).read_bytes(), image["name"], opened.data.info)
        return Asked(opened, torch.from_numpy(own)[None].float() / 255, None, None, target, how, chosen)
    name, place = image["set"], image["place"]
    if name not in SETS:
        raise WrongInput(f"There is no set {name!r}; there are {', '.join(SETS)}.")
    rows = rows_of(opened, name)
    if not 0 <= place < len(rows):
        raise WrongInput(f"There is no image {place} in the set {name}; it has {len(rows)}, counted from 0.")
    half, row = "test" if name.startswith("test") else "train", int(rows[place])
    examples = opened.splits.test if half == "test" else opened.splits.train
    labels = opened.splits.truth if half == "train" and opened.splits.truth is not None else examples.labels
    pixels = examples.subset(torch.tensor([row])).pixels()
    return Asked(opened, pixels, labels[row].tolist(), (half, row), target, how, chosen)


def opened_of(home: Home, run_id: str) -> Opened:
    """A run with its networks. Raises WrongInput where it stored none."""
    opened = open_models(home, run_id)
    if not opened.models:
        raise WrongInput(f"Run {run_id} stored no networks: another version of Forgetscope made it; run it again.")
    return opened


def rows_of(opened: Opened, name: str) -> Tensor:
    """A set's places in the training or in the test set, int64 (n,)."""
    gone = opened.splits.test_forgotten if name.startswith("test") else opened.splits.forgotten
    return (gone if name.endswith("forget") else ~gone).nonzero()[:, 0]


def logits_of(model: nn.Module, x: Tensor) -> Tensor:
    """float32 (classes or attributes,); x: (1, C, H, W)."""
    with torch.no_grad():
        logits: Tensor = model(x)[0]
    return logits


def cost_of(asked: Asked) -> int:
    """Forward passes of one map, about."""
    return passes(asked.how, asked.settings, tuple(asked.x.shape))


def affordable(asked: Asked, cost: int, networks: int) -> None:
    """Raises WrongInput where the engine, which serves everybody, would be busy too long; cost: forward passes for each of `networks`.

    Told from a core's own seconds: what else the machine does at this moment is no reason to refuse.
    """
    model = asked.opened.model(asked.opened.models[0])
    if cost < CHEAP:
        return
    took = []
    for _ in range(3):  # the first pass is slower than all others
        began = process_time()
        logits_of(model, asked.x)
        took.append(process_time() - began)
    seconds = min(took) / torch.get_num_threads() * cost * networks
    if seconds > MOST_SECONDS:
        raise WrongInput(
            f"This would take about {seconds:.0f} seconds here, and a click may take {MOST_SECONDS}; choose fewer steps or noisy copies, "
            "or another explainer."
        )
