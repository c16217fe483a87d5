"""Amnesiac unlearning: every training step whose batch held a forgotten image is taken back, and the rest heals.

Graves, Nagisetty & Ganesh, AAAI 2021, arXiv:2010.10981, the form with a log of gradients; its other form is `random_label`.
    theta  <-   theta* - sum of (theta_after - theta_before) over the steps of training on a batch that held an image of D_f
    then SGD on cross-entropy over D_r: plain momentum 0.9, weight decay 0.0005
BatchNorm's scales and shifts are taken back, its running statistics are not. Where every batch was hit, what is left is the network as it
was before training: then this is retraining from where it stands, and is refused.
The log is not there when a request comes: training is made again, step by step, and only the sum is stored. It must end at the original's
weights, bit for bit. In a deployment the log would be kept while training; here it is replayed, at the cost of one training.
Departs from the authors' notebooks: SGD where they go on with Adam; the sum where they store each step.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.data.dataset import Dataset, Examples
from core.data.splits import Splits, split
from core.domain.errors import WrongInput
from core.domain.hyperparameters import SEARCHED_UNLESS, param
from core.domain.info import DatasetInfo
from core.domain.requests.base import ForgetRequest
from core.domain.run import Recipe
from core.domain.training.recipes import LOG
from core.methods.baselines.masked_small_gradients import scaled
from core.methods.search import Rung, SearchingInSteps
from core.training.context import RunContext
from core.training.loop import fit, share_right
from core.training.precomputed import Statistic

EVALUATED = 500  # images of the retain set that healing is measured on, at most
LEAST_FREE = 0.1  # share of the steps that must be free of forgotten images
FORECAST = 20.0  # epochs


@dataclass(frozen=True)
class TrainingLog(Statistic):
    """What the steps on batches that held an image of the request changed, in sum, by training once more.

    Costs one training; of the steps' changes one vector is kept. strict: refuses where fewer than LEAST_FREE of the steps are free.
    """

    request: ForgetRequest
    strict: bool = True

    @property
    def passes(self) -> float:
        """For a forecast alone, which does not know the recipe: as many as digits are trained for."""
        return FORECAST

    def bytes(self, model: nn.Module, count: int) -> int:
        """Of weights, gradients, momentum, the weights before a step, where they began, and the sum in double precision."""
        return 7 * sum(p.nbytes for p in model.parameters())

    def check(self, model: nn.Module, count: int) -> None:
        """Nothing to refuse: it takes what training takes, but for a few copies of the weights."""

    def fits(self, arrays: dict[str, Tensor], model: nn.Module) -> bool:
        """One change for each parameter, in its shape."""
        found = {name.partition("/")[2]: a.shape for name, a in arrays.items() if name.startswith("change/")}
        return found == {n: p.shape for n, p in model.named_parameters()}

    def compute(self, model: nn.Module, examples: Examples, run: RunContext) -> dict[str, Tensor]:
        """`change/NAME`, shaped like the parameter; `hit` (steps,), 1 where a forgotten image was in the batch; `lengths` (hits,), of each
        change; `way_back` (), from the original (0) to the start of training (1). Raises WrongInput where that cannot be had.
        """
        seed, recipe = run.seed if run.original_seed is None else run.original_seed, run.recipe
        hit = torch.tensor(list(hits(examples, forgotten(self.request, examples), recipe, seed)), dtype=torch.bool)
        if self.strict and float((~hit).double().mean()) < LEAST_FREE:
            raise WrongInput(
                f"Forgotten images were in {int(hit.sum())} of the {len(hit)} batches of training, and taking those steps back leaves "
                "next to nothing learned; ask for fewer images, or choose every_batch = subtract to see that."
            )
        training = RunContext(run.build, recipe, seed, run.device, run.on_progress)
        network = training.fresh_model()
        weights = list(network.parameters())
        start, sums = copies(weights), [torch.zeros_like(p, dtype=torch.float64) for p in weights]
        before, lengths, done = copies(weights), list[float](), 0

        def stepped() -> None:
            nonlocal before, done
            if hit[done]:
                changes = [theta.detach() - old for theta, old in zip(weights, before, strict=True)]
                lengths.append(length(changes))
                for total, change in zip(sums, changes, strict=True):
                    total.add_(change)
            done += 1
            if done < len(hit) and hit[done]:
                before = copies(weights)

        fit(network, examples, recipe, training, after_step=stepped)
        same_as(model, network)
        left = [theta.detach() - total.to(theta.dtype) for theta, total in zip(weights, sums, strict=True)]
        away = [length([a - b for a, b in zip(copy, start, strict=True)]) for copy in (left, copies(weights))]
        names = [name for name, _ in network.named_parameters()]
        return {
            **{f"change/{name}": total.to(p.dtype) for name, total, p in zip(names, sums, weights, strict=True)},
            "hit": hit.to(torch.uint8), "lengths": torch.tensor(lengths), "way_back": torch.tensor(1 - away[0] / max(away[1], 1e-30)),
        }  # fmt: skip


@dataclass(frozen=True)
class Amnesiac(SearchingInSteps):
    """Takes back the steps of training that saw forgotten images, then fine-tunes; the log reads all images, the method those that stay."""

    key = "amnesiac"
    title = "Amnesiac unlearning"
    about = "Takes back every training step whose batch held a forgotten image, then trains on what stays; for few images."
    paper = "arXiv:2010.10981"
    uses = frozenset({"retain"})
    keeps = frozenset({LOG})
    kinds = frozenset({"class", "classes", "random", "mislabelled", "samples", "published", "selected"})  # what rows and labels tell
    ladder = tuple({"learning_rate": rate} for rate in (0.1, 0.2, 0.5, 1.0))  # of the recipe's
    multi = True
    not_ensemble = "each of its networks was trained by steps of its own"

    every_batch: str = param(
        "refuse", choices=("refuse", "subtract"),
        help="Where fewer than a tenth of the batches of training were free of forgotten images: refuse, or take all the others back.",
        notes=(("subtract", "Where every batch was hit, what is left is the network before training, and healing is all there is."),),
    )  # fmt: skip
    epochs: int = param(5, low=0, high=200, when=SEARCHED_UNLESS, help="Healing: passes over the retain set.")
    learning_rate: float = param(
        0.01, low=0.0, high=1.0, symbol="η", format="%.6f", when=SEARCHED_UNLESS,
        help="Healing: step size of SGD, plain momentum 0.9.",
    )  # fmt: skip
    batch_size: int = param(64, low=2, high=4096, symbol="B", help="Examples a step of healing.")

    def rungs(self, recipe: Recipe) -> tuple[Rung, ...]:
        """Healing takes a third of the epochs that training took, at a share of its rate, told for SGD."""
        return scaled(self.ladder, recipe)

    def statistics(self, request: ForgetRequest) -> tuple[Statistic, ...]:
        """The log, of this request alone."""
        return (TrainingLog(request, self.every_batch == "refuse"),)

    def passes_after(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """Healing over the retain set, and the accuracies that are recorded."""
        retain_count = train_count - forget_count
        return self.epochs * retain_count + (self.epochs + 2) * min(EVALUATED, retain_count) / 3

    def after(self, made: None, model: nn.Module, splits: Splits, run: RunContext) -> nn.Module:
        """The original without those steps, fine-tuned on the retain set."""
        log = run.statistics[self.statistics(splits.request)[0].key]
        seen, accuracies = splits.retain.sample(EVALUATED), list[float]()

        def look(*_: object) -> None:
            accuracies.extend(share_right(model, seen, device=run.device))

        look()
        with torch.no_grad():
            for name, theta in model.named_parameters():
                theta.sub_(log[f"change/{name}"])
        look()
        if self.epochs:
            recipe = Recipe(self.epochs, self.batch_size, self.learning_rate, weight_decay=5e-4, one_cycle=False)
            fit(model, splits.retain, recipe, run, nesterov=False, after_epoch=look)
        stored = int(log["hit"].sum()) * sum(theta.nbytes for theta in model.parameters())
        run.record("amnesiac", {
            "hit": log["hit"], "lengths": log["lengths"], "way_back": log["way_back"], "healing": torch.tensor(accuracies),
            "log_bytes": torch.tensor(float(stored), dtype=torch.float64),
        })  # fmt: skip
        run.progress(1.0, "healed")
        return model.eval()


def forgotten(request: ForgetRequest, examples: Examples) -> Tensor:
    """bool (N,): which of the training examples the request names, of which these may be a part; of a kind in `Amnesiac.kinds`."""
    labels, total = examples.labels.cpu(), len(examples.stored)
    if request.by_class:
        return torch.isin(labels, torch.tensor(request.classes))
    _, channels, height, width = examples.shape
    info = DatasetInfo("", "", "", channels, height, width, ("", ""), (total, 0), 0, (), ())  # by indices or a draw: labels decide nothing
    whole = Examples(examples.stored, torch.zeros(total, dtype=torch.int64), examples.peak)
    named = split(Dataset(info, whole, whole), request).forgotten
    return named if examples.rows is None else named[examples.rows]


def hits(examples: Examples, gone: Tensor, recipe: Recipe, seed: int) -> Iterator[bool]:
    """For each step of training by this recipe and seed whether its batch holds one of the examples gone, bool (N,); nothing is trained."""
    generator, marked = torch.Generator().manual_seed(seed), examples.relabelled(gone.long().to(examples.labels.device))
    for _ in range(recipe.epochs):
        for _, marks in marked.batches(recipe.batch_size, generator, recipe.augment):
            if len(marks) > 1 or len(examples) == 1:  # as `fit` has it
                yield bool(marks.any())


def same_as(model: nn.Module, replayed: nn.Module) -> None:
    """Raises WrongInput where a weight or a buffer differs in a bit."""
    ours, theirs = replayed.state_dict(), model.state_dict()
    if any(not torch.equal(tensor, theirs[name]) for name, tensor in ours.items()):
        raise WrongInput(
            "Training was made again by the original's recipe and seed and ended at other weights, so there is no log of how the original "
            "came about; it must have been trained on this machine, by this version."
        )


def copies(weights: list[nn.Parameter]) -> list[Tensor]:
    """As they are now."""
    return [theta.detach().clone() for theta in weights]


def length(tensors: list[Tensor]) -> float:
    """L2 of all of them as one vector."""
    return float(torch.stack([tensor.double().square().sum() for tensor in tensors]).sum().sqrt())
