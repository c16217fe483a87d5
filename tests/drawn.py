"""What a planted run stores, drawn by numpy: three networks' answers and all that follows from them. No torch.

Accuracies are those of the answers, divergences those of the probabilities; what would need a network (curves of relearning,
probes, grafts, CKA, weights) is drawn to fit.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.domain.run import RunSpec

CLASSES = 10
TRAIN_COUNTS = (150, 145, 147, 147, 142, 144, 147, 137, 136, 142)  # of the digits
TEST_PER_CLASS = 36
SHOWN = {"forget": 1000, "retain": 1000, "test": 2000}  # at most so many rows in `examples`
GROUPS = ("conv1", "conv2", "hidden", "classifier")
SHAPES = {
    "conv1.weight": (16, 1, 3, 3), "conv1.bias": (16,), "norm1.weight": (16,), "norm1.bias": (16,),
    "conv2.weight": (32, 16, 3, 3), "conv2.bias": (32,), "norm2.weight": (32,), "norm2.bias": (32,),
    "hidden.weight": (64, 512), "hidden.bias": (64,), "classifier.weight": (10, 64), "classifier.bias": (10,),
}  # fmt: skip
BUFFERS = {
    "normalise.mean": np.full((1, 1, 1), 0.305, np.float32), "normalise.deviation": np.full((1, 1, 1), 0.376, np.float32),
    "norm1.running_mean": np.zeros(16, np.float32), "norm1.running_var": np.ones(16, np.float32),
    "norm1.num_batches_tracked": np.array(100), "norm2.running_mean": np.zeros(32, np.float32),
    "norm2.running_var": np.ones(32, np.float32), "norm2.num_batches_tracked": np.array(100),
}  # fmt: skip
TO_REFERENCE = (  # measured on original and unlearned alone, and only where there is a reference
    "js_to_reference", "js_to_reference_test",
    "activation_distance", "average_gap", "tow", "tow_attack",
    "parameter_distance_to_reference", "cka_forget_to_reference", "cka_retain_to_reference", "worst_case_min", "worst_case_max",
)  # fmt: skip


@dataclass(frozen=True)
class Behaviour:
    """What a method does to the network.

    forgotten: how far the forget set went from the original's answers (0) to the reference's (1); above 1 it is driven
    beyond. damage: what the kept examples lose of their margin (0 nothing, 3 some, 8 most). worst: a class that loses
    6 more than the others. touched: share of weights changed. size: length of the change over that of the weights.
    """

    forgotten: float = 1.0
    damage: float = 0.3
    worst: int | None = None
    touched: float = 1.0
    size: float = 0.2
    seconds: float = 0.3


BEHAVIOUR = {  # good ones, middling ones, bad ones
    "ssd": Behaviour(1.0, 0.4, touched=0.04, size=0.12, seconds=0.08),
    "ssse": Behaviour(0.95, 0.8, touched=1.0, size=0.1, seconds=0.15),
    "aru": Behaviour(0.97, 0.5, touched=1.0, size=0.6, seconds=0.9),
    "unsir": Behaviour(0.9, 1.0, size=0.35, seconds=0.7),
    "weight_perturbation": Behaviour(0.85, 1.2, touched=0.3, size=0.08, seconds=1.6),
    "salun": Behaviour(1.05, 0.5, touched=0.5, size=0.25, seconds=1.1),
    "scrub": Behaviour(0.98, 0.3, size=0.2, seconds=1.2),
    "neggrad_plus": Behaviour(1.2, 1.5, size=0.4, seconds=1.0),
    "bad_teacher": Behaviour(0.6, 0.8, size=0.05, seconds=0.3),
    "random_label": Behaviour(1.1, 1.1, size=0.15, seconds=0.4),
    "fisher_forgetting": Behaviour(0.5, 2.0, size=0.5, seconds=0.5),
    "gradient_ascent": Behaviour(1.6, 4.0, size=0.3, seconds=0.05),
    "finetune": Behaviour(0.25, 0.1, size=0.1, seconds=1.1),
    "retrain": Behaviour(1.0, 0.0, size=1.3, seconds=3.1),
    "original": Behaviour(0.0, 0.0, touched=0.0, size=0.0, seconds=0.001),
}


class Drawn:
    """One run's networks, as far as anybody looks at them."""

    def __init__(self, made: RunSpec, seed: int, behaviour: Behaviour) -> None:
        self.spec, self.behaviour = made, behaviour
        self.draw = np.random.default_rng([seed, *made.method.encode()])  # a run's own chance
        self.first = np.random.default_rng([made.seed])  # the original's, which all runs of a seed share
        self.shared = np.random.default_rng([made.seed, *made.request.text.encode()])  # the reference's, of one request
        self.models = ("original", "unlearned", "reference") if made.reference else ("original", "unlearned")
        self._label()
        self.probabilities = self._answer()  # model -> (1797, 10), training rows first
        self.weights, self.touched = self._weigh()
        self.curves = self._relearn()
        self.similar = self._similarity()

    # What is there.

    def _label(self) -> None:
        self.train_labels = np.random.default_rng(1).permutation(np.repeat(np.arange(CLASSES), TRAIN_COUNTS))
        self.test_labels = np.tile(np.arange(CLASSES), TEST_PER_CLASS)
        self.labels = np.concatenate([self.train_labels, self.test_labels])
        self.on_test = np.arange(len(self.labels)) >= len(self.train_labels)
        request, n = self.spec.request, len(self.train_labels)
        gone = np.zeros(len(self.labels), bool)
        if request.by_class:
            gone = np.isin(self.labels, request.picks)
        elif request.kind == "samples":
            gone[list(request.picks)] = True
        else:
            gone[np.random.default_rng(request.seed).choice(n, int(request.amount) or round(request.amount * n), replace=False)] = True
        self.gone = gone  # in the test set too, for class requests

    def _answer(self) -> dict[str, np.ndarray]:
        likeness = np.random.default_rng(2).normal(0, 1.5, (CLASSES, CLASSES))  # of one class to others
        np.fill_diagonal(likeness, 0)
        rows = np.arange(len(self.labels))
        hard = self.first.gamma(2.0, 1.6, len(rows))  # each example's own difficulty
        learned = np.where(self.on_test, 12.0, 13.5)  # margins of a network that saw the class

        def network(margin: np.ndarray, chance: np.random.Generator) -> np.ndarray:
            logits = likeness[self.labels] + chance.normal(0, 0.7, (len(rows), CLASSES))
            logits[rows, self.labels] += margin
            odds = np.exp(logits - logits.max(1, keepdims=True))
            return np.asarray(odds / odds.sum(1, keepdims=True), np.float32)

        before = learned - hard
        unseen = np.full(len(rows), -4.0) if self.spec.request.by_class else 12.0 - hard
        after = np.where(self.gone, unseen, before)
        b = self.behaviour
        loss = np.full(len(rows), b.damage) + 6.0 * (self.labels == (-1 if b.worst is None else b.worst))
        margins = {
            "original": before,
            "unlearned": np.where(self.gone, before + b.forgotten * (after - before), before - loss),
            "reference": after,
        }
        chances = {"original": self.first, "unlearned": self.draw, "reference": self.shared}
        found = {model: network(margins[model], chances[model]) for model in self.models}
        if b == BEHAVIOUR["original"]:
            found["unlearned"] = found["original"]
        return found

    def _weigh(self) -> tuple[dict[str, dict[str, np.ndarray]], dict[str, np.ndarray]]:
        sizes = {name: int(np.prod(shape)) for name, shape in SHAPES.items()}
        ends = np.cumsum(list(sizes.values()))
        total = int(ends[-1])
        original = self.first.normal(0, 0.1, total).astype(np.float32)
        reference = self.shared.normal(0, 0.1, total).astype(np.float32)
        wanted = self.shared.normal(0, 1, total) + self.draw.normal(0, 0.8, total)  # which weights this method goes for
        changed = np.zeros(total, bool)
        changed[np.argsort(wanted)[total - round(self.behaviour.touched * total) :]] = True
        step = np.where(changed, self.draw.normal(0, 1, total) * np.exp(wanted), 0)
        length = np.linalg.norm(step)
        if length:
            step *= self.behaviour.size * np.linalg.norm(original) / length
        most = np.zeros(total, bool)
        most[np.argsort(np.abs(step))[total - total // 10 :]] = True
        flat = {"original": original, "unlearned": (original + step).astype(np.float32), "reference": reference}
        cut = lambda values: dict(zip(SHAPES, np.split(values, ends[:-1]), strict=True))  # noqa: E731  # short
        weights = {
            model: {name: part.reshape(SHAPES[name]) for name, part in cut(flat[model]).items()} for model in self.models
        }
        return weights, {name: np.packbits(part) for name, part in cut(most & changed & (step != 0)).items()}

    def _relearn(self) -> dict[str, list[float]]:
        """Accuracy on the forget set after each step, up to the target (95 % of the original's) or 40 steps."""
        own = self.spec.request.by_class
        start = {model: self._accuracy(model, self.gone & ~self.on_test) for model in self.models}
        pace = {"original": 1.0, "reference": 12.0 if own else 3.0}
        pace["unlearned"] = max(1.0, pace["reference"] * (0.35 + 0.6 * self.behaviour.forgotten) * self.draw.uniform(0.85, 1.15))
        self.target = 0.95 * start["original"]
        curves = {}
        for model in self.models:
            steps = [start[model]]
            while steps[-1] < self.target and len(steps) <= 40:
                gained = 1 - np.exp(-3.2 * len(steps) / pace[model])
                steps.append(float(start[model] + (1 - start[model]) * gained))
            curves[model] = steps
        return curves

    def _similarity(self) -> pd.DataFrame:
        rows = []
        pairs = (("unlearned", "original"), ("unlearned", "reference"), ("reference", "original"))
        away = {"unlearned": min(1.0, self.behaviour.size + 0.1 * self.behaviour.damage), "reference": 0.6}
        for place, layer in enumerate(GROUPS):
            for where, weight in (("forget", 0.22), ("retain", 0.08)):
                for model, other in pairs:
                    if model in self.models and other in self.models:
                        apart = away[model] if other == "original" else 0.5 + 0.3 * abs(1 - self.behaviour.forgotten)
                        chance = self.draw if model == "unlearned" else self.shared
                        value = 1 - weight * apart * (1 + place) * chance.uniform(0.9, 1.1)
                        rows.append((layer, where, model, other, float(np.clip(value, 0, 1))))
        return pd.DataFrame(rows, columns=["layer", "set", "model", "other", "cka"])

    # What a run stores of it.

    def tables(self) -> dict[str, pd.DataFrame]:
        """Name -> table, as the pipeline stores them."""
        return {
            "per_class": self._per_class(), "confusion": self._confusion(), "layers": self._layers(),
            "examples": self._examples(), "cka": self.similar, "relearn": self._curves(), "probes": self._probes(),
            "graft": self._graft(),
        }  # fmt: skip

    def arrays(self) -> dict[str, dict[str, np.ndarray]]:
        """Name -> arrays, as the pipeline stores them."""
        rows = self._looked_at()
        stored: dict[str, dict[str, np.ndarray]] = {
            "answers": {model: answers[rows] for model, answers in self.probabilities.items()},
            "touched": self.touched,
        }
        return stored | {model: weights | BUFFERS for model, weights in self.weights.items()}

    def seconds(self) -> dict[str, float]:
        """Stage -> seconds."""
        spent = self.behaviour.seconds * float(self.draw.uniform(0.9, 1.2))
        first = self.spec.method == "ssd"
        return {"train": 3.2 if first else 0.0, "reference": 2.9, "precompute": 0.4 if first else 0.0, "unlearn": spent,
                "evaluate": 0.9}  # fmt: skip

    def numbers(self) -> dict[str, float | None]:
        """`model/metric` -> value, in the catalogue's order."""
        by_model = {model: self._numbers(model) for model in self.models}
        return {f"{model}/{key}": by_model[model][key] for key in KEYS for model in self.models if key in by_model[model]}

    def _split(self, name: str) -> np.ndarray:
        """bool (1797,)."""
        here = self.on_test if name.startswith("test") else ~self.on_test
        return here & {"forget": self.gone, "retain": ~self.gone}.get(name.rpartition("_")[2], True)

    def _accuracy(self, model: str, here: np.ndarray) -> float:
        return float((self.probabilities[model][here].argmax(1) == self.labels[here]).mean())

    def _losses(self, model: str) -> np.ndarray:
        return np.asarray(-np.log(np.maximum(self.probabilities[model][np.arange(len(self.labels)), self.labels], 1e-12)))

    def _attack(self, model: str) -> float:
        """Share of right guesses of a threshold on the loss, half way between the two sides' medians; balanced."""
        losses = self._losses(model)
        sides = [losses[self._split("forget")], losses[self._split("test_forget" if self.spec.request.by_class else "test")]]
        threshold = (np.median(sides[0]) + np.median(sides[1])) / 2
        right = ((sides[0] < threshold).mean() + (sides[1] >= threshold).mean()) / 2
        return float(right)

    def _auc(self, model: str) -> float:
        """Chance that a forgotten image has a lower loss than an unseen one."""
        losses = self._losses(model)
        forget, unseen = losses[self._split("forget")], losses[self._split("test_forget" if self.spec.request.by_class else "test")]
        below = np.searchsorted(np.sort(unseen), forget, side="right")
        return float(1 - below.mean() / len(unseen))

    def _members(self, model: str) -> float:
        """Share of the forget set that the attack by entropy calls members."""
        gone = {"original": 0.0, "reference": 1.0, "unlearned": self.behaviour.forgotten}[model]
        return float(np.clip(0.95 - 0.9 * min(1.0, gone) * self.spec.request.by_class - 0.02 * gone, 0, 1))

    def _numbers(self, model: str) -> dict[str, float | None]:  # one line a metric
        p, forget = self.probabilities[model], self._split("forget")
        by_class, attack = self.spec.request.by_class, self._attack(model)
        accuracy = {
            split: self._accuracy(model, self._split(split)) if self._split(split).any() else None
            for split in ("test_forget", "test_retain", "train_forget", "train_retain")
        }
        steps = len(self.curves[model]) - 1
        leak = max(0.0, attack - 0.5)
        found: dict[str, float | None] = {f"{split}_accuracy": value for split, value in accuracy.items()}
        found["truth_accuracy"] = None  # no label was flipped
        found |= self._to_reference(model) if model != "reference" else {}
        found["attack_loss_accuracy"] = attack
        found["nomus"] = (accuracy["test_retain"] or 0) / 2 + (1 - 2 * abs(attack - 0.5)) / 2
        if model != "original":
            moved, size = (self._length(model, other) for other in ("original", None))
            found["parameter_distance"] = moved / size
        found["forget_entropy"] = float(-(p[forget] * np.log(np.maximum(p[forget], 1e-12))).sum(1).mean())
        found["zrf"] = 1 - float(jensen_shannon(p[forget], np.full((1, CLASSES), 1 / CLASSES)).mean())
        found["relearn_steps"] = float(steps)
        if self.spec.reference:
            found["anamnesis_index"] = steps / max(1, len(self.curves["reference"]) - 1)
        gone = {"original": 0.0, "reference": 1.0, "unlearned": self.behaviour.forgotten}[model]
        found["probe_accuracy"] = float(np.clip(0.99 - 0.2 * gone, 0.5, 1)) if by_class else None
        found["graft_forget_accuracy"] = float(np.clip(0.97 - 0.9 * gone * by_class, 0, 1))
        if model == "unlearned":
            likeness = float(np.clip(self.behaviour.forgotten, 0, 1))
            found["similarity_ratio"] = likeness if by_class and self.spec.reference else None
        found["attack_auc"] = self._auc(model)
        found["attack_entropy_members"] = self._members(model)
        found["attack_tpr_at_10"] = 0.1 + 1.2 * leak
        found["attack_tpr_at_1"] = None if by_class else 0.01 + 0.5 * leak
        return found

    def _to_reference(self, model: str) -> dict[str, float | None]:
        if not self.spec.reference:
            return dict.fromkeys(TO_REFERENCE)
        p, q, forget = self.probabilities[model], self.probabilities["reference"], self._split("forget")
        gaps = {
            split: self._accuracy(model, self._split(split)) - self._accuracy("reference", self._split(split))
            for split in ("train_forget", "train_retain", "test_retain")
        }
        attack = self._members(model) - self._members("reference")
        apart = abs(self._auc(model) - self._auc("reference"))
        factor = {name: 1 - abs(gap) for name, gap in [*gaps.items(), ("attack", attack)]}
        kept = factor["train_retain"] * factor["test_retain"]
        cka = self.similar[(self.similar["layer"] == "hidden") & (self.similar["other"] == "reference")].set_index("set")["cka"]
        return {
            "js_to_reference": float(jensen_shannon(p[forget], q[forget]).mean()),
            "js_to_reference_test": float(jensen_shannon(p[self.on_test], q[self.on_test]).mean()),
            "activation_distance": float(np.linalg.norm(p[forget] - q[forget], axis=1).mean()),
            "average_gap": float(np.mean(np.abs([*gaps.values(), attack]))),
            "tow": kept * factor["train_forget"],
            "tow_attack": kept * factor["attack"],
            "parameter_distance_to_reference": self._length(model, "reference") / self._length("reference", None),
            "cka_forget_to_reference": float(cka["forget"]),
            "cka_retain_to_reference": float(cka["retain"]),
            "worst_case_min": 1 - min(0.9, apart),
            "worst_case_max": 1 - min(0.95, 1.5 * apart),
        }

    def _length(self, model: str, other: str | None) -> float:
        """Of the model's weights, or of what parts them from another's; `original` counts where none is named."""
        ours = self.weights["original" if other is None and model != "reference" else model]
        theirs = self.weights[other] if other else dict.fromkeys(SHAPES, np.float32(0))
        return float(sum(float(np.square(ours[name] - theirs[name]).sum()) for name in SHAPES) ** 0.5)

    # Tables.

    def _per_class(self) -> pd.DataFrame:
        rows = []
        for split, here in (("train", ~self.on_test), ("test", self.on_test)):
            for model, p in self.probabilities.items():
                right, labels = p[here].argmax(1) == self.labels[here], self.labels[here]
                counts = np.bincount(labels, minlength=CLASSES)
                hits = np.bincount(labels, right, CLASSES)
                rows += [(split, model, c, hits[c] / counts[c], int(counts[c])) for c in range(CLASSES)]
        return pd.DataFrame(rows, columns=["split", "model", "class", "accuracy", "count"])

    def _confusion(self) -> pd.DataFrame:
        parts = []
        for model, p in self.probabilities.items():
            for split, here in (("train", ~self.on_test), ("test", self.on_test), ("forget", self._split("forget"))):
                cell = self.labels[here] * CLASSES + p[here].argmax(1)
                cells, place = np.unique(cell, return_inverse=True)  # a cell without an image has no row
                count = np.bincount(place)
                confidence = np.bincount(place, p[here].max(1)) / count
                true, predicted = np.divmod(cells, CLASSES)
                parts.append(
                    pd.DataFrame({"split": split, "model": model, "true": true, "predicted": predicted, "count": count,
                                  "confidence": confidence})
                )  # fmt: skip
        return pd.concat(parts, ignore_index=True)

    def _layers(self) -> pd.DataFrame:
        rows = []
        for name, theta in self.weights["original"].items():
            size = float(np.linalg.norm(theta))
            theirs = self.weights["reference"][name] if self.spec.reference else np.float32(np.nan)
            ours = self.weights["unlearned"][name]
            rows.append((name, theta.size, float((ours != theta).mean()), float(np.linalg.norm(ours - theta)) / size,
                         float(np.linalg.norm(theirs - theta)) / size))  # fmt: skip
        return pd.DataFrame(rows, columns=["layer", "weights", "changed", "distance", "reference_distance"])

    def _looked_at(self) -> np.ndarray:
        """Rows of `examples`: forget, retain, then test."""
        forget, retain = (np.flatnonzero(self._split(name)) for name in ("forget", "retain"))
        chosen = np.random.default_rng(3).permutation(retain)[: SHOWN["retain"]]
        return np.concatenate([forget[: SHOWN["forget"]], np.sort(chosen), np.flatnonzero(self.on_test)[: SHOWN["test"]]])

    def _examples(self) -> pd.DataFrame:
        rows = self._looked_at()
        test, gone = self.on_test[rows], self.gone[rows]
        names = np.where(test, np.where(gone, "test_forget", "test_retain"), np.where(gone, "forget", "retain"))
        table = {"set": names, "index": np.where(test, rows - len(self.train_labels), rows), "label": self.labels[rows]}
        for model, answers in self.probabilities.items():
            p = answers[rows].astype(float)
            right = np.clip(p[np.arange(len(rows)), self.labels[rows]], 1e-12, 1 - 1e-12)
            table |= {
                f"{model}_loss": -np.log(right).astype(np.float32),
                f"{model}_entropy": -(p * np.log(np.maximum(p, 1e-12))).sum(1).astype(np.float32),
                f"{model}_confidence": np.log(right / (1 - right)).astype(np.float32),
                f"{model}_answer": p.argmax(1),
            }
        return pd.DataFrame(table)

    def _curves(self) -> pd.DataFrame:
        rows = [(model, step, value, self.target, 0) for model, curve in self.curves.items() for step, value in enumerate(curve)]
        return pd.DataFrame(rows, columns=["model", "step", "accuracy", "target", "limit"])

    def _probes(self) -> pd.DataFrame:
        rows = []
        if self.spec.request.by_class:
            gone = {"original": 0.0, "unlearned": self.behaviour.forgotten, "reference": 1.0}
            for model in self.models:
                for place, layer in enumerate(GROUPS):
                    value = 0.78 + 0.1 * place - 0.08 * gone[model] * place + 0.01 * self.draw.normal()
                    rows.append((model, layer, float(np.clip(value, 0.5, 1))))
        return pd.DataFrame(rows, columns=["model", "layer", "accuracy"]).astype(
            {"model": str, "layer": str, "accuracy": float}
        )

    def _graft(self) -> pd.DataFrame:
        """k groups of one network under the rest of the other: accuracies slide from one network's to the other's."""
        rows = []
        test = self.spec.request.by_class
        forget, retain = ("test_forget", "test_retain") if test else ("forget", "test_retain")
        for model in self.models[1:]:
            for direction in ("model_below", "original_below"):
                below, above = (model, "original") if direction == "model_below" else ("original", model)
                for k in range(len(GROUPS) + 1):
                    part = (k / len(GROUPS)) ** 2
                    mixed = [
                        (1 - part) * self._accuracy(above, self._split(s)) + part * self._accuracy(below, self._split(s))
                        for s in (forget, retain)
                    ]
                    if model == "reference" and 0 < k < len(GROUPS):
                        mixed = [0.1, 0.15]  # a stranger's body fits no head
                    rows.append((model, direction, k, GROUPS[k - 1] if k else "", *mixed))
        return pd.DataFrame(rows, columns=["model", "direction", "k", "layer", "forget", "retain"])


KEYS = (
    "test_forget_accuracy", "test_retain_accuracy", "train_forget_accuracy", "train_retain_accuracy", "truth_accuracy",
    "js_to_reference", "js_to_reference_test",
    "activation_distance", "average_gap", "tow", "tow_attack", "attack_loss_accuracy", "attack_auc",
    "nomus", "attack_entropy_members", "attack_tpr_at_10", "attack_tpr_at_1", "worst_case_min", "worst_case_max",
    "parameter_distance",
    "parameter_distance_to_reference", "forget_entropy", "zrf", "cka_forget_to_reference", "cka_retain_to_reference",
    "relearn_steps", "anamnesis_index", "probe_accuracy", "graft_forget_accuracy", "similarity_ratio",
)  # fmt: skip


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """(N,) nats, of probabilities (N, C) or (1, C)."""
    p, q = np.broadcast_arrays(np.maximum(p.astype(float), 1e-12), np.maximum(q.astype(float), 1e-12))
    middle = (p + q) / 2
    return np.asarray((p * np.log(p / middle) + q * np.log(q / middle)).sum(1) / 2)
