"""A trial's network in numbers: by the retrained reference on test images (oracle), or by a validation part of the retain set (blind)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor, nn

from core.data.dataset import Examples
from core.data.label_kinds import loss as label_loss
from core.data.label_kinds import right
from core.domain.errors import WrongInput
from core.metrics.privacy.threshold_attack import FEWEST, auc
from core.pipeline import Job, Stages, train
from core.training.loop import Diverged, predict
from core.training.run_setup import restore
from core.tuning.networks import BlindJob, Say
from core.tuning.objectives import ATTACK, FORGETTING, RETAINED

MOST = 1000  # images of each set that are predicted for a trial: the same draw for all of them
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """values: of the objectives, by key; told: the accuracies and the attack's AUC behind them, by name."""

    values: dict[str, float]
    told: dict[str, float]


@dataclass(frozen=True)
class Sides:
    """Accuracy on what goes and on what stays, and the AUC of the attack by loss; NaN where there is no attack."""

    forget: float
    retain: float
    attack: float


def sides_of(model: nn.Module, forget: Examples, retain: Examples, attacked: tuple[Examples, Examples], device: str) -> Sides:
    """attacked: the forget set, and images that the network never saw. Raises Diverged where a prediction is no number."""
    gone, stays = (float(right(_logits(model, part, device), part.labels.cpu()).mean()) for part in (forget, retain))
    if min(map(len, attacked)) < FEWEST:
        return Sides(gone, stays, float("nan"))
    ours, others = (_losses(model, part, device) for part in attacked)
    return Sides(gone, stays, auc(-ours, -others))  # a low loss is taken for membership


def _logits(model: nn.Module, part: Examples, device: str) -> Tensor:
    logits = predict(model, part, device)
    if not logits.isfinite().all():
        raise Diverged("The unlearned network's predictions are not finite; gentler settings may help.")
    return logits


def _losses(model: nn.Module, part: Examples, device: str) -> Array:
    losses: Array = label_loss(_logits(model, part, device).to(torch.float64), part.labels.cpu(), "none").numpy()
    return losses


@dataclass(frozen=True)
class Blind:
    """By the forget set and the validation part alone. erase: whether nothing of the forget set may be recognised."""

    forget: Examples
    held_out: Examples
    erase: bool
    device: str

    def __call__(self, model: nn.Module) -> Measured:
        """Raises Diverged."""
        found = sides_of(model, self.forget, self.held_out, (self.forget, self.held_out), self.device)
        over = found.attack - 0.5
        values = {
            FORGETTING: found.forget if self.erase else abs(found.forget - found.retain), RETAINED: found.retain,
            ATTACK: max(0.0, over) if self.erase else abs(over),
        }  # fmt: skip
        return Measured(values, {"forget accuracy": found.forget, "validation accuracy": found.retain, "attack AUC": found.attack})


@dataclass(frozen=True)
class Oracle:
    """By the reference's own numbers on the same images. forget: test images of what goes, or the forget set where there are none."""

    forget: Examples
    retain: Examples
    attacked: tuple[Examples, Examples]
    device: str
    reference: Sides

    def __call__(self, model: nn.Module) -> Measured:
        """Raises Diverged."""
        found, true = sides_of(model, self.forget, self.retain, self.attacked, self.device), self.reference
        values = {
            FORGETTING: abs(found.forget - true.forget), RETAINED: abs(found.retain - true.retain), ATTACK: abs(found.attack - true.attack),
        }
        told = {
            "forget accuracy": found.forget, "reference's forget accuracy": true.forget, "retain accuracy": found.retain,
            "reference's retain accuracy": true.retain, "attack AUC": found.attack, "reference's attack AUC": true.attack,
        }  # fmt: skip
        return Measured(values, told)


def blind(job: BlindJob) -> Blind:
    """Of a job without its validation part."""
    request = job.splits.request
    return Blind(job.splits.forget.sample(MOST), job.held_out.sample(MOST), request.by_class or request.flips_labels, job.device)


def oracle(job: Job, say: Say) -> Oracle:
    """The reference is trained, or loaded. Raises WrongInput where there are no other test images."""
    splits = job.splits
    unseen = splits.test_forget if splits.request.by_class or int(splits.test_forgotten.sum()) >= FEWEST else splits.test
    forget = splits.test_forget if len(splits.test_forget) else splits.forget
    if not len(splits.test_retain):
        raise WrongInput("Every test image belongs to the forget request, so nothing says what the network can still do.")
    sets = forget.sample(MOST), splits.test_retain.sample(MOST), (splits.forget.sample(MOST), unseen.sample(MOST))
    stages = Stages({"reference": 1.0}, lambda share, _, note, __: say(share, note))
    reference = train(job, "reference", job.reference_key, "reference", splits.retain, stages)
    return Oracle(*sets, job.device, sides_of(restore(job, reference.tensors), *sets, job.device))
