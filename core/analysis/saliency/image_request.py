"""A request for an image's map: the run, the image, the target class, the explainer, and whether it takes too long."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from time import process_time
from typing import Any

import torch
from torch import Tensor, nn

from core.analysis.finished_run import FinishedRun, open_models
from core.analysis.saliency.explain import Settings, explain, finer, passes
from core.analysis.saliency.explanation import Explanation
from core.analysis.saliency.uploaded_image import read_uploaded_image
from core.data.label_kinds import is_multi
from core.domain.errors import WrongInput
from core.storage.home import Home

SETS = ("forget", "retain", "test_forget", "test_retain")
CHEAP, MOST_SECONDS = 40, 30  # forward passes below which time is not measured; of a request: the engine's limit is 60


@dataclass(frozen=True)
class SaliencyRequest:
    """x: the image, (1, C, H, W) in [0, 1]; label: its class, or its attributes 0 and 1; None for an uploaded one.
    row: "train" or "test", and its index there; None for an uploaded one.

    target: "true", "own" (each network's own prediction; of several attributes, for all networks the original's most likely one),
    or the index of a class or attribute.
    """

    finished: FinishedRun
    x: Tensor
    label: Any
    row: tuple[str, int] | None
    target: str | int
    how: str
    settings: Settings

    def aim(self, model: nn.Module) -> int:
        """The class or attribute that a network's map is about. Raises WrongInput."""
        if isinstance(self.target, int):
            if not 0 <= self.target < len(self.finished.data.info.classes):
                raise WrongInput(f"There is no class {self.target}; there are {len(self.finished.data.info.classes)}, from 0.")
            return self.target
        if self.target == "true" and isinstance(self.label, int):
            return self.label
        if self.target not in ("true", "own"):
            raise WrongInput(f"A target is 'true', 'own' or the number of a class, not {self.target!r}.")
        judge = self.finished.model(self.finished.models[0]) if is_multi(self.finished.splits.test.labels) else model
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
        """Whether the steps of Integrated Gradients are chosen here, not by the settings."""
        return self.how == "integrated_gradients" and not self.settings.steps and not self.settings.smooth


def request_of(home: Home, run_id: str, image: dict[str, Any], target: str | int, how: str, settings: dict[str, Any]) -> SaliencyRequest:
    """image: {"set": one of SETS, "place": its place there} or {"path": a file, "name": the user's name for it}. Raises WrongInput."""
    finished = with_networks(home, run_id)
    chosen = Settings(**settings)
    if "path" in image:
        own = read_uploaded_image(Path(image["path"]).read_bytes(), image["name"], finished.data.info)
        return SaliencyRequest(finished, torch.from_numpy(own)[None].float() / 255, None, None, target, how, chosen)
    name, place = image["set"], image["place"]
    if name not in SETS:
        raise WrongInput(f"There is no set {name!r}; there are {', '.join(SETS)}.")
    rows = rows_of(finished, name)
    if not 0 <= place < len(rows):
        raise WrongInput(f"There is no image {place} in the set {name}; it has {len(rows)}, counted from 0.")
    half, row = "test" if name.startswith("test") else "train", int(rows[place])
    examples = finished.splits.test if half == "test" else finished.splits.train
    labels = finished.splits.truth if half == "train" and finished.splits.truth is not None else examples.labels
    pixels = examples.subset(torch.tensor([row])).pixels()
    return SaliencyRequest(finished, pixels, labels[row].tolist(), (half, row), target, how, chosen)


def saliency_place(home: Home, run_id: str, half: str, row: int) -> dict[str, Any]:
    """Where a dataset's image stands in a run: its `set`, one of SETS, and its `place` there. half: "train" or "test".

    Raises WrongInput where there is no such image.
    """
    finished = with_networks(home, run_id)
    for name in SETS:
        if name.startswith("test") == (half == "test") and len(place := (rows_of(finished, name) == row).nonzero()):
            return {"set": name, "place": int(place)}
    if half == "train" and finished.splits.held is not None and 0 <= row < len(finished.splits.train):
        raise WrongInput(f"Training image {row} is held out by the recipe's validation share: it is in no set of this run.")
    raise WrongInput(f"There is no image {row} among the {half} images of {finished.data.info.title}.")


def with_networks(home: Home, run_id: str) -> FinishedRun:
    """A run with its networks. Raises WrongInput where it stored none."""
    finished = open_models(home, run_id)
    if not finished.models:
        raise WrongInput(f"Run {run_id} stored no networks: another version of Forgetscope made it; run it again.")
    return finished


def rows_of(finished: FinishedRun, name: str) -> Tensor:
    """A set's places in the training or in the test set, int64 (n,)."""
    splits = finished.splits
    sets = {
        "forget": splits.forgotten, "retain": splits.kept, "test_forget": splits.test_forgotten, "test_retain": ~splits.test_forgotten,
    }  # fmt: skip
    return sets[name].nonzero()[:, 0]


def logits_of(model: nn.Module, x: Tensor) -> Tensor:
    """float32 (classes or attributes,); x: (1, C, H, W)."""
    with torch.no_grad():
        logits: Tensor = model(x)[0]
    return logits


def cost_of(request: SaliencyRequest) -> int:
    """Forward passes of one map, about."""
    return passes(request.how, request.settings, tuple(request.x.shape))


def affordable(request: SaliencyRequest, cost: int, networks: int) -> None:
    """Raises WrongInput where the engine, which serves all pages, would be busy too long; cost: forward passes for each of `networks`.

    Measured in seconds of the processor, so that other work on the machine is no reason to refuse.
    """
    model = request.finished.model(request.finished.models[0])
    if cost < CHEAP:
        return
    took = []
    for _ in range(3):  # the first pass is slower than all others
        began = process_time()
        logits_of(model, request.x)
        took.append(process_time() - began)
    seconds = min(took) / torch.get_num_threads() * cost * networks
    if seconds > MOST_SECONDS:
        raise WrongInput(
            f"This would take about {seconds:.0f} seconds here, and a click may take {MOST_SECONDS}; choose fewer steps or noisy copies, "
            "or another explainer."
        )
