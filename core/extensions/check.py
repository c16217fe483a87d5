"""The contract of the shelves, asked of an extension: what the engine and the pages rely on, checked by doing it on digits."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import nn

from core.analysis.saliency.explain import explain
from core.analysis.saliency.explainers import EXPLAINERS, Explainer
from core.data.label_kinds import loss
from core.data.registry import DATASETS, Source, load_dataset
from core.domain.code_version import version_of
from core.domain.errors import WrongInput
from core.domain.extension_files import files_at
from core.domain.hyperparameters import params_of
from core.domain.info import DatasetInfo
from core.domain.requests.registry import KINDS, parse_request
from core.domain.requests.selected import Rule, applied
from core.domain.run import Measurement, RunSpec
from core.extensions.load import NOTHING, load_one, on_the_shelves
from core.methods.base import UnlearningMethod
from core.metrics.base import Metric
from core.models import inspection
from core.models.forward_look import NotFound
from core.models.inspection import Builder
from core.models.layer_groups import groups
from core.models.registry import MODELS
from core.pipeline import run
from core.storage.artifacts import Artifacts
from core.storage.home import Home, open_home
from core.storage.record_types import Outcome
from core.training.per_example_gradients import per_sample_gradients

SMALLEST = 8  # pixels a side of the smallest images that networks are asked about
SEED = 0
MOST_TRAINED = 5000  # images of a dataset on which a network is trained to check it
NEAR = 1e-4  # of a logit
NEAR_PIXELS = 0.02  # of the mean and the deviation that a dataset states


@dataclass(frozen=True)
class Checked:
    """One question, and what came of it. said: why not, or what was found; needed: False where a page can do without."""

    key: str  # as `ExtensionInfo.keys` has it
    what: str
    passed: bool
    said: str = ""
    needed: bool = True


def check(path: Path, root: Path | None = None) -> list[Checked]:
    """Of a file or the folder of a package. Networks are trained for it, in a home that is gone afterwards, or in the one at `root`.

    Raises WrongInput where it is no extension or cannot be imported.
    """
    one = files_at(path)
    found = load_one(one)
    if not found.keys:
        raise WrongInput(NOTHING)
    with TemporaryDirectory(prefix="forgetscope-check-") as folder, on_the_shelves(found):
        home = open_home(root or Path(folder))
        asked: list[tuple[str, Iterator[tuple[str, Callable[[], str]]]]] = []
        asked += [(f"dataset {key}", _of_dataset(source, home)) for key, source in found.datasets.items()]
        asked += [(f"model {key}", _of_model(key, build, home)) for key, (_, build) in found.models.items()]
        asked += [(f"method {key}", _of_method(method, home)) for key, method in found.methods.items()]
        asked += [(f"metric {key}", _of_metric(metric, home)) for key, metric in found.metrics.items()]
        asked += [(f"request {key}", _of_rule(rule)) for key, rule in found.requests.items()]
        asked += [(f"explainer {key}", _of_explainer(explainer)) for key, explainer in found.explainers.items()]
        return [_answer(key, what, question) for key, questions in asked for what, question in questions]


def _answer(key: str, what: str, question: Callable[[], str]) -> Checked:
    """A question returns what was found, or raises with why not."""
    try:
        return Checked(key, what, True, question())
    except NotFound as lacking:
        return Checked(key, what, False, str(lacking), needed=False)
    except Exception as error:  # a user's own code may raise anything
        return Checked(key, what, False, str(error) if isinstance(error, Broken | WrongInput) else f"{type(error).__name__}: {error}")


class Broken(AssertionError):
    """The contract is not kept; the message is one sentence."""


def _hold(holds: bool, sentence: str) -> None:
    if not holds:
        raise Broken(sentence)


Questions = Iterator[tuple[str, Callable[[], str]]]


def _whole_run(home: Home, method: str, *, dataset: str = "digits", model: str = "small_cnn", request: str = "") -> Outcome:
    shelf = DATASETS[dataset].INFO
    spec = RunSpec(dataset, model, parse_request(request or "class:3", shelf), method, {}, SEED)
    heard: list[tuple[float, str]] = []
    outcome = run(replace(spec, engine=version_of(spec)), home, lambda share, stage, *_: heard.append((share, stage)))
    _hold(heard == sorted(heard, key=lambda at: at[0]), "Its progress goes back.")
    return outcome


def _of_method(method: type[UnlearningMethod], home: Home) -> Questions:
    kinds = [kind for kind in ("class", "random", "samples") if kind in method.kinds]
    request = {"class": "class:3", "random": "random:0.1", "samples": "samples:0,1,2,3"}[kinds[0]] if kinds else ""

    def words() -> str:
        told = bool(method.title.strip()) and method.about.endswith(".")
        _hold(told, "title is a name, and about a sentence that ends with a full stop.")
        _hold(method.kinds <= set(KINDS) and bool(method.kinds), f"kinds must be some of: {', '.join(KINDS)}.")
        return f"{len(params_of(method))} hyperparameters"

    def defaults() -> str:
        for declared in params_of(method).values():
            _hold(declared.parse(declared.default) == declared.default, f"The default of {declared.name} is none of its values.")
            _hold(bool(declared.help.strip()), f"{declared.name} has no help, which forms show.")
        return ""

    def refuses() -> str:
        others = sorted(set(KINDS) - method.kinds)
        return f"not {', '.join(others)}" if others else "all kinds"

    def unlearns() -> str:
        _hold(bool(request), "It serves none of class, random and samples, so that it was not run.")
        outcome = _whole_run(home, method.key, request=request)
        weights = Artifacts(home.artifacts_folder).get_arrays(outcome.artifacts["unlearned"])
        _hold(all(np.isfinite(tensor).all() for tensor in weights.values()), "Its network has weights that are no numbers.")
        return f"{request} in {outcome.seconds['unlearn']:.2g} s"

    def repeats() -> str:
        _hold(bool(request), "It was not run.")
        files = {_whole_run(home, method.key, request=request).artifacts["unlearned"] for _ in range(2)}
        _hold(len(files) == 1, "The same seed gave other weights the second time: draw from run.generator alone.")
        return ""

    yield "says what it is", words
    yield "its settings have defaults, bounds and help", defaults
    yield "serves kinds of request", refuses
    yield "unlearns, reading what it declares", unlearns
    yield "the same seed gives the same network", repeats


def _of_metric(metric: Metric, home: Home) -> Questions:
    def words() -> str:
        info = metric.info
        _hold(info.goal in ("high", "low", "match"), f"goal must be high, low or match; it is {info.goal!r}.")
        _hold(all(text.strip() for text in (info.title, info.unit, info.definition)), "It lacks a title, a unit or a definition.")
        _hold("unlearned" in metric.models, "It must be measured on the unlearned network.")
        return f"{info.unit}, {info.goal}"

    def measures(request: str) -> str:
        found = [one for one in _whole_run(home, "original", request=request).measurements if one.metric == metric.info.key]
        _hold({one.model for one in found} >= {"unlearned"}, "It was not measured.")
        for one in found:
            good = one.value is None or (isfinite(one.value) and one.value >= 0)
            _hold(good, f"It is {one.value} for the {one.model} network; a number from 0 is wanted.")
        return ", ".join(map(_said, found))

    yield "says what it is", words
    yield "of a class, a number from 0 or a reason", lambda: measures("class:3")
    yield "of a random draw, a number from 0 or a reason", lambda: measures("random:0.1")


def _said(one: Measurement) -> str:
    return f"{one.model} {one.value:.4g}" if one.value is not None else f"{one.model}: {one.reason}"


def _of_model(key: str, build: Builder, home: Home) -> Questions:
    digits = DATASETS["digits"].INFO
    colour = replace(digits, channels=3, height=32, width=32, mean=(0.5,) * 3, deviation=(0.25,) * 3)

    def shapes(data: DatasetInfo) -> str:
        model, images = built(data), torch.rand(4, data.channels, data.height, data.width)
        logits = model(images)
        _hold(logits.shape == (4, len(data.classes)), f"It gives {tuple(logits.shape)} where (4, {len(data.classes)}) is wanted.")
        _hold(torch.equal(logits, model(images)), "In eval mode it gives other logits the second time.")
        alone = torch.cat([model(image[None]) for image in images])
        _hold(bool((alone - logits).abs().max() <= NEAR), "In eval mode an image's logits depend on the others of its batch.")
        return f"{sum(p.numel() for p in model.parameters()):,} parameters"

    def built(data: DatasetInfo) -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(SEED)
            return build(data).eval()

    def seeded() -> str:
        first, second = built(digits).state_dict(), built(digits).state_dict()
        _hold(all(torch.equal(first[name], second[name]) for name in first), "The same seed builds other weights the second time.")
        return ""

    def felt() -> str:
        model = built(digits)
        images, labels = torch.rand(8, digits.channels, digits.height, digits.width), torch.arange(8)
        loss(model(images), labels).backward()  # type: ignore[no-untyped-call]  # torch's own
        idle = [name for name, p in model.named_parameters() if p.grad is None]
        _hold(not idle, f"These parameters feel no gradient: {', '.join(idle[:5])}.")
        return ""

    def trains() -> str:
        outcome = _whole_run(home, "original", model=key)
        found = next(m.value for m in outcome.measurements if (m.metric, m.model) == ("test_retain_accuracy", "original"))
        return f"{found:.0%} of test images right" if found is not None else ""

    yield "grey images of 8x8: logits, in eval mode the same each time", lambda: shapes(digits)
    yield "colour images of 32x32", lambda: shapes(colour)
    yield "the same seed builds the same weights", seeded
    yield "every parameter feels a gradient", felt
    yield "a whole run on digits, with all metrics", trains
    yield "layer groups, for probes, grafting and CKA", lambda: f"{len(groups(built(digits)))} groups"
    yield "a last layer, for maps of features and what reads it", lambda: inspection.last_layer(built(digits))
    yield "a grid of channels, for Grad-CAM", lambda: _grid(built(digits), built(colour))
    yield "a gradient of each example", lambda: _each_gradient(built(digits), digits)


def _grid(*models: nn.Module) -> str:
    """Of images of either size: small ones may leave no places."""
    unfit = ""
    for model in models:
        unfit = EXPLAINERS["grad_cam"].unfit(model)
        if not unfit:
            return list(inspection.grids(model))[-1]
    raise NotFound(unfit)


def _each_gradient(model: nn.Module, data: DatasetInfo) -> str:
    images, labels = torch.rand(2, data.channels, data.height, data.width), torch.arange(2)
    names = [name for name, _ in model.named_parameters()]
    each = per_sample_gradients(model, names, images, labels)
    loss(model(images), labels, "sum").backward()  # type: ignore[no-untyped-call]  # torch's own
    off = max(float((each[name].sum(0) - p.grad).abs().max()) for name, p in model.named_parameters() if p.grad is not None)
    _hold(off <= NEAR, f"The gradients of single examples do not add up to that of both: they are {off:.2g} apart.")
    return f"{len(names)} parameters"


def _of_dataset(source: Source, home: Home) -> Questions:
    info = source.INFO

    def described() -> str:
        data = source.load()
        _hold(data.info == info, "INFO and what load() gives differ.")
        for name, examples in (("training", data.train), ("test", data.test)):
            wanted = (info.channels, info.height, info.width)
            fits = examples.stored.dtype == torch.uint8 and examples.shape[1:] == wanted
            _hold(fits, f"The {name} images must be bytes of shape {wanted}.")
        _hold((len(data.train), len(data.test)) == (info.train_count, info.test_count), "The counts of images are not those in INFO.")
        if not info.multi:
            counts = torch.bincount(data.train.labels, minlength=len(info.classes)).tolist()
            stated = list(info.train_counts)
            _hold(counts == stated, f"Training images by class are {counts}, and INFO says {stated}.")
        return f"{len(data.train):,} training images, {len(data.test):,} test images"

    def pixels() -> str:
        found = source.load().train.sample(5000).pixels()
        for name, stated, seen in (("mean", info.mean, found.mean((0, 2, 3))), ("deviation", info.deviation, found.std((0, 2, 3)))):
            _hold(len(stated) == info.channels, f"{name} has a number for each channel.")
            off = (torch.tensor(stated) - seen).abs().max().item()
            told = [round(one, 3) for one in seen.tolist()]
            _hold(off <= NEAR_PIXELS, f"The {name} of the pixels is {told}, and INFO says {list(stated)}.")
        return ""

    def trains() -> str:
        if info.train_count > MOST_TRAINED or min(info.height, info.width) < SMALLEST:
            return f"not tried: a set of more than {MOST_TRAINED} images, or smaller than {SMALLEST} pixels"
        found = _whole_run(home, "original", dataset=info.key, request="random:0.1" if info.multi else "class:0").measurements
        share = next(m.value for m in found if (m.metric, m.model) == ("test_retain_accuracy", "original"))
        return f"{share:.0%} of test images right" if share is not None else ""

    yield "loads, and is what INFO says", described
    yield "mean and deviation of its pixels", pixels
    yield "a whole run with the small network", trains


def _of_rule(rule: Rule) -> Questions:
    def names() -> str:
        data = load_dataset(rule.dataset)
        return f"{len(applied(rule, data, len(data.train)).members)} of {len(data.train):,}"

    def repeats() -> str:
        data = load_dataset(rule.dataset)
        first, second = (applied(rule, data, len(data.train)) for _ in range(2))
        _hold(first == second, "It names other images the second time: draw from a generator with a seed of your own.")
        return ""

    yield "names some training images of its dataset", names
    yield "names the same each time", repeats


def _of_explainer(explainer: Explainer) -> Questions:
    def maps(channels: int, size: int) -> str:
        info = replace(DATASETS["digits"].INFO, channels=channels, height=size, width=size, mean=(0.5,) * channels,
                       deviation=(0.25,) * channels)  # fmt: skip
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(SEED)
            model, images = MODELS["small_cnn"](info).eval(), torch.rand(3, channels, size, size)
        if unfit := explainer.why_not(model):
            return f"does not apply to the small network: {unfit}"
        before = {name: weight.clone() for name, weight in model.state_dict().items()}
        found = explain(model, images, torch.tensor([0, 1, 2]), explainer.key).map
        _hold(all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items()), "It changed the network.")
        again = explain(model, images, torch.tensor([0, 1, 2]), explainer.key).map
        _hold(torch.equal(found, again), "It gives other maps the second time.")
        return f"{tuple(found.shape)}"

    yield "maps of grey images of 8x8, the same each time", lambda: maps(1, 8)
    yield "maps of colour images of 32x32", lambda: maps(3, 32)
