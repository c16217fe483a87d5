"""Prints what PyTorch computes with here as one JSON object, for `core doctor`: a process of its own, since torch takes seconds.

wrong: why nothing can be computed with it, in a sentence; '' where a small sum came out right.
"""

import json
import os

import torch

from core.domain.errors import WrongInput
from core.training.context import choose_device


def told() -> dict[str, str]:
    """device, name, wrong."""
    device = name = wrong = ""
    try:
        device = choose_device(os.environ.get("FORGETSCOPE_DEVICE", "").strip())
        name = torch.cuda.get_device_name(device) if device.startswith("cuda") else "the processor"
        if (found := float(torch.ones(8, device=device).sum())) != 8:
            wrong = f"Eight ones make {found:g} on {device}; update its driver, or set FORGETSCOPE_DEVICE=cpu."
    except WrongInput as error:
        wrong = str(error)
    except RuntimeError as error:
        said = " ".join(str(error).split())[:160]
        wrong = f"PyTorch cannot compute on {device or 'its device'} ({said}); update its driver, or set FORGETSCOPE_DEVICE=cpu."
    return {"device": device, "name": name, "wrong": wrong}


if __name__ == "__main__":
    print(json.dumps(told()))
