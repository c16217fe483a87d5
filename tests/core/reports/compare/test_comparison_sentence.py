"""The answer in one sentence, and what is unchanged: on frames by hand, where it is known what must be said."""

from math import nan

import numpy as np
import pandas as pd
import pytest

from core.domain.methods.ablations import SECOND_REFERENCE_METHOD
from core.reports.compare.comparison_sentence import answer, groups_in, listed, short
from core.reports.compare.runs_by_seed import rows_of
from core.reports.compare.unchanged_methods import excess, judged_by, unchanged

TITLES = {"aru": "Attack-and-Reset for Unlearning (ARU)", "ssd": "Selective Synaptic Dampening (SSD)", "finetune": "Fine-tuning"}
REFERENCE = {"train_forget_accuracy": 0.90, "test_retain_accuracy": 0.95, "attack_auc": 0.50}
ORIGINAL = {"train_forget_accuracy": 1.00, "test_retain_accuracy": 0.96, "attack_auc": 0.60, "js_to_reference": 0.20}
NOISE = (0.0, 0.01, -0.01, 0.005, -0.005)


def runs(method, seeds=5, *, control="", settings="", own_draws=False, jitter=NOISE, **values):
    """Runs of one method: by metric its mean, or a value a seed; what is left out is the original's."""
    found = []
    for seed in range(seeds):
        row = {
            "id": f"{method}{control}{settings}{seed}", "dataset": "digits", "model": "small_cnn", "kind": "random", "method": method,
            "request": f"random:0.05@{seed}" if own_draws and seed else "random:0.05", "draw": str(seed if own_draws else 0),
            "settings": f"mask={control or 'own'}" if method == "aru" else settings, "control": control, "seed": seed,
            "reference": True, "engine": "e", "device": "cpu", "seconds": 1.0, "speedup": 3.0,
        }  # fmt: skip
        for name, value in ORIGINAL.items():
            told = values.get(name, value)
            own = told[seed] if isinstance(told, tuple) else told + (jitter[seed] if name in values else 0.0)
            row |= {name: own, f"original.{name}": value, f"reference.{name}": REFERENCE.get(name, nan)}
        found.append(row)
    return pd.DataFrame(found)


def draws_of_one_seed(method, **values):
    """Three runs of seed 0, each with another draw: they vary by the draw alone."""
    return runs(method, 3, own_draws=True, **values).assign(seed=0)


def second(seeds=5, *, own_draws=False, apart=0.01):
    """Second retrainings, `apart` from the first in every measure."""
    return runs(SECOND_REFERENCE_METHOD, seeds, own_draws=own_draws, jitter=(0.0,) * seeds, js_to_reference=apart,
                train_forget_accuracy=0.9 + apart,
                test_retain_accuracy=0.95 + apart, attack_auc=0.5 + apart)  # fmt: skip


def said(*parts):
    frame = pd.concat(parts, ignore_index=True)
    return answer(groups_in(frame, frame, TITLES))


NEAR = {"train_forget_accuracy": 0.92, "test_retain_accuracy": 0.94, "attack_auc": 0.52, "js_to_reference": 0.05}


def test_a_method_that_no_measure_tells_from_its_control_is_said_to_be_so():
    draw = np.random.default_rng(1)
    noisy = [{name: tuple(value + draw.normal(0, 0.02, 5)) for name, value in NEAR.items()} for _ in range(2)]
    text = said(runs("aru", own_draws=True, **noisy[0]), runs("aru", control="a random mask", own_draws=True, **noisy[1]))
    assert text == (
        "No difference between ARU and ARU with a random mask can be told in forget accuracy, test accuracy, distance to the reference "
        "(JS) and membership attack; over 5 seeds, each with its own draw."
    )


