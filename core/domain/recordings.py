"""What methods leave behind for the pages: every recorded array's meaning, unit and axes, in one schema; no torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

AS_PARAMETER = ("as the parameter",)  # the axes are those of the parameter that the array is named after


@dataclass(frozen=True)
class Recording:
    """One kind of array. `pattern`: its name, `*` for a parameter's, a block's or a class's; `axes`: what each axis counts."""

    pattern: str
    meaning: str
    unit: str
    axes: tuple[str, ...]

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether an array of this shape can be this."""
        return self.axes == AS_PARAMETER or len(shape) == len(self.axes)


RECORDINGS = (
    Recording("importance_forget/*", "Importance of each weight to the forget set", "squared or absolute gradient", AS_PARAMETER),
    Recording("dampening/*", "Factor that SSD multiplied each weight by; 1 where it was not selected", "share", AS_PARAMETER),
    Recording("ssd/alpha", "Selection threshold that was used", "ratio of importances", ()),
    Recording("step/*", "Change of each weight by SSSE's step", "weight", AS_PARAMETER),
    Recording("ssse/*/spectrum", "Eigenvalues of the block's Fisher, the largest first", "squared gradient", ("eigenvalue",)),
    Recording("ssse/*/damping", "What was added to the Fisher's diagonal", "squared gradient", ()),
    Recording("ssse/*/mean_gradient_norm", "Length of the training set's mean gradient: 0 at an optimum", "gradient", ()),
    Recording("ssse/*/cosine_with_ascent", "Cosine of the step with plain gradient ascent", "cosine", ()),
    Recording("ssse/*/predicted", "Change of loss that the block's gradient predicts", "nats", ("forget example",)),
    Recording("ssse/actual", "Change of loss that the step made", "nats", ("forget example",)),
    Recording("ssse/path", "Multiples of the step at which the loss was evaluated", "steps", ("point",)),
    Recording("ssse/path_loss", "Mean loss on the forget set along the step", "nats", ("point",)),
    Recording("aru/images", "First images of the forget set", "pixel in [0, 1]", ("image", "channel", "row", "column")),
    Recording("aru/noise", "What the attack added to them", "pixel", ("image", "channel", "row", "column")),
    Recording("aru/attack_loss", "Mean loss of the forget set before each step of the attack and after the last", "nats", ("step",)),
    Recording("aru/healing", "Accuracy after the reset and after each epoch of healing, on 500 images of each set at most", "share",
              ("epoch", "forget, retain")),
    Recording("aru_difference/*", "How differently image and noise push a kernel slice", "gradient", ("output channel", "input channel")),
    Recording("aru_mask/*", "1 where the kernel slice was reset", "yes or no", ("output channel", "input channel")),
    Recording("unsir_noise/*/frames", "Noise images as they grow, in normalised space", "standard deviations",
              ("moment", "image", "channel", "row", "column")),
    Recording("unsir_noise/*/curve", "Cross-entropy under the class's name, and mean squared length, before each step", "nats; squared",
              ("step", "loss, length")),
    Recording("unsir/retain", "Accuracy on 500 retained images at most: before, after impairing, after repairing", "share", ("stage",)),
    Recording("perturbation/trajectory", "Divergence from the target, relative distance, loss AUC of forget against retain, both mean "
              "losses", "nats; share; share; nats; nats", ("look", "JS, distance, AUC, forget loss, retain loss")),
    Recording("perturbation/moments", "Evaluations of the trajectory, counted from 0, at which the change of the weights was kept", "looks",
              ("moment",)),
    Recording("perturbation/sketch", "Change of the weights that move, in a random sketch that keeps inner products to about 1 %",
              "weight", ("moment", "bucket")),
    Recording("search/accuracies", "Search of settings: accuracy on its draws of both sets, before and after each trial, NaN if diverged",
              "share", ("trial", "forget, retain")),
    Recording("search/of_*", "Search of settings: the value that each trial took", "the setting's", ("trial",)),
    Recording("search/to_*", "Search of settings: the value that was chosen", "the setting's", ()),
    Recording("search/trials", "Search of settings: how many trials it made", "trials", ()),
    Recording("search/chosen", "Search of settings: which trial was chosen, from 0", "index", ()),
    Recording("search/met", "Search of settings: 1 where the chosen trial forgets enough and harms nothing, else the best compromise",
              "yes or no", ()),
    Recording("search/seconds", "Search of settings: what it cost, part of the method's seconds", "seconds", ()),
    Recording("salun_mask/*", "1 where the weight was allowed to move", "yes or no", AS_PARAMETER),
    Recording("l1_sparse/penalty", "Weight of the penalty on the weights' size", "nats a weight", ("epoch",)),
    Recording("l1_sparse/sizes", "Mean absolute weight, and share of the weights below 0.001, before and after each epoch", "weight; share",
              ("epoch", "mean, share")),
    Recording("delete/terms", "The two terms of the loss as they were trained on: forgetting, and keeping what is said of other classes",
              "nats", ("epoch", "forgetting, keeping")),
    Recording("boundary_shrink/images", "First images of the forget set", "pixel in [0, 1]", ("image", "channel", "row", "column")),
    Recording("boundary_shrink/attacked", "The same after the attack on the original", "pixel in [0, 1]",
              ("image", "channel", "row", "column")),
    Recording("boundary_shrink/labels", "Class that each forgotten image was to be taught", "class index", ("forget example",)),
    Recording("boundary_shrink/changed", "1 where the attack changed the original's answer to a class that stays", "yes or no",
              ("forget example",)),
    Recording("influence/first_order", "Length of the first-order step, before any curvature", "weight", ()),
    Recording("influence/step", "Length of the step at alpha = 1", "weight", ()),
    Recording("influence/cosine", "Cosine of the step with the first-order one", "cosine", ()),
    Recording("influence/residuals", "What conjugate gradients had left to solve, before each iteration and after the last", "share",
              ("iteration",)),
    Recording("convolution_transpose/changes", "Length of each layer's change by turning its kernels", "share of the weight's", ("layer",)),
    Recording("convolution_transpose/healing", "Accuracy after the turn and after each epoch of healing, on 500 retained images at most",
              "share", ("epoch",)),
    Recording("masked_small_gradients_mask/*", "1 where the weight was reset", "yes or no", AS_PARAMETER),
    Recording("masked_small_gradients/healing", "Accuracy after the reset and after each epoch of healing, on 500 images of each set at "
              "most", "share", ("epoch", "forget, retain")),
    Recording("sfron_mask/*", "1 where forget steps could move the weight", "yes or no", AS_PARAMETER),
    Recording("sfron/forget_loss", "Weighted loss of the batch before each forget step", "nats", ("step",)),
    Recording("sfron/retain_loss", "Mean loss of the batch before each retain step", "nats", ("step",)),
    Recording("sisa/redone", "1 where the stage of the shard was trained again", "yes or no", ("shard", "stage")),
    Recording("sisa/forgotten", "Forgotten images in the slice of the shard", "images", ("shard", "slice")),
    Recording("sisa/retained", "Images that stay in the slice of the shard", "images", ("shard", "slice")),
    Recording("sisa/passes", "Training passes over single images of each stage that was trained again", "passes", ("shard", "stage")),
    Recording("sisa/epochs", "Epochs of each stage of the recipe", "epochs", ("stage",)),
    Recording("sisa/seconds", "What each stage that was trained again took", "seconds", ("shard", "stage")),
    Recording("amun/images", "First images of the forget set", "pixel in [0, 1]", ("image", "channel", "row", "column")),
    Recording("amun/attacked", "The same where the attack on the original stopped", "pixel in [0, 1]",
              ("image", "channel", "row", "column")),
    Recording("amun/radius", "Radius that the attack ended with; 0 where the image was mistaken as it stands", "L2 of pixels in [0, 1]",
              ("forget example",)),
    Recording("amun/distance", "How far the attack moved the image", "L2 of pixels in [0, 1]", ("forget example",)),
    Recording("amun/answers", "What the original takes the attacked image for, and what it is learned as", "class index",
              ("forget example",)),
    Recording("amun/mistaken", "1 where that is not its label; others lend no attacked image", "yes or no", ("forget example",)),
    Recording("amnesiac/hit", "1 where a forgotten image was in the batch of a step of the original's training", "yes or no", ("step",)),
    Recording("amnesiac/lengths", "Length of the change by each such step, which was taken back", "weight", ("step that was hit",)),
    Recording("amnesiac/way_back", "How far taking them back leads from the original (0) to the network before training (1)", "share", ()),
    Recording("amnesiac/log_bytes", "What a log of those steps would have taken", "bytes", ()),
    Recording("amnesiac/healing", "Accuracy on 500 retained images at most: before, without those steps, after each epoch of healing",
              "share", ("moment",)),
    Recording("guided/stages", "Accuracy before, without the last layers, after warm-up, and after each ascent and each recovery, on 500 "
              "images of each set at most", "share", ("moment", "forget, retain")),
    Recording("guided/labels", "Class that each forgotten image was recovered under", "class index", ("forget example",)),
    Recording("scrub/healing", "Accuracy before and after each epoch, on 500 images of each set at most", "share",
              ("epoch", "forget, retain")),
)  # fmt: skip


CHOSEN = "search/to_"
STEP = "then."  # before the key of a chain's later method, whose recordings follow a slash: `then.finetune/search/trials`


def params_in_effect(params: Mapping[str, Any], recorded: Mapping[str, Any]) -> dict[str, Any]:
    """A run's parameters, with what a search of settings chose in place of what stands there without effect."""
    own, behind = by_step(recorded)
    chosen = {name.removeprefix(CHOSEN): value.item() for name, value in own.items() if name.startswith(CHOSEN)}
    for step, names in behind.items():
        chosen |= {f"{step}.{name.removeprefix(CHOSEN)}": value.item() for name, value in names.items() if name.startswith(CHOSEN)}
    return {**params, **chosen}


def by_step(recorded: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """A run's recordings: of its method, or of a chain's first one; and those of a chain's later ones, by method."""
    own, behind = dict[str, Any](), dict[str, dict[str, Any]]()
    for name, value in recorded.items():
        step, _, rest = name.removeprefix(STEP).partition("/")
        (behind.setdefault(step, {}) if name.startswith(STEP) else own)[rest if name.startswith(STEP) else name] = value
    return own, behind


def recording_of(name: str) -> Recording | None:
    """The schema's word on an array, None where it has none (another version of Forgetscope recorded it)."""
    name = name.partition("/")[2] if name.startswith(STEP) else name
    found = [recording for recording in RECORDINGS if fnmatchcase(name, recording.pattern)]
    return min(found, key=lambda recording: recording.pattern.count("*"), default=None)
