"""A run: its spec, its recipe, its status and its measurements."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import lru_cache
import hashlib
from itertools import pairwise
import json
import re
from typing import Any, Self

from core.domain.errors import WrongInput
from core.domain.json_checks import check_plain, is_readable, plain_object
from core.domain.requests.base import ForgetRequest
from core.domain.requests.registry import request_from
from core.domain.training.recipes import check_recipe


class RunStatus(StrEnum):
    """Where a run stands. Only `done` has numbers."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"  # its process died without a word


ACTIVE = (RunStatus.QUEUED, RunStatus.RUNNING)
STOPPED = (RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.INTERRUPTED)  # may be asked for again
MODELS = ("original", "unlearned", "reference")  # the three that every run compares
STAGES = ("train", "reference", "precompute", "unlearn", "evaluate")  # of a run, in order
NORMALISATIONS = {  # of the pixels that uploaded weights were trained on -> in words
    "file": "as the file says",
    "dataset": "by the dataset's mean and deviation",
    "raw": "none, pixels in [0, 1]",
    "signed": "pixels in [-1, 1]",
    "bytes": "none, pixels as whole numbers",
    "imagenet": "by ImageNet's mean and deviation",
}
ORDERS = {  # in which the classes of uploaded weights may stand -> in words
    "text": "sorted as text",
    "natural": "sorted with numbers by their value",
    "matched": "the one that fits the training images best",
}


