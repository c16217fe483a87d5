"""All that wants a GPU, in one script of eight minutes: agreement with the CPU, five methods on ResNet-18, speed of a training step.

[OUT=FOLDER] [FORGETSCOPE_DATA=FOLDER] python -m tests.benchmarks.gpu [--budget SECONDS] [--toy]

A section goes to RESULTS.md, the same as gpu.md and gpu.json to OUT. A part that fails is reported and the others run.
`--toy`: everything at the size of a test, on whatever device there is, and no section.
"""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
import json
import os
from pathlib import Path
import sys
import tempfile
from time import perf_counter
import traceback

import numpy as np
from PIL import Image
import torch
from torch import Tensor, nn

from core.data.importing.importer import ImportOptions, add
from core.data.label_kinds import loss as label_loss
from core.data.paths import data_folder
from core.domain.info import DatasetInfo
from core.domain.requests.classes import ClassRequest
from core.domain.run import RunSpec
from core.jobs.catalogue import Catalogue
from core.jobs.validation import make_spec
from core.jobs.write_catalogue import describe
from core.methods.ssd import dampening
from core.metrics.evaluate import evaluate, measure
from core.metrics.registry import METRICS
from core.models.registry import MODELS
from core.pipeline import Job, prepare, run
from core.storage.artifacts import Artifacts
from core.storage.home import Home, open_home
from core.storage.runs import ResultStore
from core.training.cache import ArtifactCache
from core.training.context import RunContext, synchronise
from core.training.fisher import Importance, fisher_diagonal
from core.training.loop import descend, fit, predict, share_right
from core.training.run_setup import restore
from tests.benchmarks.results import append, machine, table

SHOWN = {"forget": "train_forget_accuracy", "test-forget": "test_forget_accuracy", "retain": "train_retain_accuracy",
         "test-retain": "test_retain_accuracy", "attack": "attack_loss_accuracy"}  # fmt: skip
BUDGET, FOR_SPEED = 480.0, 90.0  # seconds: of everything; of them for the last part


@dataclass(frozen=True)
class Size:
    """How much is done: of the whole script, or of its toy."""

    model: str = "resnet18"
    per_class: int = 200  # of the stand-in's images; a fifth of them are for testing
    classes: int = 10
    steps: int = 5
    fisher_images: int = 256
    seconds: float = 5.0  # each way of training is timed
    batch: int = 128
    compiler: str = "inductor"
    evaluated: str = "digits"  # the set on which both devices train small_cnn and compute every metric; '' for the benchmark's images
    methods: tuple[str, ...] = ("ssd", "ssse", "unsir", "aru", "weight_perturbation")


TOY = Size("small_cnn", per_class=15, classes=3, steps=2, fisher_images=16, seconds=0.05, batch=16, compiler="eager", evaluated="",
           methods=("ssd", "aru"))  # fmt: skip


