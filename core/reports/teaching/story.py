"""The story of a finished run in seven scenes: what a room reads, and what who tells it knows. Pure; every number is the run's own."""

from dataclasses import dataclass

from core.domain.formatting import percent
from core.reports.cost_line import seconds
from core.reports.first_screen import FirstScreen, headline
from core.reports.gauges import AS_RETRAINED, ATTACK, STEPS, Gauge

RECOGNISED = "still_recognised"  # the check of attacks beside the one by loss
ALIKE = 0.015  # of AUC: two that read the same, or nearly so
LIMITS = (  # of every run, whatever it found
    "An attack that finds nothing proves little: a stronger one may still find a trace.",
    "One network, one seed: another run may come out otherwise. Several seeds give an interval.",
    "Copies of the data, backups and other networks that were trained on it are not touched.",
)


@dataclass(frozen=True)
class Facts:
    """What the story says besides the first screen. what: the request in words, `class 3`. by_class: whether it names classes.

    train_images, forget_images: counts. unlearn, retrain: seconds; None where it was stored already. changed: share of weights that
    the method changed; busiest: the layer in which it changed most; None and '' where that was not stored. about: whether forget_images
    is about right alone.
    """

    what: str
    by_class: bool
    method: str
    train_images: int
    forget_images: int
    unlearn: float | None
    retrain: float | None
    changed: float | None
    busiest: str
    about: bool = False

    @property
    def forget_text(self) -> str:
        """How many pictures are to be forgotten, as written in a sentence."""
        return f"{'about ' * self.about}{self.forget_images:,}"


@dataclass(frozen=True)
class Notes:
    """For who tells it. minutes: what the scene takes in a room."""

    ask: str
    wait_for: str
    mistake: str
    minutes: int


@dataclass(frozen=True)
class Scene:
    """short: a word for the way through the story. term: the field's word for what the scene shows."""

    short: str
    title: str
    text: str
    term: str
    notes: Notes


def scenes(screen: FirstScreen, facts: Facts) -> tuple[Scene, ...]:
    """All seven."""
    forget, retain, attack, relearning = screen.gauges
    retrained = f", blue ■ the one retrained without {facts.what}" if _has_reference(screen) else ""
    return (
        Scene("Why", "Why should a network forget?", _why(facts), "Machine unlearning: removing the influence of some training data.",
              Notes("Who may ask for this? Why not just delete the file?", "A network keeps no files; what it learnt is in its weights.",
                    "“Delete the neuron of the 3”: no single neuron holds it.", 3)),
        Scene("Knows", "What the network knows", _knows(forget, retain),
              "Test accuracy: the share of images that it never saw and predicts correctly.",
              Notes("How do we know that it learnt, and not just memorised?", "Because these images were not used for training.",
                    "“A high accuracy means that it remembers the images.”", 3)),
        Scene("Choose", "Choose what goes", _choose(facts, _has_reference(screen)),
              "Forget set: what must go. Retain set: what stays. Reference: a network retrained without the forget set.",
              Notes("Why is the target not simply 0 %?", "A network that never saw it still guesses, and sometimes guesses right.",
                    "Taking the reference for another method of unlearning; it is the yardstick.", 4)),
        Scene("Predict", "Predict, then see", f"Grey ◇ is the network before{retrained}. "
              "Where will the unlearned network stand?",
              "A prediction that is written down before the result cannot be adjusted to it.",
              Notes("Write your guess down before anybody looks.", "Different guesses; ask the two extremes for their reasons.",
                    "Setting everything to 0: a network that is wrong everywhere has not forgotten, it is broken.", 5)),
        Scene("Inside", "Inside: which weights?", _inside(facts), "Weights: the numbers that a network learns. Saliency map: which pixels "
              "speak for a prediction (red) and against it (blue).",
              Notes("Would you rather change few weights a lot, or many a little?", "Few: less of what should stay is harmed.",
                    "“The changed weights are where the 3 was stored”: they are where changing helps most.", 4)),
        Scene("Gone?", "Is it really gone?", _gone(screen, attack, relearning),
              "Membership inference attack: telling who was in the training set. Relearning: how soon it comes back. "
              "AUC: 0.5 is guessing, 1 is always right.",
              Notes("Would you sign that it is gone?", "Hidden is not gone: what comes back at once was never away.",
                    "“An AUC of 0.5 proves it”: one attack that fails proves little.", 5)),
        Scene("Limits", "What it can’t promise", _limits(screen), "Checks: automatic tests that say when not to trust a result.",
              Notes("What would you want to see before you believe it?", "More seeds, stronger attacks, an outside check.",
                    "Reading “no warnings” as proof.", 4)),
    )  # fmt: skip


def limits(screen: FirstScreen) -> tuple[str, ...]:
    """What speaks against this run, then what no run can promise."""
    own = tuple(f"{headline(warning.sentence)[0].rstrip('.')}." for warning in screen.warnings)
    return own + LIMITS


