"""Questions answered while the user waits: which pixels of one image speak for an answer, under each of a run's networks?"""

from dataclasses import asdict, dataclass, replace
from itertools import combinations
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core.attribution.evidence import true_parts
from core.attribution.explain import STEPS, Explanation, Settings, explain, passes
from core.attribution.honesty import NEIGHBOURS, SHAKES, infidelity, sensitivity
from core.attribution.layers import grids, preset
from core.attribution.scores import outside_top, scores, share_on
from core.attribution.shelf import EXPLAINERS
from core.data.labels import is_multi
from core.domain import WrongInput
from core.explore.own_picture import own_picture
from core.opened import Opened, open_models
from core.store.home import Home
from core.wire import packed

SETS = ("forget", "retain", "test_forget", "test_retain")
CHEAP, MOST_SECONDS = 50, 30  # passes that nobody need count; of an answer: the engine is given up after 60
SECONDS = 3.2  # that Integrated Gradients may take for all networks of a click, where their first steps do not suffice
FINEST, WORTH = 320, 1.5  # steps at most then; times as many, at least, make another try worth its time


def saliency_offer(home: Home, run_id: str) -> dict[str, Any]:
    """What can be asked of a run: `explainers`, each with why it is unfit or ''; `layers` for Grad-CAM and the `layer` to start from;
    `sets`: how many images each has, of those that have any.
    """
    opened = _opened(home, run_id)
    model, info = opened.model(opened.models[0]), opened.data.info
    told = [asdict(e) | {"unfit": e.unfit(model)} for e in EXPLAINERS.values()]
    fit = not EXPLAINERS["grad_cam"].unfit(model)
    layers = grids(model, (info.channels, info.height, info.width)) if fit else {}
    return {"explainers": told, "layers": {n: list(g) for n, g in layers.items()}, "layer": preset(layers) if layers else "",
            "models": list(opened.models),
            "sets": {name: count for name in SETS if (count := len(_rows(opened, name)))}}  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """An image and what is asked of it. x: (1, C, H, W) in [0, 1]; label: its class, or its attributes 0 and 1; None for a user's own.
    row: "train" or "test", and its place there.

    target: "true", "own" (each network's own answer; the original's most likely attribute, for all, where there are several, which no
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
        return int(_logits(judge, self.x).argmax())

    def explained(self, model: nn.Module, target: int, steps: int = 0) -> Explanation:
        """The map; steps: of Integrated Gradients, where the settings leave them open."""
        settings = replace(self.settings, steps=self.settings.steps or steps)
        return explain(model, self.x, torch.tensor([target]), self.how, settings)


def _asked(home: Home, run_id: str, image: dict[str, Any], target: str | int, how: str, settings: dict[str, Any]) -> Asked:
    """image: {"set": one of SETS, "place": its place there} or {"path": a file, "name": the user's name for it}."""
    opened = _opened(home, run_id)
    chosen = Settings(**settings)
    if "path" in image:
        own = own_picture(Path(image["path"]).read_bytes(), image["name"], opened.data.info)
        return Asked(opened, torch.from_numpy(own)[None].float() / 255, None, None, target, how, chosen)
    name, place = image["set"], image["place"]
    if name not in SETS:
        raise WrongInput(f"There is no set {name!r}; there are {', '.join(SETS)}.")
    rows = _rows(opened, name)
    if not 0 <= place < len(rows):
        raise WrongInput(f"There is no image {place} in the set {name}; it has {len(rows)}, counted from 0.")
    half, row = "test" if name.startswith("test") else "train", int(rows[place])
    examples = opened.splits.test if half == "test" else opened.splits.train
    labels = opened.splits.truth if half == "train" and opened.splits.truth is not None else examples.labels
    pixels = examples.subset(torch.tensor([row])).pixels()
    return Asked(opened, pixels, labels[row].tolist(), (half, row), target, how, chosen)


def _opened(home: Home, run_id: str) -> Opened:
    opened = open_models(home, run_id)
    if not opened.models:
        raise WrongInput(f"Run {run_id} stored no networks: another version of Forgetscope made it; run it again.")
    return opened


def _rows(opened: Opened, name: str) -> Tensor:
    """A set's places in the training or in the test set, int64 (n,)."""
    gone = opened.splits.test_forgotten if name.startswith("test") else opened.splits.forgotten
    return (gone if name.endswith("forget") else ~gone).nonzero()[:, 0]


def saliency(home: Home, run_id: str, **about: Any) -> dict[str, Any]:
    """about: image, target, how, settings, as `_asked` has them.

    `image`: uint8 (C, H, W) to 255. `label`, `row`: see Asked. `models`: name -> `probabilities`, its `answer` (or most likely
    attribute), the `target` of its map, `map` float32 (H, W), and where the explainer is complete, `difference` of logits, `error`,
    and `steps`. `pairs`: "first,second" -> scores; `outside_itself`: name -> the score
    `outside` of its map against itself.
    `parts`, of cartoon faces: part -> `pixels`, the share of the image that shows it, and each model's share of the map there.
    """
    asked = _asked(home, run_id, **about)
    _affordable(asked, _cost(asked), len(asked.opened.models))
    targets = {name: asked.aim(asked.opened.model(name)) for name in asked.opened.models}
    explained = _explained(asked, targets)
    maps = {name: found.flat[0].numpy() for name, found in explained.items()}
    told = {
        name: _answer(asked, asked.opened.model(name)) | {
            "target": targets[name], "map": _packed(maps[name]), "steps": found.steps,
            "difference": _number(found.difference), "error": _number(found.error),
        }
        for name, found in explained.items()
    }  # fmt: skip
    return {
        "image": packed((asked.x[0] * 255).round().to(torch.uint8).numpy()),
        "label": asked.label,
        "row": asked.row,
        "models": told,
        "pairs": {f"{a},{b}": asdict(scores(maps[a], maps[b])) for a, b in combinations(maps, 2)},
        "outside_itself": {name: outside_top(values, values) for name, values in maps.items()},
        "parts": _parts(asked, maps),
    }


def _explained(asked: Asked, targets: dict[str, int]) -> dict[str, Explanation]:
    """Each network's map. Where nobody chose the steps of Integrated Gradients, all networks' maps are of equally many: of the first
    try's, or where one of them is not fine then, of as many as fit into SECONDS.
    """

    def by(steps: int) -> dict[str, Explanation]:
        return {name: asked.explained(asked.opened.model(name), target, steps) for name, target in targets.items()}

    began = perf_counter()
    first = by(STEPS[0])
    took = max(perf_counter() - began, 1e-9)
    if asked.how != "integrated_gradients" or asked.settings.steps or asked.settings.smooth or all(e.fine for e in first.values()):
        return first
    steps = min(FINEST, int(STEPS[0] * (SECONDS - took) / took))
    return by(steps) if steps >= WORTH * STEPS[0] else first


def saliency_random(home: Home, run_id: str, **about: Any) -> dict[str, Any]:
    """The same image under a network of random weights, always the same ones: `map`, and its `scores` against the original's map."""
    asked = _asked(home, run_id, **about)
    _affordable(asked, _cost(asked), 2)
    first = asked.opened.model(asked.opened.models[0])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(asked.settings.seed)
        drawn = asked.opened.fresh().eval()
    target = asked.aim(first)
    ours, theirs = (asked.explained(model, target, STEPS[0]).flat[0].numpy() for model in (first, drawn))
    return {"map": _packed(theirs), "target": target, "scores": asdict(scores(ours, theirs))}


def saliency_trust(home: Home, run_id: str, **about: Any) -> dict[str, Any]:
    """Model -> `infidelity` and `sensitivity` of its map; see core.attribution.honesty."""
    asked = _asked(home, run_id, **about)
    shakes = 2 * (1 + SHAKES)  # once for the map, once for a map of zeros, each beside the image itself
    maps = 2 + NEIGHBOURS  # the one that is judged; sensitivity draws it again, and each neighbour's
    _affordable(asked, shakes + maps * _cost(asked), len(asked.opened.models))
    told, quick = {}, replace(asked.settings, steps=asked.settings.steps or STEPS[0])  # one map is drawn for each neighbour too
    for name in asked.opened.models:
        model = asked.opened.model(name)
        target = asked.aim(model)
        aimed, found = torch.tensor([target]), asked.explained(model, target, STEPS[0]).map
        told[name] = {
            "infidelity": _number(infidelity(model, asked.x, aimed, found, asked.how, quick)),
            "sensitivity": _number(sensitivity(model, asked.x, aimed, asked.how, quick)),
        }
    return told


def _cost(asked: Asked) -> int:
    return passes(asked.how, asked.settings, tuple(asked.x.shape))


def _affordable(asked: Asked, cost: int, networks: int) -> None:
    """Raises WrongInput where the engine, which serves everybody, would be busy too long; cost: forward passes for each of `networks`.

    Told from a core's own seconds: what else the machine does at this moment is no reason to refuse.
    """
    model = asked.opened.model(asked.opened.models[0])
    if cost < CHEAP:
        return
    took = []
    for _ in range(3):  # the first pass is slower than all others
        began = process_time()
        _logits(model, asked.x)
        took.append(process_time() - began)
    seconds = min(took) / torch.get_num_threads() * cost * networks
    if seconds > MOST_SECONDS:
        raise WrongInput(
            f"This would take about {seconds:.0f} seconds here, and a click may take {MOST_SECONDS}; choose fewer steps or noisy copies, "
            "or another explainer."
        )


def _logits(model: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        logits: Tensor = model(x)[0]
    return logits


def _answer(asked: Asked, model: nn.Module) -> dict[str, Any]:
    logits = _logits(model, asked.x)
    shares = logits.sigmoid() if is_multi(asked.opened.splits.test.labels) else logits.softmax(0)
    return {"probabilities": shares.tolist(), "answer": int(logits.argmax())}


def _parts(asked: Asked, maps: dict[str, np.ndarray]) -> dict[str, dict[str, float | None]]:
    if asked.row is None:
        return {}
    found = true_parts(asked.opened.data.info.key, asked.row[0], torch.tensor([asked.row[1]]))
    return {
        part: {"pixels": float(shown[0].mean()), **{name: share_on(values, shown[0]) for name, values in maps.items()}}
        for part, shown in found.items()
        if shown.any()
    }


def _packed(values: np.ndarray) -> dict[str, Any]:
    return packed(values.astype(np.float32))


def _number(value: Tensor | None) -> float | None:
    """None for what is no number, which JSON has no word for."""
    return None if value is None or not value.isfinite().all() else float(value[0])
