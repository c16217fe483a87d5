"""Lightweight weight perturbation, a RECONSTRUCTION: small steps towards the predictions of a model of the retain set.

Chen, Wang & Huang, 2021, arXiv:2111.05528; only its abstract could be read, everything below is our reading of it.
    target   A: T(x) = the prediction for x in D_f of a model trained shortly on a part of D_r
             B: T(x) = theta*'s prediction for a retain image of the same predicted class as x (else its values, sorted alike)
             C: T(x) = the prediction of a last layer that was fitted anew to theta*'s features of a part of D_r
    repeat   L = KL(T || p) on a batch of D_f + mu * CE on a batch of D_r;   theta  <-   theta - eta * clip(dL/dtheta, 1)
             project on ||theta - theta*|| <= R ||theta*||;   stop when mean JS(p, T) over D_f is below tau
Departs from the paper: unknown, since its algorithm is not public. BatchNorm is frozen. No attack stops it (that needs held-out data), but
the loss AUC of D_f against D_r is recorded. Several attributes: the mean of their divergences; B draws for each one by itself.
C is A with all but the last layer taken from theta*, for classes that go: features of single images that theta* learned stay learned.
"""

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from math import ceil

import torch
from torch import Tensor, nn

from core.data.dataset import Examples
from core.data.label_kinds import is_multi, loss, two_answers
from core.data.label_kinds import loss as label_loss
from core.data.splits import Splits
from core.domain.errors import WrongInput
from core.domain.hyperparameters import SEARCHED_UNLESS, param
from core.domain.run import Recipe
from core.methods.search import SearchingInSteps
from core.training.context import RunContext
from core.training.layer_blocks import blocks, classifier
from core.training.loop import descend, draws, fit, predict
from core.training.losses import jensen_shannon, kl_divergence, rank_auc


def distance(moving: Sequence[Tensor], start: Sequence[Tensor]) -> float:
    """Length of the change over the length of the start, both taken over all weights."""
    change = torch.cat([(p.detach() - s).flatten() for p, s in zip(moving, start, strict=True)]).norm()
    return float(change / torch.cat([s.flatten() for s in start]).norm())


@torch.no_grad()
def project(moving: Sequence[Tensor], start: Sequence[Tensor], radius: float) -> None:
    """Pull the weights back to within `radius` times the start's length of the start."""
    far = distance(moving, start)
    if far > radius:
        for p, s in zip(moving, start, strict=True):
            p.copy_(s + (p - s) * (radius / far))


def measure_step(
    model: nn.Module, target: Tensor, sets: tuple[Examples, Examples], far: float, device: str
) -> list[float]:
    """[mean JS to the target on the forget set, `far`, loss AUC of forget against retain, mean loss of each].

    sets: (forget, retain); target: (k, C) logits, of the forget set.
    """
    logits = [predict(model, examples, device) for examples in sets]
    losses = [label_loss(z, e.labels.cpu(), "none") for z, e in zip(logits, sets, strict=True)]
    js = float(jensen_shannon(target.cpu(), logits[0], multi=is_multi(sets[0].labels)).mean())
    return [js, far, rank_auc(*losses), *(float(loss.mean()) for loss in losses)]


def third_party(own: Tensor, others: Tensor, generator: torch.Generator, multi: bool = False) -> Tensor:
    """Logits (k, C): for each row of `own` (k, C) a row of `others` (m, C) with the same predicted class, drawn at random.

    Where no other has that class, a row drawn from all, its values put in the order of the own row's. multi: the same of
    each attribute by itself, as two classes, yes and no.
    """
    if multi:
        each = (third_party(two_answers(own[:, [a]]), two_answers(others[:, [a]]), generator) for a in range(own.shape[1]))
        return torch.stack([borrowed[:, 1] - borrowed[:, 0] for borrowed in each], 1)
    predicted, rows = others.argmax(1), []
    for mine in own:
        same = (predicted == mine.argmax()).nonzero()[:, 0]
        pool = same if len(same) else torch.arange(len(others))
        theirs = others[pool[int(torch.randint(len(pool), (1,), generator=generator))]]
        rows.append(theirs if len(same) else theirs.sort()[0][mine.argsort().argsort()])
    return torch.stack(rows)


BUCKETS, MOMENTS = 8192, 24  # numbers in a sketch; sketches that are kept, at most, besides the last
SIGNS = 0  # seeds the sketch: the same for every run, and no draw of the run's own


