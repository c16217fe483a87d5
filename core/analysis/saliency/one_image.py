"""Questions answered while the user waits: which pixels of one image speak for an answer, under each of a run's networks?"""

from dataclasses import asdict, replace
from itertools import combinations
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core.analysis.saliency.explainers import EXPLAINERS, grids, preset
from core.analysis.saliency.explanation import Explanation
from core.analysis.saliency.faithfulness import NEIGHBOURS, SHAKES, infidelity, sensitivity
from core.analysis.saliency.ground_truth import true_parts
from core.analysis.saliency.image_request import (
    SETS,
    Asked,
    affordable,
    asked_of,
    cost_of,
    logits_of,
    opened_of,
    rows_of,
)
from core.analysis.saliency.integrated_gradients import MORE, most_of
from core.analysis.saliency.map_similarity import outside_top, scores, share_on
from core.data.labels import is_multi
from core.storage.home import Home

SECONDS = 3.2  # that Integrated Gradients may take for all networks of a click, where nobody chose their steps
FINEST, ROUGH = 320, 48  # steps at most, then, of a network; of one of random weights, whose map need not be fine
QUICK = 24  # of maps that are drawn once for each neighbour of an image


def saliency_offer(home: Home, run_id: str) -> dict[str, Any]:
    """What can be asked of a run: `explainers`, each with why it is unfit or ''; `layers` for Grad-CAM and the `layer` to start from;
    `sets`: how many images each has, of those that have any.
    """
    opened = opened_of(home, run_id)
    model, info = opened.model(opened.models[0]), opened.data.info
    told = [asdict(e) | {"unfit": e.unfit(model)} for e in EXPLAINERS.values()]
    fit = not EXPLAINERS["grad_cam"].unfit(model)
    layers = grids(model, (info.channels, info.height, info.width)) if fit else {}
    return {"explainers": told, "layers": {n: list(g) for n, g in layers.items()}, "layer": preset(layers) if layers else "",
            "models": list(opened.models),
            "sets": {name: count for name in SETS if (count := len(rows_of(opened, name)))}}  # fmt: skip


def saliency(home: Home, run_id: str, **about: Any) -> dict[str, Any]:
    """about: image, target, how, settings, as `asked_of` has them.

    `image`: uint8 (C, H, W) to 255. `label`, `row`: see Asked. `models`: name -> `probabilities`, its `answer` (or most likely
    attribute), the `target` of its map, `map` float32 (H, W), and where the explainer is complete, `difference` of logits, `error`,
    `steps` and `off`, as Explanation has them. `pairs`: "first,second" -> scores; `outside_itself`: name -> the score `outside` of its
    map against itself.
    `parts`, of cartoon faces: part -> `pixels`, the share of the image that shows it, and each model's share of the map there.
    """
    asked = asked_of(home, run_id, **about)
    affordable(asked, cost_of(asked), len(asked.opened.models))
    targets = {name: asked.aim(asked.opened.model(name)) for name in asked.opened.models}
    explained = _explained(asked, {name: (asked.opened.model(name), target) for name, target in targets.items()}, FINEST)
    maps = {name: found.flat[0].numpy() for name, found in explained.items()}
    told = {
        name: _answer(asked, asked.opened.model(name)) | {
            "target": targets[name], "map": maps[name].astype(np.float32), "steps": found.steps,
            "difference": _number(found.difference), "error": _number(found.error), "off": _number(found.off),
        }
        for name, found in explained.items()
    }  # fmt: skip
    return {
        "image": (asked.x[0] * 255).round().to(torch.uint8).numpy(),
        "label": asked.label,
        "row": asked.row,
        "models": told,
        "pairs": {f"{a},{b}": asdict(scores(maps[a], maps[b])) for a, b in combinations(maps, 2)},
        "outside_itself": {name: outside_top(values, values) for name, values in maps.items()},
        "parts": _parts(asked, maps),
    }


def _explained(asked: Asked, networks: dict[str, tuple[nn.Module, int]], most: int) -> dict[str, Explanation]:
    """Each network's map, of its class. Where nobody chose the steps of Integrated Gradients, those whose maps are not yet fine go on in
    rounds of a few steps, up to `most`, while another round fits into SECONDS. No network is a round behind: equal networks get
    equal maps.
    """
    if not asked.open:
        return {name: asked.explained(*network) for name, network in networks.items()}
    began = perf_counter()
    going = {name: asked.finer(*network) for name, network in networks.items()}
    found = {name: next(maps) for name, maps in going.items()}
    most = most_of(asked.x, most)
    while going := {name: maps for name, maps in going.items() if not found[name].fine and found[name].steps + MORE <= most}:
        took = perf_counter() - began
        if took + took * MORE * len(going) / sum(e.steps for e in found.values()) > SECONDS:
            break
        found |= {name: next(maps) for name, maps in going.items()}
    return found


def saliency_random(home: Home, run_id: str, **about: Any) -> dict[str, Any]:
    """The same image under a network of random weights, always the same: `map`, and `target`, the class it is about, the original's."""
    asked = asked_of(home, run_id, **about)
    affordable(asked, cost_of(asked), 1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(asked.settings.seed)
        drawn = asked.opened.fresh().eval()
    target = asked.aim(asked.opened.model(asked.opened.models[0]))
    found = _explained(asked, {"random": (drawn, target)}, ROUGH)["random"]
    return {"map": found.flat[0].numpy().astype(np.float32), "target": target}


def saliency_trust(home: Home, run_id: str, **about: Any) -> dict[str, Any]:
    """Model -> `infidelity` and `sensitivity` of its map; see core.analysis.saliency.faithfulness."""
    asked = asked_of(home, run_id, **about)
    shakes = 2 * (1 + SHAKES)  # once for the map, once for a map of zeros, each beside the image itself
    maps = 2 + NEIGHBOURS  # the one that is judged; sensitivity draws it again, and each neighbour's
    quick = replace(asked.settings, steps=asked.settings.steps or QUICK)  # one map is drawn for each neighbour too
    affordable(asked, shakes + maps * cost_of(replace(asked, settings=quick)), len(asked.opened.models))
    told = {}
    for name in asked.opened.models:
        model = asked.opened.model(name)
        target = asked.aim(model)
        aimed, found = torch.tensor([target]), asked.explained(model, target, QUICK).map
        told[name] = {
            "infidelity": _number(infidelity(model, asked.x, aimed, found, asked.how, quick)),
            "sensitivity": _number(sensitivity(model, asked.x, aimed, asked.how, quick)),
        }
    return told


def _answer(asked: Asked, model: nn.Module) -> dict[str, Any]:
    logits = logits_of(model, asked.x)
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


def _number(value: Tensor | None) -> float | None:
    """None for what is no number, which JSON has no word for."""
    return None if value is None or not value.isfinite().all() else float(value[0])
