"""The evidence passport: what was asked, done and shown, what remains open, how strong the evidence is, and digests to check it by."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from core.domain.code_version import version_of
from core.domain.errors import WrongInput
from core.domain.formatting import percent
from core.domain.methods.ablations import SECOND_REFERENCE_METHOD
from core.domain.run import MODELS
from core.domain.training.own_recipe import forget_count, is_about, trained_data
from core.export.imported_runs import not_computed_here
from core.export.report.repeat import check_command
from core.export.report.run_contents import RunContents
from core.export.report.run_digests import digest_now, run_digests
from core.export.report.run_sections import attack_of
from core.figures.privacy.interpretation import span_of
from core.metrics.privacy.threshold_attack import FEWEST, TooFewExamples
from core.reports.chance_tolerance import auc_error
from core.reports.checks.case import Case
from core.reports.checks.registry import CHECKED
from core.reports.cost_line import seconds
from core.reports.intervals import FEW

VARYING = {  # metric -> what a sentence calls it; of which the retraining variability is told
    "test_forget_accuracy": "forget accuracy", "train_forget_accuracy": "accuracy on the forget set",
    "test_retain_accuracy": "retain accuracy", "attack_auc": "the attack's AUC",
}  # fmt: skip
BEYOND = (
    "Copies of the data elsewhere (backups, other networks trained on it, published outputs) are not touched by unlearning, and nothing "
    "here is about them.",
    "Attacks that were not tried may find more than those that were: what is reported is no proof that nothing can be recovered.",
)


@dataclass(frozen=True)
class Passport:
    """Sentences for the person concerned or an auditor. digests: see `digests_of`; check: the commands that print them again."""

    asked: tuple[str, ...]
    done: tuple[str, ...]
    shown: tuple[str, ...]
    open: tuple[str, ...]
    strength: tuple[str, ...]
    digests: dict[str, str]
    check: str


def passport(run: RunContents) -> Passport:
    """Of a finished run."""
    return Passport(
        tuple(_asked(run)), tuple(_done(run)), tuple(_shown(run)), tuple(_open(run)), tuple(_strength(run)), digests_of(run),
        check_command(run.run.id),
    )  # fmt: skip


def _asked(run: RunContents) -> Iterator[str]:
    spec, data = run.run.spec, run.data
    of = f" of {data.title}" if data else f" of the dataset {spec.dataset}"
    yield f"A trained network ({spec.model}) was to forget {run.subject}{of}, as if it had never been trained on it."
    if data:
        left = trained_data(spec, data)
        count, total, held = forget_count(spec, data), left.train_count, data.train_count - left.train_count
        yield f"The forget set: {'about ' * is_about(spec)}{count:,} of {total:,} training images ({percent(count / total)})." + (
            f" {held:,} more were held out to validate training: no network was trained on them." if held else ""
        )
    yield f"It was asked for on {run.run.created_at:%d %B %Y} (forget request {spec.request.text}, seed {spec.seed})."


def _done(run: RunContents) -> Iterator[str]:
    spec, took = run.run.spec, run.report["seconds"]["unlearn"]
    yield f"The network was changed by {run.method_title}" + (f" in {seconds(took)}." if took else ".")
    moved = run.report["metrics"].get("parameter_distance")
    if moved is not None:
        yield f"Its weights moved by {percent(moved)} of their own length."
    if spec.reference:
        yield "For comparison a network was trained anew without the forget set (the retrained reference): what perfect forgetting gives."
    if run.report["own_recipe"]:
        yield str(run.report["own_recipe"])
    if run.report["own_weights"]:
        yield str(run.report["own_weights"])
    if run.method and run.method.reconstruction:
        yield "The method's algorithm is not public; what ran is our reading of its abstract."
    if run.run.finished_at:
        bundle = ", as the bundle says" if run.run.imported else ""
        yield f"It was finished on {run.run.finished_at:%d %B %Y} on the device {run.run.device or 'not stored'}{bundle}."


def _shown(run: RunContents) -> Iterator[str]:
    yield str(run.verdict)
    if run.finding and run.finding.clear:
        yield f"Looked for and not found: {', '.join(CHECKED[key] for key in run.finding.clear)}."
    if not run.run.spec.reference:
        yield "Nothing could be held against a network that never saw the forget set: none was trained."


def _open(run: RunContents) -> Iterator[str]:
    if run.run.imported:
        yield not_computed_here({run.run.id: run.run.imported.file}, 1)
    if run.finding is None:
        yield f"The automatic checks could not be made. {run.unchecked}"
    else:
        yield from (warning.sentence for warning in run.finding.warnings)
        yield from run.finding.besides
    if run.run.spec.reference and run.second_numbers is None and run.run.spec.method != SECOND_REFERENCE_METHOD:
        yield (
            "How far two networks that were retrained alike differ by chance was not measured, so small differences to the reference say "
            "nothing."
        )
    if not run.other_seeds:
        yield "This is one run with one seed: how the result varies from seed to seed is not known from it."
    if run.run.spec.engine != version_of(run.run.spec):
        yield "Another version of the code made this run than the one that wrote this report."
    yield from run.report["lost"]
    yield from BEYOND


def _strength(run: RunContents) -> Iterator[str]:
    seeds = len(run.other_seeds) + 1
    more = "" if seeds >= FEW else f"; {FEW} or more are wanted for a claim about the method"
    there = f"{seeds} finished run{'s' * (seeds != 1)} of this request with these settings, this code and this device"
    yield f"Seeds: {there}{more}. The numbers here are those of seed {run.run.spec.seed}."
    yield from _variability(run)
    with suppress(WrongInput, TooFewExamples):
        attack = attack_of(run)
        low, high = span_of(attack, "unlearned")
        right = attack.rates("unlearned").balanced_accuracy
        yield (
            f"Membership attack: at its strongest threshold {percent(right)} of its guesses are right, each side counted alike (95 % "
            f"interval {percent(round(low, 3))} to {percent(round(high, 3))}, from {len(attack.counted.forget):,} forgotten and "
            f"{len(attack.counted.unseen):,} unseen images, by the smaller count; 50 % is guessing)."
        )
    area = run.report["metrics"].get("attack_auc")
    if area is not None and run.case and run.case.forget_count and (unseen := _unseen(run, run.case)):
        error = auc_error(area, run.case.forget_count, unseen)
        yield (
            f"Over all thresholds its AUC is {percent(area)} ± {percent(1.96 * error)} (95 % interval by Hanley and McNeil, "
            f"{run.case.forget_count:,} forgotten and {unseen:,} unseen images, those that were evaluated)."
        )


def _unseen(run: RunContents, case: Case) -> int:
    """Test images that the AUC holds the forget set against: where the request's rule names few of all, these; 0: not known.

    A run stores single numbers of a thousand of them at most: of more the interval is wider than need be.
    """
    if case.request.by_class or not case.request.by_rule:
        return case.test_images()
    with suppress(WrongInput):
        alike = int((run.table("examples")["set"] == "test_forget").sum())
        return alike if alike >= FEWEST else case.test_images()
    return 0


def _variability(run: RunContents) -> Iterator[str]:
    if run.second_numbers is None:
        yield "Retraining variability: not measured."
        return
    gaps = []
    for metric, words in VARYING.items():
        one, other = (run.second_numbers.get(model, {}).get(metric) for model in ("unlearned", "reference"))
        if one is not None and other is not None and (run.run.spec.request.by_class or not metric.startswith("test_forget")):
            gaps.append(f"{words} by {100 * abs(one - other):.1f} points")
    yield f"Retraining variability: two networks retrained from different seeds differ in {', '.join(gaps)}." if gaps else (
        "Retraining variability: a second reference was trained, but none of its numbers can be held against the first's."
    )


def digests_of(run: RunContents) -> dict[str, str]:
    """What decides the run, and its networks -> SHA-256 of what is there now, with a word where it is gone or damaged; of the code, its
    version.
    """
    networks = {model: digest_now(run.home.artifacts_folder / run.files[model]) for model in MODELS if model in run.files}
    return run_digests(run.run.spec, networks)
