"""Interactive analysis: the attribution map of one image under each of a run's networks."""

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
from core.analysis.saliency.image_request import (
    SETS,
    SaliencyRequest,
    affordable,
    cost_of,
    logits_of,
    request_of,
    rows_of,
    with_networks,
)
from core.analysis.saliency.integrated_gradients import MORE, most_of
from core.analysis.saliency.map_similarity import outside_top, scores, share_on
from core.analysis.saliency.part_masks import true_parts
from core.data.label_kinds import is_multi
from core.storage.home import Home

SECONDS = 3.2  # that Integrated Gradients may take for all networks of a request, where the settings leave the steps open
FINEST, ROUGH = 320, 48  # steps at most, then, of a network; of one of random weights, whose map need not be fine
QUICK = 24  # of maps that are drawn once for each neighbour of an image


def saliency_offer(home: Home, run_id: str) -> dict[str, Any]:
    """What is available for a run: `explainers`, each with why it is unfit or ''; `layers` for Grad-CAM and the default `layer`;
    `sets`: how many images each has, of those that have any.
    """
    finished = with_networks(home, run_id)
    model, info = finished.model(finished.models[0]), finished.data.info
    explainers = [e.offered(model) for e in EXPLAINERS.values()]
    fit = not EXPLAINERS["grad_cam"].unfit(model)
    layers = grids(model, (info.channels, info.height, info.width)) if fit else {}
    return {"explainers": explainers, "layers": {n: list(g) for n, g in layers.items()}, "layer": preset(layers) if layers else "",
            "models": list(finished.models),
            "sets": {name: count for name in SETS if (count := len(rows_of(finished, name)))}}  # fmt: skip


def saliency(home: Home, run_id: str, **about: Any) -> dict[str, Any]:
    """about: image, target, how, settings, as `request_of` takes them.

    `image`: uint8 (C, H, W) to 255. `label`, `row`: see SaliencyRequest. `models`: name -> `probabilities`, its `answer` (or most likely
    attribute), the `target` of its map, `map` float32 (H, W), and where the explainer is complete, `difference` of logits, `error`,
    `steps` and `off`, as Explanation has them. `pairs`: "first,second" -> scores; `outside_itself`: name -> the score `outside` of its
    map against itself.
    `parts`, of cartoon faces: part -> `pixels`, the share of the image that shows it, and each model's share of the map there.
    """
    request = request_of(home, run_id, **about)
    affordable(request, cost_of(request), len(request.finished.models))
    targets = {name: request.aim(request.finished.model(name)) for name in request.finished.models}
    explained = _explained(request, {name: (request.finished.model(name), target) for name, target in targets.items()}, FINEST)
    maps = {name: explanation.flat[0].numpy() for name, explanation in explained.items()}
    models = {
        name: _prediction(request, request.finished.model(name)) | {
            "target": targets[name], "map": maps[name].astype(np.float32), "steps": explanation.steps,
            "difference": _number(explanation.difference), "error": _number(explanation.error), "off": _number(explanation.off),
        }
        for name, explanation in explained.items()
    }  # fmt: skip
    return {
        "image": (request.x[0] * 255).round().to(torch.uint8).numpy(),
        "label": request.label,
        "row": request.row,
        "models": models,
        "pairs": {f"{a},{b}": asdict(scores(maps[a], maps[b])) for a, b in combinations(maps, 2)},
        "outside_itself": {name: outside_top(values, values) for name, values in maps.items()},
        "parts": _parts(request, maps),
    }


def _explained(request: SaliencyRequest, networks: dict[str, tuple[nn.Module, int]], most: int) -> dict[str, Explanation]:
    """Each network's map, of its target. Where the settings leave the steps of Integrated Gradients open, those whose maps are not yet
    fine go on in rounds of a few steps, up to `most`, while another round fits into SECONDS. All networks of a round finish it, so
    that equal networks get equal maps.
    """
    if not request.open:
        return {name: request.explained(*network) for name, network in networks.items()}
    began = perf_counter()
    rest = {name: request.finer(*network) for name, network in networks.items()}
    explanations = {name: next(maps) for name, maps in rest.items()}
    most = most_of(request.x, most)
    while rest := {name: maps for name, maps in rest.items() if not explanations[name].fine and explanations[name].steps + MORE <= most}:
        took = perf_counter() - began
        if took + took * MORE * len(rest) / sum(e.steps for e in explanations.values()) > SECONDS:
            break
        explanations |= {name: next(maps) for name, maps in rest.items()}
    return explanations


def saliency_random(home: Home, run_id: str, **about: Any) -> dict[str, Any]:
    """The same image under a network of random weights, the same for a seed: its `map`, and `target`, the original's."""
    request = request_of(home, run_id, **about)
    affordable(request, cost_of(request), 1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(request.settings.seed)
        drawn = request.finished.fresh().eval()
    target = request.aim(request.finished.model(request.finished.models[0]))
    explanation = _explained(request, {"random": (drawn, target)}, ROUGH)["random"]
    return {"map": explanation.flat[0].numpy().astype(np.float32), "target": target}


def saliency_trust(home: Home, run_id: str, **about: Any) -> dict[str, Any]:
    """Model -> `infidelity` and `sensitivity` of its map; see core.analysis.saliency.faithfulness."""
    request = request_of(home, run_id, **about)
    shakes = 2 * (1 + SHAKES)  # once for the map, once for a map of zeros, each beside the image itself
    maps = 2 + NEIGHBOURS  # the one that is scored; sensitivity computes it again, and each neighbour's
    quick = replace(request.settings, steps=request.settings.steps or QUICK)  # one map is drawn for each neighbour too
    affordable(request, shakes + maps * cost_of(replace(request, settings=quick)), len(request.finished.models))
    scores_of = {}
    for name in request.finished.models:
        model = request.finished.model(name)
        target = request.aim(model)
        aimed, attribution = torch.tensor([target]), request.explained(model, target, QUICK).map
        scores_of[name] = {
            "infidelity": _number(infidelity(model, request.x, aimed, attribution, request.how, quick)),
            "sensitivity": _number(sensitivity(model, request.x, aimed, request.how, quick)),
        }
    return scores_of


def _prediction(request: SaliencyRequest, model: nn.Module) -> dict[str, Any]:
    logits = logits_of(model, request.x)
    shares = logits.sigmoid() if is_multi(request.finished.splits.test.labels) else logits.softmax(0)
    return {"probabilities": shares.tolist(), "answer": int(logits.argmax())}


def _parts(request: SaliencyRequest, maps: dict[str, np.ndarray]) -> dict[str, dict[str, float | None]]:
    if request.row is None:
        return {}
    parts = true_parts(request.finished.data.info.key, request.row[0], torch.tensor([request.row[1]]))
    return {
        part: {"pixels": float(shown[0].mean()), **{name: share_on(values, shown[0]) for name, values in maps.items()}}
        for part, shown in parts.items()
        if shown.any()
    }


def _number(value: Tensor | None) -> float | None:
    """None where it is not finite, which JSON cannot hold."""
    return None if value is None or not value.isfinite().all() else float(value[0])