def sketch(change: Sequence[Tensor]) -> Tensor:
    """float32 (BUCKETS,): every number of the change, taken in order, added under a random sign to one bucket after the other.

    Inner products survive: <sketch(a), sketch(b)> is <a, b> on average, with a spread of about |a| |b| / sqrt(BUCKETS), 1 %
    (Charikar, Chen & Farach-Colton, ICALP 2002).
    """
    flat = torch.cat([part.detach().flatten() for part in change]).float()
    signs = torch.randint(0, 2, (len(flat),), dtype=torch.int8, generator=torch.Generator().manual_seed(SIGNS))
    signed = flat * (2 * signs - 1).to(flat.device)
    return torch.nn.functional.pad(signed, (0, -len(flat) % BUCKETS)).view(-1, BUCKETS).sum(0).cpu()


@dataclass
class Trajectory:
    """moving: the weights that a method moves, as they are when the recording begins."""

    moving: Sequence[Tensor]
    start: list[Tensor] = field(init=False)
    _recorded: int = field(init=False, default=0)
    _every: int = field(init=False, default=1)
    _sketches: dict[int, Tensor] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.start = [p.detach().clone() for p in self.moving]

    def record(self) -> float:
        """Keep a sketch of the weights' change; returns the length of the change over the length of the start."""
        now, self._recorded = self._recorded, self._recorded + 1
        self._sketches = {step: sketched for step, sketched in self._sketches.items() if step % self._every == 0}  # plus the last
        if len(self._sketches) > MOMENTS:
            self._every *= 2
        self._sketches[now] = sketch([p.detach() - s for p, s in zip(self.moving, self.start, strict=True)])
        return distance(self.moving, self.start)

    def recorded(self) -> dict[str, Tensor]:
        """`moments` (M,): which calls of `record`, from 0, are kept, the last among them; `sketch` (M, BUCKETS): the changes then."""
        return {"moments": torch.tensor(list(self._sketches), dtype=torch.float32), "sketch": torch.stack(list(self._sketches.values()))}


