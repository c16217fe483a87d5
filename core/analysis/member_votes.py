"""For SISA's frames: how an ensemble's members answer test images, each by itself, and what a vote of theirs would say."""

from typing import Any

import torch
from torch import Tensor

from core.analysis.finished_run import open_models
from core.domain.errors import WrongInput
from core.models.ensemble import Ensemble
from core.storage.home import Home
from core.training.loop import predict

MOST = 1000  # test images, so that the answer comes while a page waits


def member_votes(home: Home, run_id: str) -> dict[str, Any]:
    """Of the unlearned network on test images, at most MOST of them.

    count: images; agree, right: for 1 to S members, images whose answer by vote so many gave, and those of them that it is right on;
    members: each one's accuracy; vote, mean: accuracy by vote and by the mean of the softmaxes, which is the network's own.
    Raises WrongInput where the network is no ensemble, or an image has several attributes.
    """
    finished = open_models(home, run_id)
    network, examples = finished.model("unlearned"), finished.splits.test.sample(MOST)
    if not isinstance(network, Ensemble) or network.multi:
        raise WrongInput(f"Run {run_id} has no ensemble whose members each answer with one class.")
    logits = torch.stack([predict(member, examples, "cpu") for member in network.members])
    labels, answers, (vote, behind) = examples.labels, logits.argmax(2), voted(logits)
    right, sizes = vote == labels, len(network.members) + 1
    return {
        "count": len(labels), "agree": torch.bincount(behind, minlength=sizes)[1:].tolist(),
        "right": torch.bincount(behind[right], minlength=sizes)[1:].tolist(),
        "members": (answers == labels).double().mean(1).tolist(), "vote": float(right.double().mean()),
        "mean": float((predict(network, examples, "cpu").argmax(1) == labels).double().mean()),
    }  # fmt: skip


def voted(logits: Tensor) -> tuple[Tensor, Tensor]:
    """(S, n, C) -> the class that most members answer, int64 (n,), of several the first; and how many do, int64 (n,)."""
    votes = torch.nn.functional.one_hot(logits.argmax(2), logits.shape[2]).sum(0)
    return votes.argmax(1), votes.amax(1)