def test_two_methods_are_told_apart_measure_by_measure_with_the_paired_interval():
    """Forget accuracy is nearer to 0.90 by exactly 0.06, test accuracy lower by 0.02 at every seed; the others are the same."""
    text = said(runs("ssd", **NEAR | {"train_forget_accuracy": 0.92, "test_retain_accuracy": 0.90}),
                runs("finetune", **NEAR | {"train_forget_accuracy": 0.98, "test_retain_accuracy": 0.92}))  # fmt: skip
    assert text == (
        "SSD does better than finetune in forget accuracy (nearer to the reference by 6.0 ± 0.0 points); worse in test accuracy (lower "
        "by 2.0 ± 0.0 points); no difference can be told in distance to the reference (JS) and membership attack; over 5 seeds, one draw."
    )


@pytest.mark.parametrize("beside", [(), (runs("ssse"), runs("salun"))])
def test_the_answer_does_not_depend_on_the_order_of_the_rows(beside):
    """Studies lists methods as they were written, Compare the nearest first."""
    ours = runs("ssd", **NEAR | {"train_forget_accuracy": 0.92, "test_retain_accuracy": 0.90})
    theirs = runs("finetune", **NEAR | {"train_forget_accuracy": 0.98, "test_retain_accuracy": 0.92})
    text = said(ours, theirs, *beside)
    assert text.startswith("SSD does better than finetune in forget accuracy (nearer")
    assert said(*reversed(beside), theirs, ours) == text


def test_pairs_tell_what_means_alone_could_not():
    """Seeds differ by 0.2, methods by 0.01 at every seed."""
    ours = tuple(0.2 * seed + 0.10 for seed in range(5))
    theirs = tuple(value + 0.01 for value in ours)
    text = said(runs("ssd", **NEAR | {"js_to_reference": ours}), runs("finetune", **NEAR | {"js_to_reference": theirs}))
    assert "SSD does better than finetune in distance to the reference (JS) (smaller by 0.010 ± 0.000 nats)" in text


def test_of_many_methods_those_are_named_that_none_beats():
    text = said(
        runs("ssd", **NEAR), runs("finetune", **NEAR | {"train_forget_accuracy": 0.99}),
        runs("aru", **NEAR), runs("aru", control="a random mask", **NEAR),
    )  # fmt: skip
    assert text == (
        "Finetune does worse than another in forget accuracy; no difference between the 4 methods can be told in test accuracy, "
        "distance to the reference (JS) and membership attack; no difference between ARU and ARU with a random mask can be told in any "
        "of them; over 5 seeds, one draw."
    )
    alone = said(runs("ssd", **NEAR | {"js_to_reference": 0.03}), runs("finetune", **NEAR), runs("aru", **NEAR | {"js_to_reference": 0.04}))
    assert alone.startswith("None does better than SSD in distance to the reference (JS); no difference between the 3 methods")


def test_a_method_that_does_nothing_is_not_ranked_and_is_said_to_be_unchanged():
    text = said(runs("ssd"), runs("finetune", **NEAR), second())
    assert text == (
        "Finetune does better than the original in forget accuracy (nearer to the reference by 8.0 ± 0.5 points), distance to the "
        "reference (JS) (smaller by 0.150 ± 0.010 nats) and membership attack (nearer to the reference by 8.0 ± 0.5 points); worse in test "
        "accuracy (lower by 2.0 ± 1.0 points); SSD cannot be told to lie farther from the original than a second retraining from the first "
        "(unchanged); over 5 seeds, one draw."
    ).replace("8.0 ± 0.5", "8.0 ± 1.0")
    idle = said(runs("ssd"), runs("original"), second())
    assert idle.startswith("No method is seen to change the network by more than chance: SSD and original cannot")


def test_one_seed_tells_nothing():
    text = said(runs("ssd", 1, **NEAR), runs("finetune", 1, **NEAR | {"js_to_reference": 0.19}))
    assert text == "No difference can be told from one seed; ask for 3 seeds or more; over 1 seed, too few for a claim."
    assert said(runs("ssd", 2, **NEAR), runs("finetune", 2, **NEAR)).endswith("over 2 seeds, one draw, too few for a claim.")
    assert answer([]) == ""