@dataclass(frozen=True)
class Recipe:
    """How a model is trained; one-cycle or constant learning rate."""

    epochs: int
    batch_size: int
    learning_rate: float  # the peak
    momentum: float = 0.9
    weight_decay: float = 5e-4
    one_cycle: bool = True
    optimiser: str = "sgd"  # sgd: with Nesterov momentum; adamw
    augment: str = "none"  # none; flip: mirrored half the time; move: by up to an eighth; crop: both
    shards: int = 1  # of SISA (arXiv:1912.03817): networks, each trained on its own share of the images; they answer together
    slices: int = 1  # of SISA: parts of a shard; each network is trained in as many stages, on one part more in each
    precision: str = "auto"  # of the forward pass: float32; bfloat16; auto: bfloat16 on a GPU, else float32
    validation: float = 0.0  # share of the training images, by class, that is held out: no network is trained on it
    patience: int = 0  # epochs without a lower validation loss after which training ends, with the best epoch's weights; 0: never
    ranks: int = 1  # processes that share each batch of a training, and the rows of the exact Fisher

    @property
    def deciding(self) -> dict[str, Any]:
        """Of weights: every field; of those that there were not at first only what is not as it was without them."""
        return {name: value for name, value in asdict(self).items() if name not in LATER_PARTS or value != LATER_PARTS[name]}

    @property
    def sharded(self) -> bool:
        """Whether training goes by shards and slices."""
        return self.shards > 1 or self.slices > 1

    @property
    def stages(self) -> tuple[int, ...]:
        """Epochs of each stage, over what it and the stages before it have: together as many images as `epochs` over all of them."""
        reached = [2 * self.epochs * stage // (self.slices + 1) for stage in range(self.slices + 1)]
        return tuple(after - before for before, after in pairwise(reached))

    @property
    def passes(self) -> float:
        """Over each image of a set that is trained on by this recipe, on average over its slices."""
        return sum(epochs * stage for stage, epochs in enumerate(self.stages, 1)) / self.slices

    @property
    def decay_in_loss(self) -> float:
        """Weight decay as a part of the loss's gradient; AdamW's is none (arXiv:1711.05101)."""
        return self.weight_decay if self.optimiser == "sgd" else 0.0


# Of a recipe, with the values at which networks are those that there were without them.
LATER_PARTS = {"shards": 1, "slices": 1, "precision": "auto", "validation": 0.0, "patience": 0, "ranks": 1}


@dataclass(frozen=True)
class WeightsAs:
    """How uploaded weights are read.

    normalisation of pixels: `file` or `dataset` (what that says), `raw` (none, pixels in [0, 1]), `signed` ([-1, 1]), `bytes` (whole
    numbers, 0 to 255), `imagenet`. order: the class, by its index here, that each row of the file's last layer answers for; empty
    where the file's classes stand as here. order_name: what that order is called. Written as text: `raw`, `raw text 0,1,10,2`.
    """

    normalisation: str
    order_name: str = ""
    order: tuple[int, ...] = ()

    @property
    def text(self) -> str:
        """As a RunSpec holds it."""
        return f"{self.normalisation} {self.order_name} {','.join(map(str, self.order))}" if self.order else self.normalisation

    @classmethod
    def parse(cls, text: str) -> Self:
        """The inverse of `text`. Raises WrongInput."""
        wrong = WrongInput(f"How weights are read must be written NORMALISATION or NORMALISATION NAME ORDER; got {text[:60]!r}.")
        try:
            normalisation, *rest = text.split(" ")
            name, order = rest or ("", "")
            picks = tuple(int(index) for index in order.split(",")) if order else ()
        except ValueError:
            raise wrong from None
        if normalisation not in NORMALISATIONS or bool(picks) != (name in ORDERS) or sorted(picks) != list(range(len(picks))):
            raise wrong
        return cls(normalisation, name, picks)


@dataclass(frozen=True)
class RunSpec:
    """All that decides a run's numbers. Equal specs under an equal engine are one run."""

    dataset: str
    model: str
    request: ForgetRequest
    method: str
    params: dict[str, Any] = field(default_factory=dict)  # every hyperparameter of the method, spelled out
    seed: int = 0
    reference: bool = True  # train the retrained reference too
    device: str = ""  # cpu, cuda, cuda:N; empty for the best there is
    engine: str = ""  # version of the code that computes
    weights: str = ""  # hash of the uploaded weights that the original has; empty where it is trained here
    weights_as: str = ""  # how they are read, as `WeightsAs.text` writes it; empty for just as they were kept
    recipe: dict[str, Any] = field(default_factory=dict)  # of training: what of `RECIPE` is not as the preset has it

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits of the spec's hash."""
        plain = asdict(self)
        if not self.request.column:
            del plain["request"]["column"]  # as before there were columns: ids of stored runs stay what they are
        for name in ("weights", "weights_as", "recipe"):  # likewise
            if not plain[name]:
                del plain[name]
        return digest(plain)[:12]

    def to_json(self) -> str:
        """The inverse of `from_json`."""
        plain = asdict(self)
        if not self.recipe:
            del plain["recipe"]  # as specs were written before there were recipes
        return json.dumps(plain, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The inverse of `to_json`. Raises WrongInput, which says what is wrong, for anything else."""
        if (pieces := _written(text)) is not None:
            return cls(**pieces)
        whole = plain_object(text, "a spec")
        raw = {name: value for name, value in whole.items() if name in _OF_SPEC}  # one that a later version dropped hides no run
        for name, wanted in _OF_SPEC.items():
            if name in raw or name in _NEEDED:
                check_plain(name, raw.get(name), wanted)
        check_params(raw.get("params", {}))
        check_recipe(raw.get("recipe", {}))
        return cls(**{**raw, "request": request_from(raw["request"])})


_OF_SPEC: dict[str, type] = {
    "dataset": str, "model": str, "request": dict, "method": str, "params": dict, "seed": int, "reference": bool, "device": str,
    "engine": str, "weights": str, "weights_as": str, "recipe": dict,
}  # fmt: skip
_NEEDED = ("dataset", "model", "request", "method")
# A spec as `to_json` writes it today, nearly always: texts without escapes, no object or list within its params. The pieces are whole
# then, so that each can be read alone; thousands of runs share a few of them.
_TEXT = r'"([^"\\]*)"'
_AS_WRITTEN = re.compile(
    rf'\{{"dataset": {_TEXT}, "device": {_TEXT}, "engine": {_TEXT}, "method": {_TEXT}, "model": {_TEXT}, '
    r'"params": (\{[^{}\[\]]*\}), (?:"recipe": (\{[^{}\[\]]*\}), )?"reference": (true|false), '
    r'"request": (\{[^{}]*\}), "seed": (0|-?[1-9][0-9]{0,17}), '
    rf'"weights": {_TEXT}, "weights_as": {_TEXT}\}}'
)
_SHORT = 2000  # letters of a spec whose pieces are remembered


def _written(text: object) -> dict[str, Any] | None:
    """A RunSpec's fields, of a text just as `to_json` writes it; None of any other, which is to be read, or refused, as a whole."""
    if type(text) is not str or len(text) > _SHORT or not text.isprintable() or not (found := _AS_WRITTEN.fullmatch(text)):
        return None
    dataset, device, engine, method, model, params, recipe, reference, request, seed, weights, weights_as = found.groups()
    try:
        return {
            "dataset": dataset, "model": model, "request": _request_in(request), "method": method, "params": {**_params_in(params)},
            "seed": int(seed), "reference": reference == "true", "device": device, "engine": engine, "weights": weights,
            "weights_as": weights_as, "recipe": {**_recipe_in(recipe)} if recipe else {},
        }  # fmt: skip
    except WrongInput:
        return None


@lru_cache(maxsize=1024)
def _request_in(text: str) -> ForgetRequest:
    return request_from(plain_object(text, "a request"))


@lru_cache(maxsize=1024)
def _params_in(text: str) -> dict[str, Any]:
    """Shared: copy it before it is handed on."""
    found = plain_object(text, "params")
    check_params(found)
    return found


@lru_cache(maxsize=1024)
def _recipe_in(text: str) -> dict[str, Any]:
    """Shared, as above."""
    found = plain_object(text, "a recipe")
    check_recipe(found)
    return found


def check_params(params: dict[str, Any]) -> None:
    """Raises WrongInput, without a full stop, where a name or a text of stored params cannot be shown."""
    for name, value in params.items():
        if not is_readable(name) or (isinstance(value, str) and not is_readable(value)):
            raise WrongInput(f"params should be readable text and numbers, but one is {f'{name}={value}'!r:.60}")


def digest(plain: Any) -> str:
    """SHA-256 of plain data, independent of the order of keys."""
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Measurement:
    """One value of one metric for one model of a run; None where the metric does not apply, with the reason."""

    metric: str
    model: str  # "original" | "unlearned" | "reference"
    value: float | None
    reason: str = ""


def model_text(spec: RunSpec) -> str:
    """The architecture; whose weights the original has, read how, where it was not trained here; a recipe that is not the preset's."""
    read_as = f", {' '.join(spec.weights_as.split()[:2])}" if spec.weights_as else ""
    said = [f"own weights {spec.weights[:6]}{read_as}"] if spec.weights else []
    said += [recipe_text(spec.recipe)] if spec.recipe else []
    return f"{spec.model} ({'; '.join(said)})" if said else spec.model


def recipe_text(recipe: Mapping[str, Any]) -> str:
    """What of a training recipe is not the preset's: `epochs=30 learning_rate=0.05`; '' where all is."""
    return " ".join(f"{name}={value}" for name, value in sorted(recipe.items()))  # to the last digit: it tells networks apart


def settings_text(params: Mapping[str, Any]) -> str:
    """A method's parameters, as the command line writes them."""
    pairs = (f"{k}={v:g}" if isinstance(v, float) else f"{k}={v}" for k, v in params.items())
    return " · ".join(pairs)


LONGEST_LIMIT = 365 * 86400.0  # seconds


def check_limit(seconds: float) -> None:
    """Raises WrongInput, without a full stop, where a stored time limit is none."""
    if not 1 <= seconds <= LONGEST_LIMIT:
        raise WrongInput(f"a limit should be from 1 second to 365 days, but is {seconds:g} seconds")
