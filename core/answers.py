"""The warm engine's process: one question a line on stdin, one answer a line on stdout, both JSON.

python -m core.answers ROOT; it ends when its stdin closes, so it never outlives the dashboard that asked.
"""

from collections.abc import Callable
import json
import os
from pathlib import Path
import sys
from typing import Any

import torch

from core.domain import WrongInput
from core.explore.alphas import alpha_curve
from core.explore.dampening import redampen
from core.explore.filters import top_filters
from core.explore.importance import importance_view, kernel_map
from core.explore.noise import noise_answers
from core.explore.path import path_at, path_curve
from core.explore.plane import plane
from core.explore.saliency import saliency, saliency_offer, saliency_random, saliency_trust
from core.explore.touched import touched_layer, touched_map
from core.store.home import Home
from core.threads import cores

NICENESS = 1  # behind the page that draws, before runs

QUESTIONS: dict[str, Callable[..., dict[str, Any]]] = {
    "importance_view": importance_view, "redampen": redampen,
    "saliency": saliency, "saliency_offer": saliency_offer, "saliency_random": saliency_random, "saliency_trust": saliency_trust,
    "alpha_curve": alpha_curve, "kernel_map": kernel_map, "top_filters": top_filters,
    "touched_map": touched_map, "touched_layer": touched_layer,
    "path_at": path_at, "path_curve": path_curve, "noise_answers": noise_answers, "plane": plane,
}  # fmt: skip


def answer(home: Home, line: str) -> dict[str, Any]:
    """{"answer": ...}, or {"wrong": sentence} where the question cannot be answered."""
    asked = json.loads(line)
    try:
        return {"answer": QUESTIONS[asked["question"]](home, **asked["about"])}
    except WrongInput as wrong:
        return {"wrong": str(wrong)}


def main() -> None:
    """Serve until stdin closes."""
    if not os.environ.get("OMP_NUM_THREADS"):  # whoever set it knows better
        torch.set_num_threads(cores())
    os.nice(NICENESS)
    home, voice = Home(Path(sys.argv[1])), sys.stdout
    sys.stdout = sys.stderr  # a library's print must not be taken for an answer
    for line in sys.stdin:
        print(json.dumps(answer(home, line)), file=voice, flush=True)


if __name__ == "__main__":
    main()
