"""The warm engine's process: one question a line on stdin, one answer a line on stdout, both JSON.

python -m core.jobs.engine_server ROOT; it ends when its stdin closes, so it never outlives the dashboard that asked.
"""

from collections.abc import Callable
import json
import os
from pathlib import Path
import sys
from typing import Any

import torch

from core.analysis.method_steps import noise_answers, path_at, path_curve, plane
from core.analysis.saliency.one_image import saliency, saliency_offer, saliency_random, saliency_trust
from core.analysis.weights.alpha_sweep import alpha_curve
from core.analysis.weights.importance_summary import importance_view, kernel_map
from core.analysis.weights.ssd_what_if import redampen
from core.analysis.weights.top_filters import top_filters
from core.analysis.weights.weight_changes import touched_layer, touched_map
from core.domain.errors import WrongInput
from core.jobs.codec import encode
from core.storage.home import Home
from core.storage.processes import cores

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
        print(encode(answer(home, line)), file=voice, flush=True)


if __name__ == "__main__":
    main()
