"""The contract that every unlearning method keeps."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from core.data.splits import Splits
from core.domain.errors import WrongInput
from core.domain.hyperparameters import params_of
from core.domain.info import no_attributes, unfit_recipe
from core.domain.requests.base import ForgetRequest
from core.domain.requests.registry import KINDS
from core.domain.run import Recipe
from core.training.context import RunContext
from core.training.precomputed import Statistic


@dataclass(frozen=True)
class UnlearningMethod(ABC):
    """Hyperparameters are fields declared by `param()`; `unlearn` is the algorithm.

    `uses` names the splits that `unlearn` reads (enforced), `kinds` the requests it can serve.
    """

    key: ClassVar[str]
    title: ClassVar[str]
    about: ClassVar[str]
    paper: ClassVar[str] = ""
    uses: ClassVar[frozenset[str]] = frozenset()
    keeps: ClassVar[frozenset[str]] = frozenset()  # kinds of stored statistics read besides, in words
    reconstruction: ClassVar[bool] = False  # the algorithm is not public: this is our reading of it
    explorable: ClassVar[str] = ""  # see core.domain.info.MethodInfo
    kinds: ClassVar[frozenset[str]] = frozenset(KINDS)
    multi: ClassVar[bool] = False  # can serve a set whose examples have several attributes instead of one class
    not_multi: ClassVar[str] = "it was written for examples that have one class"  # why it cannot, to follow a colon
    needs_shards: ClassVar[bool] = False  # serves only networks that were trained by shards or slices
    by_members: ClassVar[bool] = False  # trains members of an ensemble one by one: its `passes` are of one, not of all of them
    not_ensemble: ClassVar[str] = ""  # why it cannot serve an ensemble, to follow a colon; '' where it can

    def __post_init__(self) -> None:
        for attribute, declared in params_of(type(self)).items():
            declared.parse(getattr(self, attribute))

    def statistics(self, request: ForgetRequest) -> tuple[Statistic, ...]:
        """What a request needs computed on the training set at the original model beforehand; provided as `run.statistics`."""
        return ()

    @property
    def reads(self) -> frozenset[str]:
        """The splits that these settings read: `uses`, and what a search of settings evaluates."""
        return self.uses

    def passes(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """Work in training passes over single examples, of which an example that is only predicted is a third.

        For progress, forecasts and the method's card; it decides no result. `tests/core/methods/test_passes.py` counts.
        """
        return forget_count

    def check(self, request: ForgetRequest, multi: bool = False) -> None:
        """Raises WrongInput for a kind of request, or of labels (multi: several attributes), that this method cannot serve."""
        if multi and not self.multi:
            raise WrongInput(no_attributes(self.title, self.not_multi))
        if request.kind not in self.kinds:
            raise WrongInput(
                f"{self.title} serves requests of kind {', '.join(sorted(self.kinds))}, not {request.kind}."
            )

    def check_recipe(self, recipe: Recipe) -> None:
        """Raises WrongInput where it cannot serve networks that are trained by this recipe."""
        if unfit := unfit_recipe(self.title, recipe.shards, recipe.slices, self.needs_shards, self.not_ensemble):
            raise WrongInput(unfit)

    @abstractmethod
    def unlearn(self, model: nn.Module, splits: Splits, run: RunContext) -> nn.Module:
        """The unlearned model, on the run's device.

        `model` is the method's own copy of the original, in eval mode. Reads only the splits in `uses`; draws
        randomness only from `run.generator`; takes untrained models only from `run.fresh_model()`; calls
        `run.progress` at every step, ending at 1; passes what the Inside page shows to `run.record`; leaves no
        hook, no gradient and no frozen parameter. It does not evaluate, save, print or choose a device.
        """