def _why(facts: Facts) -> str:
    return (
        f"This network has learnt from {facts.train_images:,} pictures. {facts.forget_text[:1].upper()}{facts.forget_text[1:]} of them are "
        f"{facts.what}. Now someone asks: take these out again, as if you had never seen them. Deleting the files is not enough: what was "
        "learnt stays."
    )


def _knows(forget: Gauge, retain: Gauge) -> str:
    return (f"Before anything is forgotten, it predicts {_share(retain, 'original')} of the pictures that should stay correctly, and "
            f"{_share(forget, 'original')} of those that should go.")  # fmt: skip


def _has_reference(screen: FirstScreen) -> bool:
    return any(gauge.place("reference") is not None for gauge in screen.gauges)


def _choose(facts: Facts, has_reference: bool) -> str:
    cost = ""
    if facts.retrain and facts.unlearn is not None:
        cost = f" Training again took {seconds(facts.retrain)}, {facts.method} {seconds(facts.unlearn)}."
    yardstick = "so it is our yardstick" if has_reference else "so it would be our yardstick; for this run nobody did it"
    return (f"Here {facts.what} must go: {facts.forget_text} of {facts.train_images:,} pictures. The honest way is to train again "
            f"without them. It is slow, but beyond doubt, {yardstick}.{cost}")  # fmt: skip


def _inside(facts: Facts) -> str:
    if facts.changed is None:
        return f"{facts.method} changed the network’s weights; how many is not stored with this run."
    where = f" Most of all in {facts.busiest}." if facts.busiest and facts.changed < 1 else ""
    how = "every weight" if percent(facts.changed) == "100 %" else f"{percent(facts.changed)} of the weights"
    return f"{facts.method} changed {how}.{where} Below, each network looks at the same picture: what does it look at?"


def _gone(screen: FirstScreen, attack: Gauge, relearning: Gauge) -> str:
    warned = next((warning.sentence for warning in screen.warnings if warning.key == RECOGNISED), "")
    another = f" Another attack: {headline(warned)[1] or warned}" if warned else ""
    return f"{_attacked(attack)}{another} {_relearnt(relearning)}"


def _attacked(gauge: Gauge) -> str:
    ours, theirs, before = (gauge.values.get(mark) for mark in ("unlearned", "reference", "original"))
    if ours is None:
        return "The attack could not be made here."
    was = "" if before is None else f", {before:.2f} before"
    begin = f"An attacker tries to tell who was in the training set: AUC {ours:.2f} now{was}"
    if theirs is None:
        return f"{begin}. Whether that is a trace, only a retrained network could tell, and there is none."
    alike = abs(ours - theirs) <= ALIKE
    near = "As well as against the retrained network." if alike else (
        "The gap may be chance: another retrained network might differ as much."
    )  # fmt: skip
    words = {AS_RETRAINED: near, "recognised": "Better than against the retrained network: a trace is left.",
             "below retrained": "Worse than against the retrained network."}  # fmt: skip
    return f"{begin}, {theirs:.2f} for the retrained network. {words.get(gauge.word, '')}".strip()


def _relearnt(gauge: Gauge) -> str:
    if gauge.place("unlearned") is None:
        return "Relearning was not measured."
    ours = _needed(gauge, "unlearned")
    if gauge.place("reference") is None:
        return f"Then it learns it again: the unlearned network {ours}. Whether that is soon, only a retrained network could tell."
    if gauge.values.get("reference") == 0:
        return "Relearning tells nothing here: even the retrained network predicts these pictures correctly at once."
    words = {AS_RETRAINED: "No sooner than retrained.", "comes back sooner": "It comes back sooner: something of it was left.",
             "harder to bring back": "It is harder to bring back than for a network that never saw it."}  # fmt: skip
    both = f"Then both learn it again: the unlearned network {ours}, the retrained {_needed(gauge, 'reference')}."
    return f"{both} {words.get(gauge.word, '')}".strip()


def _needed(gauge: Gauge, mark: str) -> str:
    steps = gauge.given_up.get(mark)
    return f"has not done so after {steps} steps" if steps and gauge.values.get(mark) is None else f"needs {gauge.text(mark)}"


def _limits(screen: FirstScreen) -> str:
    count = len(screen.warnings)
    warn = "check warns" if count == 1 else "checks warn"
    found = f"{count} automatic {warn} about this run." if count else "No automatic check warns here."
    return f"The verdict was “{screen.lead}”, with {screen.confidence.level} confidence. {found} And some things no run can promise:"


def _share(gauge: Gauge, mark: str) -> str:
    value = gauge.values.get(mark)
    return "an unknown share" if value is None else percent(value)


def in_scene(screen: FirstScreen, *keys: str) -> tuple[Gauge, ...]:
    """The gauges of these metrics."""
    return tuple(gauge for gauge in screen.gauges if gauge.key in (keys or (ATTACK, STEPS)))
