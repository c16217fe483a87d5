"""A question about noise that a method made: what the original network takes it for while it grows."""

from typing import Any

from core.domain import WrongInput
from core.models.normalise import from_normalised
from core.opened import open_models
from core.store.home import Home

NOISE, FRAMES = "unsir_noise/", "/frames"


def noise_answers(home: Home, run_id: str) -> dict[str, Any]:
    """Class (its index, as text) -> moments x images x classes: the original's probabilities, with BatchNorm as it is used later.

    The images are those of the recorded frames. Raises WrongInput where the run recorded no noise.
    """
    opened = open_models(home, run_id)
    recorded = opened.arrays("recorded") if "recorded" in opened.files else {}
    grown = {name.removeprefix(NOISE).removesuffix(FRAMES): frames for name, frames in recorded.items()
             if name.startswith(NOISE) and name.endswith(FRAMES)}  # fmt: skip
    if not grown:
        raise WrongInput(f"Run {run_id} recorded no noise; only UNSIR's optimised noise is.")
    model, answers = opened.model("original"), {}
    for target, frames in grown.items():  # (moments, images, C, H, W)
        probabilities = model(from_normalised(model, frames.flatten(0, 1))).softmax(1)
        answers[target] = probabilities.detach().view(*frames.shape[:2], -1).tolist()
    return answers