@dataclass
class Part:
    """What a part found: a table, sentences, and the bars that it missed. failed: its traceback, '' where it ran to its end."""

    name: str
    head: tuple[str, ...] = ()
    rows: list[tuple[object, ...]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    failed: str = ""
    seconds: float = 0.0

    def bar(self, what: str, value: float, most: float) -> None:
        """One row, and a bar: the value may be `most` at most."""
        self.rows.append((what, f"{value:.2e}", f"{most:.0e}", "PASS" if value <= most else "FAIL"))
        if not value <= most:  # nor may it be NaN
            self.missed.append(what)

    @property
    def text(self) -> str:
        """Markdown."""
        shown = [f"### {self.name} ({self.seconds:.0f} s)", *([table(self.head, self.rows)] if self.rows else []), *self.notes]
        return "\n\n".join([*shown, *([f"It broke off:\n\n```\n{self.failed.strip()}\n```"] if self.failed else [])])


class OutOfTime(Exception):
    """The budget is spent."""


@dataclass(frozen=True)
class Bench:
    """Where and on what it runs. until: by `perf_counter`."""

    size: Size
    device: str
    data: DatasetInfo
    stand_in: bool
    home: Home
    until: float

    def left(self) -> float:
        """Seconds of the budget."""
        return self.until - perf_counter()

    @property
    def shelves(self) -> Catalogue:
        """What is registered, with the images of this benchmark."""
        known = describe()
        return replace(known, datasets={**known.datasets, self.data.key: self.data})

    def spec(self, method: str, device: str, dataset: str = "", model: str = "") -> RunSpec:
        """Class 0 of its own images, or of a registered set, by one method's preset."""
        asked = make_spec(self.shelves, dataset or self.data.key, model or self.size.model, ClassRequest((0,)), method, {}, seed=0)
        return replace(asked, device=device)

    @contextmanager
    def job(self, device: str, dataset: str = "", model: str = "") -> Iterator[Job]:
        """A run's objects on a device, with a store of that device's own."""
        home = open_home(self.home.root / device)
        with ResultStore(home.database) as store:
            cache = ArtifactCache(store, Artifacts(home.artifacts_folder))
            yield prepare(self.spec("ssd", device, dataset, model), cache, self.home.datasets_folder)


def stand_in(folder: Path, size: Size) -> Path:
    """Images of 32 x 32 under train/ and test/: a colour and a stripe of its own for each class, under noise."""
    draw = np.random.default_rng(0)
    for half, count in {"train": size.per_class - size.per_class // 5, "test": size.per_class // 5}.items():
        for c in range(size.classes):
            (folder / half / f"class{c}").mkdir(parents=True)
            base = np.full((32, 32, 3), 110.0) + 60 * np.cos(np.array([0.0, 2.1, 4.2]) + 2 * np.pi * c / size.classes)
            base[3 * c : 3 * c + 3] += 50
            for index in range(count):
                pixels = (base + draw.normal(0, 40, base.shape)).clip(0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / half / f"class{c}" / f"{index}.png")
    return folder


def worst(ours: Importance, theirs: Importance) -> float:
    """Largest difference in any tensor, relative to that tensor's largest value; on the CPU."""
    pairs = ((ours[name].detach().cpu(), value.detach().cpu()) for name, value in theirs.items())
    return max(float((a - b).abs().max() / b.abs().max().clamp(min=1e-12)) for a, b in pairs)


def agreement(bench: Bench, part: Part) -> None:
    """The same computation on the CPU and on the device: float32 without TF32, then bfloat16 as runs train."""
    part.head = ("CPU against device", "largest difference", "bar", "")
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
        with bench.job("cpu") as job:
            first_steps(bench, part, job)
        with bench.job("cpu", bench.size.evaluated, "small_cnn") as job:
            model, accuracy = fitted(job, "cpu")
        evaluations(bench, part, model)
    there = fitted(job, bench.device)[1]
    part.bar("test accuracy of small_cnn after two epochs, bfloat16 on a GPU", abs(there - accuracy), 0.1)


def first_steps(bench: Bench, part: Part, job: Job) -> None:
    """Training steps; and of the network after them, on both devices, per-sample Fisher, SSD and logits."""
    size, devices = bench.size, ("cpu", bench.device)
    start = RunContext(job.build, job.recipe, 7).fresh_model().state_dict()
    batches = list(islice(job.splits.train.batches(size.batch, torch.Generator().manual_seed(1)), size.steps))

    def stepped(device: str) -> nn.Module:
        model = restore(job, start).to(device).train()
        own = [(x.to(device), y.to(device)) for x, y in batches]
        optimiser = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, nesterov=True)
        context = RunContext(job.build, job.recipe, 7, device)
        descend(optimiser, own, lambda b: label_loss(model(b[0]), b[1]), context, steps=len(own), note="agreement")
        return model.eval()

    here, there = (stepped(device) for device in devices)
    part.bar(f"weights after {size.steps} steps of SGD", worst(dict(there.named_parameters()), dict(here.named_parameters())), 1e-2)
    sets = {"training": job.splits.train.first(size.fisher_images), "forget": job.splits.forget.first(size.fisher_images)}
    found: dict[str, dict[str, Importance]] = {}
    for device in devices:
        model = restore(job, here.state_dict()).to(device)
        found[device] = {name: fisher_diagonal(model, images.to(device).batches) for name, images in sets.items()}
    for name in sets:
        part.bar(f"per-sample Fisher, {name} set", worst(found[bench.device][name], found["cpu"][name]), 1e-2)
    ours, theirs = ({n: f.cpu() for n, f in dampening(found[d]["forget"], found[d]["training"], 1.0, 1.0).items()} for d in devices)
    alike = {n: (theirs[n] < 1) == (f < 1) for n, f in ours.items()}
    total = sum(both.numel() for both in alike.values())
    part.bar("SSD: share of weights that one of them alone selects", sum(int((~both).sum()) for both in alike.values()) / total, 1e-3)
    part.bar("SSD: factors of all others", worst({n: torch.where(alike[n], theirs[n], f) for n, f in ours.items()}, ours), 1e-2)
    logits = [{"": predict(restore(job, here.state_dict()).to(device), job.splits.test.first(1000), device)} for device in devices]
    part.bar("logits of test images", worst(logits[1], logits[0]), 1e-3)


def fitted(job: Job, device: str) -> tuple[nn.Module, float]:
    """A network after two epochs of its recipe, and its test accuracy."""
    context = RunContext(job.build, job.recipe, 3, device)
    model = fit(context.fresh_model(), job.splits.train, replace(job.recipe, epochs=2), context)
    return model, share_right(model, job.splits.test, device=device)[0]


def evaluations(bench: Bench, part: Part, model: nn.Module) -> None:
    """Every metric of the same networks on both devices: the model stands for the original, and with small noise for the unlearned."""
    values: list[dict[tuple[str, str], float]] = []
    tensors = {name: t.detach().cpu() for name, t in model.state_dict().items()}
    for device in ("cpu", bench.device):
        with bench.job(device, bench.size.evaluated, "small_cnn") as job:
            network = job.cache.load_or_make(f"agreement-{device}", "original", lambda: tensors, "cpu")
            unlearned, draw = restore(job, network.tensors), torch.Generator().manual_seed(5)
            with torch.no_grad():
                for theta in unlearned.parameters():
                    theta.add_(0.1 * theta.std(correction=0) * torch.randn(theta.shape, generator=draw).to(device))
            found = measure(evaluate(job, {"original": network}, unlearned, lambda *_: None))
            values.append({(m.metric, m.model): m.value for m in found if m.value is not None})
    apart = {key: abs(values[0][key] - value) / max(1.0, abs(value)) for key, value in values[1].items() if key in values[0]}
    plain, trained = ({k: v for k, v in apart.items() if METRICS[k[0]].trains == trains} for trains in (False, True))
    part.bar(f"evaluation: {len(plain)} values of metrics that do not train", max(plain.values(), default=0.0), 0.02)
    key = max(trained, key=lambda k: trained[k], default=("", ""))
    part.notes.append(f"Largest difference of the {len(trained)} values of metrics that train: {trained.get(key, 0.0):.3f} ({key[0]}).")
    if values[0].keys() != values[1].keys():
        part.missed.append("the same metrics apply on both")


def five_methods(bench: Bench, part: Part) -> None:
    """Original, reference and five methods with every metric; seconds of each stage, and the GPU's peak memory."""
    stages = ("train", "reference", "precompute", "unlearn", "evaluate")
    part.head = ("", *SHOWN, *(f"{stage} s" for stage in stages), "peak GB")
    part.notes.append(f"{bench.data.train_count} training images, {bench.size.model}; class 0 is forgotten."
                      + (" The images are a synthetic stand-in: coloured stripes under noise." if bench.stand_in else ""))  # fmt: skip
    stop = bench.until - FOR_SPEED

    def report(share: float, stage: str, *_: object) -> None:
        if perf_counter() > stop:
            raise OutOfTime(f"at {stage}, {share:.0%} of it")

    for method in bench.size.methods:
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()

        try:
            done = run(bench.spec(method, bench.device), bench.home, report)
        except OutOfTime as spent:
            part.notes.append(f"The budget was spent in the run of {method}, {spent}.")
            part.missed.append(f"{method} within the budget")
            return
        peak = torch.cuda.max_memory_allocated() / 2**30 if torch.cuda.is_available() else 0.0
        for model in ("original", "reference", "unlearned") if method == bench.size.methods[0] else ("unlearned",):
            found = {m.metric: m.value for m in done.measurements if m.model == model}
            numbers = ["–" if (value := found.get(key)) is None else value for key in SHOWN.values()]
            took = [done.seconds[stage] for stage in stages] if model == "unlearned" else [""] * len(stages)
            part.rows.append((method if model == "unlearned" else model, *numbers, *took, peak if model == "unlearned" else ""))


def speed(bench: Bench, part: Part) -> None:
    """Images a second of a training step, and what torch.compile costs before it pays."""
    part.head = ("a training step", "images/s", "times the first", "first three steps, s", "pays after images")
    size, on_gpu = bench.size, bench.device.startswith("cuda")
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(size.batch, bench.data.channels, bench.data.height, bench.data.width, generator=generator).to(bench.device)
    y = torch.randint(len(bench.data.classes), (size.batch,), generator=generator).to(bench.device)
    rates: dict[str, tuple[float, float]] = {}

    def timed(name: str, *, half: bool, layout: torch.memory_format, compiled: bool) -> None:
        torch.manual_seed(0)
        model = MODELS[size.model](bench.data).to(bench.device).train()
        model.to(memory_format=layout)
        ready: Callable[[Tensor], Tensor] = torch.compile(model, backend=size.compiler) if compiled else model
        optimiser = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, nesterov=True, fused=on_gpu)
        batch = x.contiguous(memory_format=layout)

        def steps(count: int) -> float:
            synchronise(bench.device)
            began = perf_counter()
            for _ in range(count):
                optimiser.zero_grad(set_to_none=True)
                with torch.autocast(bench.device.split(":")[0], torch.bfloat16) if half else nullcontext():
                    logits = ready(batch)
                label_loss(logits.float(), y).backward()  # type: ignore[no-untyped-call]  # torch does not annotate it
                optimiser.step()
            synchronise(bench.device)
            return perf_counter() - began

        first = steps(3)  # compiles, picks kernels
        once = steps(1)
        count = max(2, round(size.seconds / max(once, 1e-6)))
        rates[name] = (size.batch * count / steps(count), first)

    ways: dict[str, tuple[bool, torch.memory_format, bool]] = {
        "float32, as it comes": (False, torch.contiguous_format, False),
        "float32, channels last": (False, torch.channels_last, False),
        "bfloat16, as it comes": (True, torch.contiguous_format, False),
        "bfloat16, channels last (as runs train on a GPU)": (True, torch.channels_last, False),
        "bfloat16, channels last, torch.compile": (True, torch.channels_last, True),
    }
    for name, (half, layout, compiled) in ways.items():
        if bench.left() < 2 * size.seconds:
            part.notes.append(f"The budget was spent before: {name}.")
            break
        timed(name, half=half, layout=layout, compiled=compiled)
    base, eager = (next((rates[n] for n in rates if n.startswith(start)), None) for start in ("float32, as", "bfloat16, channels last (as"))
    for name, (rate, first) in rates.items():
        pays = ""
        if name.endswith("torch.compile") and eager:
            gain = 1 / eager[0] - 1 / rate
            pays = f"{(first - eager[1]) / gain:.0f}" if gain > 0 else "never"
        part.rows.append((name, rate, rate / base[0] if base else 1.0, first, pays))


