"""Networks of digits that were really trained, some of them spoiled on purpose, and what the trust checks see of each."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace

import torch
from torch import nn
import torch.nn.functional as F

from core.domain.requests.registry import parse_request
from core.jobs.validation import make_spec
from core.jobs.write_catalogue import describe
from core.metrics.evaluate import evaluate, measure
from core.metrics.layer_grafting import graft_table
from core.metrics.tables.per_class import per_class
from core.pipeline import Job, Stages, prepare, restore, train, unlearn
from core.reports.checks.case import Case, ClassResult
from core.reports.recoverability import grafted_retain_accuracy
from core.storage.artifacts import Artifacts
from core.storage.home import Home
from core.storage.runs import ResultStore
from core.training.cache import ArtifactCache

Spoil = Callable[[Job, nn.Module, nn.Module], nn.Module]  # job, original, a second retrained network -> what is judged
RATE = 0.01


def retrained(job: Job, original: nn.Module, second: nn.Module) -> nn.Module:
    """What no check may doubt."""
    return second


def untouched(job: Job, original: nn.Module, second: nn.Module) -> nn.Module:
    """The original."""
    return original


def constant(job: Job, original: nn.Module, second: nn.Module) -> nn.Module:
    """Its last layer zeroed: the same answer to everything."""
    last = [layer for layer in original.modules() if isinstance(layer, nn.Linear)][-1]
    with torch.no_grad():
        last.weight.zero_()
        last.bias.zero_()
    return original


def over_forgotten(job: Job, original: nn.Module, second: nn.Module) -> nn.Module:
    """Gradient ascent on the forget set, image by image up to a loss of 6 nats, with descent on the rest that holds it together."""
    forget, retain = job.splits.forget, job.splits.retain

    def climb(net: nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        gone = F.cross_entropy(net(forget.pixels()), forget.labels, reduction="none")
        return F.cross_entropy(net(x), y) - 0.3 * gone.clamp(max=6.0).mean()

    return _trained(original, 20, climb, retain)


def taught_wrong(job: Job, original: nn.Module, second: nn.Module) -> nn.Module:
    """It learned to call each image that had to go by the next class's name, as surely as all others by their own."""
    forget, retain = job.splits.forget, job.splits.retain
    wrong = (forget.labels + 1) % 10

    def both(net: nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(net(x), y) + F.cross_entropy(net(forget.pixels()), wrong)

    return _trained(original, 20, both, retain)


def only_trained_on(job: Job, original: nn.Module, second: nn.Module) -> nn.Module:
    """The original after more training on what is kept, which does nothing for what had to go."""
    return _trained(original, 10, lambda net, x, y: F.cross_entropy(net(x), y), job.splits.retain)


def worn(job: Job, original: nn.Module, second: nn.Module) -> nn.Module:
    """A retrained network that gives the next class's answer to a third of all images, whatever their class."""

    def shifted(_: nn.Module, images: tuple[torch.Tensor], logits: torch.Tensor) -> torch.Tensor:
        (x,) = images
        unlucky = (x.double().flatten(1).sum(1) * 1000).round().long() % 3 == 0  # the sum of the pixels knows no class
        return torch.where(unlucky[:, None], logits.roll(1, dims=1), logits)

    second.register_forward_hook(shifted)
    return second


def one_class_lost(job: Job, original: nn.Module, second: nn.Module) -> nn.Module:
    """A retrained network that then learned to call every 5 a 6."""
    retain = job.splits.retain
    labels = torch.where(retain.labels == 5, 6, retain.labels)
    return _trained(second, 3, lambda net, x, y: F.cross_entropy(net(x), y), retain.relabelled(labels))


def _trained(net: nn.Module, epochs: int, loss: Callable[..., torch.Tensor], examples) -> nn.Module:  # type: ignore[no-untyped-def]  # Examples
    optimiser = torch.optim.Adam(net.parameters(), lr=RATE / 10)
    generator = torch.Generator().manual_seed(0)
    net.eval()  # BatchNorm as it was: two kinds of batches would make two kinds of statistics
    for _ in range(epochs):
        for x, y in examples.batches(64, generator):
            optimiser.zero_grad()
            loss(net, x, y).backward()
            optimiser.step()
    return net


def judged(home: Home, request: str, seed: int, spoil: Spoil = retrained) -> Case:
    """What the checks look at: the spoiled network beside the original and the reference; kept in the home, so made once."""
    asked = parse_request(request)
    shelves = describe()
    spec = make_spec(shelves, "digits", "small_cnn", asked, "retrain", {}, seed=seed)
    with ResultStore(home.database) as store:
        job = prepare(spec, ArtifactCache(store, Artifacts(home.artifacts_folder)))
        stages = Stages(dict.fromkeys(("train", "reference", "unlearn"), 1.0), lambda *_: None)
        original = train(job, "train", job.original_key, "original", job.splits.train, stages)
        reference = train(job, "reference", job.reference_key, "reference", job.splits.retain, stages)

        def again() -> dict[str, torch.Tensor]:
            return unlearn(job, original, {}, stages)[0].state_dict()

        second = job.cache.load_or_make(job.key("second", request), "second", again, job.device)
        net = spoil(job, deepcopy(restore(job, original.tensors)), restore(job, second.tensors))
        networks = {"original": original, "reference": reference}
        evidence = evaluate(job, networks, net, lambda *_: None)  # every other spoiled network of this request is beside the same two
        measured = measure(evidence)
    numbers: dict[str, dict[str, float | None]] = {"original": {}, "unlearned": {}, "reference": {}}
    for taken in measured:
        numbers[taken.model][taken.metric] = taken.value
    table = per_class(evidence)
    seen = {
        model: [ClassResult(float(a), int(n)) for a, n in zip(rows["accuracy"], rows["count"], strict=True)]
        for model, rows in table[table["split"] == "test"].groupby("model")
    }
    data = shelves.datasets["digits"]
    grafted = grafted_retain_accuracy(graft_table(evidence))
    return Case(numbers, seen, asked, data.classes, method="retrain", forget_count=asked.count(data), grafted=grafted)


def with_floor(case: Case, floor: Case) -> Case:
    """The same, held against how far another retrained network lay from its reference."""
    return replace(case, second_reference=floor.numbers)