def refitted(model: nn.Module, part: Examples, device: str) -> nn.Module:
    """A copy of the model whose last linear layer is fitted anew: it minimises the loss on `part`, plus PENALTY.

    By L-BFGS from zero, on the layer's inputs; they are computed once and held in memory, 4 bytes for each example and feature.
    Raises WrongInput where the model computes something after its last linear layer.
    """
    copied = deepcopy(model)
    name = classifier(copied)
    last = copied.get_submodule(name)
    if not isinstance(last, nn.Linear):
        raise WrongInput(f"Variant C needs a network that ends in a linear layer; {name} is a {type(last).__name__}. Choose variant A.")
    copied.set_submodule(name, nn.Identity())
    features, labels = predict(copied, part, device), part.labels.cpu()
    if features.shape[1:] != (last.in_features,):
        raise WrongInput(f"Variant C needs a network that ends in a linear layer; after {name} this one computes more. Choose variant A.")
    fitted = nn.Linear(last.in_features, last.out_features)
    for weight in fitted.parameters():
        nn.init.zeros_(weight)
    optimiser = torch.optim.LBFGS(fitted.parameters(), max_iter=ITERATIONS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        value = loss(fitted(features), labels) + PENALTY / 2 * torch.stack([w.square().sum() for w in fitted.parameters()]).sum()
        value.backward()  # type: ignore[no-untyped-call]  # torch's
        return value

    optimiser.step(closure)  # type: ignore[no-untyped-call]  # torch's
    copied.set_submodule(name, fitted.to(device))
    return copied.requires_grad_(False)


Teacher = Callable[[Tensor], Tensor]  # rows (n,) of the forget set -> the logits (n, C) that they should get
ITERATIONS, PENALTY = 100, 1e-3
EVALUATED = 100  # examples of each set that the trajectory and the stop are measured on


@dataclass(frozen=True)
class WeightPerturbation(SearchingInSteps):
    """Reconstruction: the predictions on the forget set are pulled to those of a model that was not trained on it."""

    key = "weight_perturbation"
    title = "Lightweight weight perturbation (reconstruction)"
    about = "Reconstruction from an abstract: small steps until its predictions on the forget set are those of a model that never saw it."
    paper = "arXiv:2111.05528 (reconstruction)"
    uses = frozenset({"forget", "retain"})
    reconstruction = True
    multi = True
    share_before = 0.3
    ladder = (
        {"learning_rate": 0.01, "steps": 8}, {"learning_rate": 0.02, "steps": 12}, {"learning_rate": 0.05, "steps": 12},
        {"learning_rate": 0.05, "steps": 60}, {"learning_rate": 0.05, "steps": 300},
    )  # fmt: skip

    variant: str = param(
        "A", choices=("A", "B", "C"),
        help="Target. A: a model trained on part of the retain set. B: predictions on the retain set. C: as A, but only its last layer is "
        "trained, on the original's features: cheap, for classes to forget.",
    )  # fmt: skip
    fraction: float = param(0.3, low=0.01, high=1.0, symbol="ρ", when=("variant", "A", "C"), help="Share of the retain set for that model.")
    epochs: int = param(5, low=1, high=200, when=("variant", "A"), help="Epochs of that model, by the original's recipe.")
    learning_rate: float = param(0.01, low=0.0, high=1.0, symbol="η", format="%.5f", when=SEARCHED_UNLESS, help="Step size of SGD.")
    retain_weight: float = param(1.0, low=0.0, high=100.0, symbol="μ", help="Weight of the retained batch's loss.")
    radius: float = param(0.1, low=0.0, high=10.0, symbol="R", help="Largest change of the weights, relative to their length.")
    tolerance: float = param(0.02, low=0.0, high=1.0, symbol="τ", help="Stop below this mean divergence from the target, in nats.")
    steps: int = param(300, low=1, high=10_000, when=SEARCHED_UNLESS, help="Steps at most.")
    look_every: int = param(10, low=1, high=1000, help="Steps between evaluations of the divergence.")
    batch_size: int = param(50, low=2, high=4096, symbol="B", help="Examples of each set in a step.")
    weights: str = param("all", choices=("all", "classifier"), help="Weights that move.")

    def passes_before(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """The target model, or what variant B borrows."""
        part = self.fraction * (train_count - forget_count)
        return {"A": self.epochs * part, "B": train_count / 3, "C": part / 3}[self.variant]

    def passes_after(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """Targets, then all the steps and evaluations that there may be."""
        sets = forget_count, train_count - forget_count
        taught = 0.0 if self.variant == "B" else min(sets[0], self.steps * self.batch_size + EVALUATED) / 3
        of_step = sum(count / max(1, ceil(count / self.batch_size)) for count in sets)  # a set's last batch is smaller
        seen = sum(min(EVALUATED, count) for count in sets)
        return taught + self.steps * of_step + (ceil(self.steps / self.look_every) + 1) * seen / 3

    def before(self, model: nn.Module, splits: Splits, run: RunContext) -> Teacher:
        """What gives the forget set its targets."""
        forget, retain = splits.forget.to(run.device), splits.retain.to(run.device)
        if self.variant == "B":
            own, others = (predict(model, examples, run.device) for examples in (forget, retain))
            return third_party(own, others, run.generator, is_multi(retain.labels)).__getitem__
        part = retain.subset(torch.randperm(len(retain), generator=run.generator)[: ceil(self.fraction * len(retain))])
        if self.variant == "C":
            teacher = refitted(model, part, run.device)
        else:
            teacher = fit(run.fresh_model(), part, replace(run.recipe, epochs=self.epochs), run)
        return lambda rows: predict(teacher, forget.subset(rows.to(run.device)), run.device)

    def after(self, made: Teacher, model: nn.Module, splits: Splits, run: RunContext) -> nn.Module:
        """The original, perturbed."""
        forget, retain = splits.forget.to(run.device), splits.retain.to(run.device)
        of_forget, of_retain = (draws(len(e), self.batch_size, run.generator) for e in (forget, retain))
        first = list(islice(of_forget, min(self.steps, ceil(len(forget) / self.batch_size))))  # those of an epoch at most
        rows = torch.unique(torch.cat([forget.some(EVALUATED).cpu(), *first]))  # of the forget set, that take part
        answers = made(rows)
        target = answers.new_zeros(len(forget), answers.shape[1]).index_copy(0, rows, answers).to(run.device)
        moving = [model.get_parameter(name) for names in blocks(model, self.weights).values() for name in names]
        trajectory, measurements, seen = Trajectory(moving), list[list[float]](), (forget.sample(EVALUATED), retain.sample(EVALUATED))

        def pairs() -> Iterator[tuple[Tensor, Tensor]]:  # indices of a batch of D_f and of D_r, until the predictions are close
            batches = zip(chain(first, of_forget), of_retain, strict=True)
            for step in range(self.steps + 1):
                if step % self.look_every == 0 or step == self.steps:
                    measurements.append(measure_step(model, target[forget.some(EVALUATED)], seen, trajectory.record(), run.device))
                    if measurements[-1][0] < self.tolerance or step == self.steps:
                        return
                yield next(batches)

        def objective(pair: tuple[Tensor, Tensor]) -> Tensor:
            f, r = pair
            pull = kl_divergence(target[f], model(forget.subset(f).pixels()), multi=is_multi(forget.labels))
            retain_loss = loss(model(retain.subset(r).pixels()), retain.labels[r]) if self.retain_weight else 0.0
            return pull + self.retain_weight * retain_loss

        descend(torch.optim.SGD(moving, lr=self.learning_rate), pairs(), objective, run, steps=self.steps,
                note="perturbing", clip=1.0, after=lambda *_: project(moving, trajectory.start, self.radius))  # fmt: skip
        model.zero_grad(set_to_none=True)  # of the weights that do not move
        run.record("perturbation", {"trajectory": torch.tensor(measurements), **trajectory.recorded()})
        run.progress(1.0, "perturbed")
        return model