PARTS: dict[str, Callable[[Bench, Part], None]] = {
    "Agreement": agreement,
    "Five methods": five_methods,
    "Speed of training": speed,
}


def measured(bench: Bench, keep: Callable[[list[Part]], None]) -> list[Part]:
    """Every part in turn; one that fails says so, and `keep` has what there is after each."""
    parts: list[Part] = []
    for name, work in PARTS.items():
        part, began = Part(name), perf_counter()
        try:
            if bench.left() <= 0:
                raise OutOfTime("the budget was spent before it began")
            work(bench, part)
        except Exception:  # whatever it is: the machine is lent for minutes, and the other parts can still run
            part.failed = traceback.format_exc(limit=-4)
        part.seconds = perf_counter() - began
        parts.append(part)
        print(part.text, flush=True)
        keep(parts)
    return parts


def main(words: list[str]) -> list[Part]:
    """What every part found."""
    parser = argparse.ArgumentParser(description="All that wants a GPU, in one script.")
    parser.add_argument("--budget", type=float, default=BUDGET, help="seconds for everything")
    parser.add_argument("--toy", action="store_true", help="at the size of a test, on whatever device there is")
    asked = parser.parse_args(words)
    began, size = perf_counter(), TOY if asked.toy else Size()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu" and not asked.toy:
        raise SystemExit("PyTorch finds no GPU here; --toy runs the script on the CPU.")
    with tempfile.TemporaryDirectory() as place:
        home, folder = open_home(Path(place) / "home"), data_folder() / "cifar10-subset"
        own = asked.toy or not folder.is_dir()
        data = add(stand_in(Path(place) / "images", size) if own else folder, ImportOptions(), home.datasets_folder).info
        bench = Bench(size, device, data, own, home, began + asked.budget)

        def keep(parts: list[Part]) -> None:
            if out := os.environ.get("OUT"):
                plain = {"machine": machine(), "budget": asked.budget, "toy": asked.toy, "parts": [asdict(part) for part in parts]}
                (Path(out) / "gpu.json").write_text(json.dumps(plain, indent=1, default=str))
                (Path(out) / "gpu.md").write_text("\n\n".join([machine(), *(part.text for part in parts)]))

        parts = measured(bench, keep)
    if not asked.toy:
        append("On a GPU", *(part.text for part in parts))
    print(f"{perf_counter() - began:.0f} s; " + ("; ".join(f"FAIL {w}" for p in parts for w in missing(p)) or "PASS"), flush=True)
    return parts


def missing(part: Part) -> list[str]:
    """The bars that a part missed, and whether it broke off."""
    return part.missed + ([f"{part.name} broke off"] if part.failed else [])


if __name__ == "__main__":
    sys.exit(any(missing(part) for part in main(sys.argv[1:])))
