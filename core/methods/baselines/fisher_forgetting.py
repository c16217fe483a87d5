"""Fisher forgetting: Gaussian noise on every weight, stronger where the retain set's Fisher information is small.

Golatkar, Achille & Soatto, CVPR 2020, arXiv:1911.04933.
    v      =   a * min(1 / (F_r + 1e-8), 1e3)        (1e2 for the classifier), averaged over a weight's second axis;
               ten times that for vectors and for the classifier;   F_r the exact Fisher diagonal on D_r
    theta  <-   theta* + N(0, v);   for class requests the forgotten classes' rows of the classifier become N(0, 1e-4)
Departs from the paper: constants are those of the authors' code, which differ from the paper's text; the forgotten rows
keep the variance 1e-4 that the code sets first and then multiplies by ten with the rest of the classifier.
Of several attributes the Fisher is that of all of them together, in one pass for each attribute.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.data.label_kinds import is_multi
from core.data.splits import Splits
from core.domain.hyperparameters import SEARCHED_UNLESS, param
from core.domain.run import Recipe
from core.methods.search import SearchingInSteps
from core.training.context import RunContext
from core.training.fisher import expected_fisher
from core.training.layer_blocks import classifier

ROW_VARIANCE = 1e-4


@dataclass(frozen=True)
class FisherForgetting(SearchingInSteps):
    """Scrubbing by noise shaped by curvature."""

    key = "fisher_forgetting"
    title = "Fisher forgetting"
    about = "Adds noise to every weight, most where the retained data would not notice it; no training."
    paper = "arXiv:1911.04933"
    uses = frozenset({"retain"})
    not_ensemble = "it resets rows of the last layer, and each member has one of its own"
    share_before = 0.95
    ladder = tuple({"noise": noise} for noise in (1e-9, 1e-8, 1e-7, 1e-6, 1e-5))
    multi = True

    noise: float = param(1e-6, low=0.0, high=1.0, symbol="a", format="%.8f", when=SEARCHED_UNLESS, help="Scale of the noise's variance.")

    def passes_before(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """One pass over the retain set for each class or attribute, as if there were ten."""
        return 10.0 * (train_count - forget_count)

    def passes_after(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """Noise alone, which reads no image."""
        return 0.0

    def before(self, model: nn.Module, splits: Splits, run: RunContext) -> dict[str, Tensor]:
        """Weight's name -> the retain set's exact Fisher."""
        retain = splits.retain.to(run.device)
        classes = len(model.get_parameter(f"{classifier(model)}.weight"))
        return expected_fisher(
            model, retain.batches, classes=classes, total=len(retain), multi=is_multi(retain.labels),
            on_share=lambda share: run.progress(0.99 * share, "exact Fisher"),
        )  # fmt: skip

    def after(self, made: dict[str, Tensor], model: nn.Module, splits: Splits, run: RunContext) -> nn.Module:
        """The original with noise on its weights."""
        last, picks = classifier(model), splits.request.classes
        with torch.no_grad():
            for name, theta in model.named_parameters():
                at_end = name.startswith(f"{last}.")
                variance = self.noise * (1 / (made[name] + 1e-8)).clamp(max=1e2 if at_end else 1e3)
                if theta.dim() > 1:
                    variance = variance.mean(1, keepdim=True).expand_as(theta)
                if theta.dim() == 1 or at_end:
                    variance = variance * 10
                mean = theta.clone()
                if at_end and picks:
                    variance = variance.clone()
                    mean[list(picks)], variance[list(picks)] = 0.0, ROW_VARIANCE
                theta.copy_(mean + variance.sqrt() * torch.randn(theta.shape, generator=run.generator).to(run.device))
        run.progress(1.0, "noise added")
        return model
