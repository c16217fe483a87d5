"""A sequence of forget requests from its plan to its last step: one request after the other for each seed, each step stored as it ends."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from filelock import FileLock, Timeout
import torch
from torch import Tensor, nn

from core.data.label_kinds import answers, is_multi, right
from core.data.registry import load_dataset
from core.domain.errors import WrongInput
from core.domain.run import RunSpec
from core.pipeline import Job, Stages, original_of, precompute, prepare, train, unlearn
from core.sequences import journal
from core.sequences.journal import DIVERGED, DONE, WHOLE, Sequence, Step
from core.sequences.plan import SequencePlan
from core.sequences.requests import Named, named, step_job, whole_job
from core.storage.artifacts import Artifacts
from core.storage.home import Home
from core.storage.runs import ResultStore
from core.training.cache import ArtifactCache, Shared
from core.training.loop import Diverged, predict
from core.training.run_setup import restore

Report = Callable[..., None]  # share, what is being done
Say = Callable[[float, str], None]
Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class Seen:
    """What one network predicts. train, test: float64 (N,) and (M,), 1 where it is right; answers: (M, ...), of test images."""

    train: Tensor
    test: Tensor
    answers: Tensor


def walk(home: Home, sequence_id: str, report: Report) -> dict[str, int]:
    """Go on with a stored sequence to its end; what is made already is not made again. Raises WrongInput.

    Another process that computes the same sequence is waited for no longer than a moment.
    """
    lock = FileLock(journal.file_of(home, sequence_id).with_suffix(".lock"))
    try:
        with lock.acquire(timeout=5.0), ResultStore(home.database) as store:
            cache, seed_now = ArtifactCache(store, Artifacts(home.artifacts_folder)), None
            while (found := journal.read(home, sequence_id)).next is not None:
                seed, number = found.next
                say = _saying(found, seed, number, report)
                if seed_now is None or seed_now.seed != seed:
                    seed_now = Walk.of(home, cache, found.plan, seed, say)
                journal.add_step(home, sequence_id, seed_now.step(number, say))
                seed_now.forget_before(number)
            return {"steps": len(found.steps)}
    except Timeout:
        raise WrongInput(f"Sequence {sequence_id} is being computed by another process.") from None


def _saying(found: Sequence, seed: int, number: int, report: Report) -> Say:
    """Progress within one step, as that of the whole."""
    what = "all requests in one" if number == WHOLE else f"request {number} of {found.plan.count}"
    return lambda share, note: report((len(found.steps) + share) / found.total, f"seed {seed}, {what}" + f": {note}" * bool(note))


@dataclass
class Walk:
    """One seed of a sequence. seen: what was predicted last, by the number of the step that left the network; 0: the original."""

    home: Home
    cache: ArtifactCache
    plan: SequencePlan
    seed: int
    named: Named
    original: Shared
    seen: dict[int, Seen]

    @classmethod
    def of(cls, home: Home, cache: ArtifactCache, plan: SequencePlan, seed: int, say: Say) -> "Walk":
        """With its original, trained or loaded. Raises WrongInput, also where requests overlap."""
        found = named(plan, load_dataset(plan.spec.dataset, home.datasets_folder), seed)
        job = prepare(plan.of_seed(plan.spec, seed), cache, home.datasets_folder)
        return cls(home, cache, plan, seed, found, original_of(job, _stages("train", say)), {})

    def step(self, number: int, say: Say) -> Step:
        """Forget one request, and measure; where the method diverges, that is the step's state. Raises WrongInput."""
        job = self.job(number)
        images = int(job.splits.forgotten.sum())
        try:
            left, seconds = self.unlearned(job, number, say)
        except Diverged as error:
            return Step(self.seed, number, DIVERGED, images, why=" ".join(str(error).split())[:400])
        if number != WHOLE:
            self._keep(number, left, seconds)
        step = Step(self.seed, number, DONE, images, moved=moved(self.network(max(0, number - 1), say), left), seconds=seconds)
        return self._measured(step, job, left, say)

    def job(self, number: int) -> Job:
        """The step as a run on what is left of the data. Raises WrongInput."""
        specs = self.plan.specs
        spec = specs[number - 1] if number != WHOLE else self.plan.whole or specs[0]
        job = prepare(self._spec(spec), self.cache, self.home.datasets_folder)
        return whole_job(job, self.named) if number == WHOLE else step_job(job, self.named, number)

    def _spec(self, spec: RunSpec) -> RunSpec:
        return self.plan.of_seed(spec, self.seed)

    def unlearned(self, job: Job, number: int, say: Say) -> tuple[Tensors, dict[str, float]]:
        """The network that a step leaves, and the method's seconds. Raises Diverged or WrongInput."""
        found = self.network(max(0, number - 1), say)
        current = replace(self.original, tensors=found)
        statistics = precompute(job, current, _stages("precompute", say))
        model, _, seconds = unlearn(job, current, statistics, _stages("unlearn", say))
        tensors = {name: tensor.detach().cpu() for name, tensor in model.state_dict().items()}
        return tensors, {"statistics": sum((one.seconds for one in statistics.values()), 0.0), "unlearn": seconds}

    def network(self, number: int, say: Say) -> Tensors:
        """What a step left, as it is kept; made again where it is not. 0: the original."""
        if number == 0:
            return self.original.tensors

        def make() -> Tensors:
            return self.unlearned(self.job(number), number, say)[0]

        return self.cache.load_or_make(journal.network_key(self.plan.id, self.seed, number), journal.KIND, make, "cpu").tensors

    def _keep(self, number: int, tensors: Tensors, seconds: dict[str, float]) -> None:
        self.cache.load_or_make(journal.network_key(self.plan.id, self.seed, number), journal.KIND, lambda: tensors, "cpu")

    def forget_before(self, number: int) -> None:
        """What led to a step's network goes; of the last step of all, that network too, since no other begins from it."""
        ended = number in (WHOLE, self.plan.count)
        for left in range(1, self.plan.count + 1) if ended else [number - 1]:
            self.cache.store.forget_kept(journal.network_key(self.plan.id, self.seed, left))

    def _measured(self, step: Step, job: Job, tensors: Tensors, say: Say) -> Step:
        number = step.number if step.number != WHOLE else self.plan.count
        before = 0 if step.number == WHOLE else number - 1
        networks = {
            "unlearned": self._seen(job, tensors), "before": self._remembered(job, before, say), "original": self._remembered(job, 0, say),
        }  # fmt: skip
        seconds, agreement = dict(step.seconds), None
        if self.plan.retrain:
            reference = self._reference(job, number, say)
            networks["reference"] = self._seen(job, reference.tensors)
            agreement = float((networks["unlearned"].answers == networks["reference"].answers).double().mean())
            seconds["retrain"] = reference.seconds
        self.seen = {0: networks["original"]} | ({step.number: networks["unlearned"]} if step.number != WHOLE else {})
        sets = self._sets(step.number)
        accuracies = {name: _accuracies(seen, sets) for name, seen in networks.items()}
        return replace(step, accuracies=accuracies, agreement=agreement, seconds=seconds)

    def _remembered(self, job: Job, number: int, say: Say) -> Seen:
        return self.seen.get(number) or self._seen(job, self.network(number, say))

    def _seen(self, job: Job, tensors: Tensors) -> Seen:
        data, model = load_dataset(job.spec.dataset, self.home.datasets_folder), _quick(restore(job, tensors))
        train, test = (predict(model, part, job.device) for part in (data.train, data.test))
        labels = data.train.labels.cpu(), data.test.labels.cpu()
        return Seen(right(train, labels[0]), right(test, labels[1]), answers(test, is_multi(labels[1])))

    def _sets(self, number: int) -> dict[str, tuple[str, Tensor]]:
        """Set -> train or test, and which of its images; of the step that forgets all in one, all requests are this one's."""
        upto, upto_test = self.named.upto(number if number != WHOLE else self.plan.count)
        now, earlier = (upto, upto & ~upto) if number == WHOLE else (self.named.train[number - 1], self.named.before(number)[0])
        return {
            "request": ("train", now), "earlier": ("train", earlier), "retain": ("train", ~upto), "test": ("test", ~upto_test),
            "gone": ("test", upto_test),
        }  # fmt: skip

    def _reference(self, job: Job, number: int, say: Say) -> Shared:
        """The network retrained without everything that requests up to this one name; it is that of a run that asks for all of it."""
        upto, _ = self.named.upto(number)
        whole = prepare(self._spec(self.plan.spec), self.cache, self.home.datasets_folder)
        key = whole.key("reference", upto.nonzero().flatten().tolist())
        return train(whole, "reference", key, "reference", whole.splits.train.subset(~upto), _stages("reference", say))


def moved(before: Tensors, after: Tensors) -> float:
    """Length of the change of all weights and buffers with fractions over their length before; 0 where nothing changed."""
    pairs = [(before[name].double(), theta.double()) for name, theta in after.items() if theta.is_floating_point()]
    change, length = (sum(float(square) for square in squares) for squares in (
        [(new - old).square().sum() for old, new in pairs], [old.square().sum() for old, _ in pairs],
    ))  # fmt: skip
    return (change / length) ** 0.5 if length else 0.0


def _stages(stage: str, say: Say) -> Stages:
    words = {"train": "training the original", "reference": "retraining", "precompute": "statistics", "unlearn": "unlearning"}[stage]
    return Stages({stage: 1.0}, lambda share, _, note, __: say(share / 2 if stage != "reference" else (1 + share) / 2, note or words))


def _quick(model: nn.Module) -> nn.Module:
    return model.to(memory_format=torch.channels_last)  # small networks predict twice as fast


def _accuracies(seen: Seen, sets: dict[str, tuple[str, Tensor]]) -> dict[str, float]:
    """Of the sets that have images."""
    return {
        name: float((seen.train if part == "train" else seen.test)[chosen].mean()) for name, (part, chosen) in sets.items() if chosen.any()
    }