def marks(*parts):
    frame = pd.concat(parts, ignore_index=True)
    methods = list(dict.fromkeys(frame["method"]))
    members = [np.flatnonzero((frame["method"] == name).to_numpy()) for name in methods]
    return dict(zip(methods, unchanged(excess(frame, frame), members, methods), strict=True))


def test_the_second_retrainings_among_the_runs_come_before_those_of_the_home():
    quiet = {"jitter": (0.0,) * 5}
    frame = runs("within", **quiet, **{name: value - 0.008 for name, value in ORIGINAL.items()})
    near, far = second(), second(apart=0.001)
    own = pd.concat([frame, far], ignore_index=True)
    mark = lambda of, everything: unchanged(excess(of, everything), [np.arange(5)], ["within"])  # noqa: E731  # asked four times
    assert mark(frame, frame) == [False]
    assert mark(frame, near) == [True]  # the home's, where there are none of its own
    assert mark(own, pd.concat([near, own], ignore_index=True)) == mark(own, own) == [False]
    assert judged_by(own, near) == "Held against the second references among these runs."
    assert judged_by(frame, near) == "Held against second references elsewhere in this home."
    assert judged_by(frame, frame).startswith("Held against the references of several seeds")


@pytest.mark.parametrize("own_draws", [False, True])
def test_what_lies_no_farther_than_a_second_retraining_is_unchanged(own_draws):
    within = {name: value - 0.008 for name, value in ORIGINAL.items()}
    beyond = within | {"attack_auc": ORIGINAL["attack_auc"] - 0.05}
    quiet = {"own_draws": own_draws, "jitter": (0.0,) * 5}
    found = marks(runs("same", **quiet), runs("within", **quiet, **within), runs("beyond", **quiet, **beyond), second(own_draws=own_draws))
    assert found == {"same": True, "within": True, "beyond": False, SECOND_REFERENCE_METHOD: False}
    assert marks(runs("within", **quiet, **within)) == {"within": False}  # without any second network nothing is allowed for


def test_the_whole_interval_must_lie_beyond_what_is_allowed():
    noisy = {"train_forget_accuracy": (1.0, 0.9, 1.0, 0.95, 1.0)}
    assert marks(runs("noisy", **noisy), second()) == {"noisy": True, SECOND_REFERENCE_METHOD: False}
    assert marks(runs("noisy", train_forget_accuracy=(0.9, 0.91, 0.89, 0.92, 0.9)), second())["noisy"] is False


def test_references_of_several_seeds_stand_in_for_a_second_one():
    frame = runs("within", jitter=(0.0,) * 5, train_forget_accuracy=0.97)
    assert unchanged(excess(frame, frame), [np.arange(5)], ["within"]) == [False]
    frame["reference.train_forget_accuracy"] = [0.80, 0.95, 0.90, 0.85, 0.88]  # 0.07 apart on average
    assert unchanged(excess(frame, frame), [np.arange(5)], ["within"]) == [True]


def test_names_are_short_and_lists_are_read():
    known = {"aru": TITLES["aru"], "original": "Original (do nothing)", "gradient_ascent": "Ascent (NegGrad)", "x": ""}
    assert [short(title, key) for key, title in known.items()] == ["ARU", "original", "gradient_ascent", "x"]
    assert [listed(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]
    text = said(runs("ssd", settings="alpha=2 · lambda=1", **NEAR), runs("ssd", settings="alpha=3 · lambda=1", **NEAR))
    assert text.startswith("No difference between SSD (alpha=2) and SSD (alpha=3) can be told")


def test_draws_of_one_seed_are_not_called_seeds():
    own, other = draws_of_one_seed("ssd", **NEAR), draws_of_one_seed("finetune", **NEAR)
    assert said(own, other).endswith("; over 3 draws of one seed.")
    assert rows_of(pd.concat([own, other], ignore_index=True), ["attack_auc"], True).covers == ["over 3 draws of one seed"]
