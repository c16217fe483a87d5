"""The parts of a training recipe that a user may set: their bounds, their check, and how they are written."""

from collections.abc import Mapping
from typing import Any

from core.domain.errors import WrongInput
from core.domain.hyperparameters import Param, Value
from core.domain.json_checks import said_of

MOST_RANKS = 8
RECIPE = (
    Param("epochs", 20, 1, 1000, whole=True, help="Passes over the training images."),
    Param("optimiser", "sgd", choices=("sgd", "adamw"),
          help="sgd: with Nesterov momentum. adamw: its weight decay is no part of the loss."),
    Param("learning_rate", 0.05, 1e-7, 10.0, help="The highest of a one-cycle schedule."),
    Param("schedule", "one_cycle", choices=("one_cycle", "constant"), help="one_cycle: the rate rises, then falls to nearly nothing."),
    Param("momentum", 0.9, 0.0, 0.999, when=("optimiser", "sgd"), help="Of SGD."),
    Param("weight_decay", 5e-4, 0.0, 1.0, help="What pulls weights towards 0."),
    Param("batch_size", 64, 2, 16384, whole=True, help="Images of a step."),
    Param("augment", "none", choices=("none", "flip", "move", "crop"),
          help="flip: mirrored half the time. move: by up to an eighth. crop: both."),
    Param("precision", "auto", choices=("auto", "float32", "bfloat16"),
          help="Of the forward pass; weights stay float32. auto: bfloat16 on a GPU, float32 elsewhere."),
    Param("validation", 0.0, 0.0, 0.5,
          help="Share of the training images of each class that is held out: no network is trained on it; it has curves of its own."),
    Param("patience", 0, 0, 1000, whole=True,
          help="Early stopping: epochs without a lower validation loss that end training; the best epoch's weights are kept. 0: never."),
    Param("shards", 1, 1, 20, whole=True, help="SISA: networks, each trained on its own share of the images; they answer together."),
    Param("slices", 1, 1, 10, whole=True, help="SISA: parts of a shard; each network is trained in as many stages, which are kept."),
    Param("ranks", 1, 1, MOST_RANKS, whole=True,
          help="Processes that share each batch of the original's and the reference's training, each with cores or a GPU to itself."),
)  # fmt: skip
PARTS = {part.name: part for part in RECIPE}
SAID = ("epochs=30", "learning_rate=0.05")  # an example
LOG = "log of the original's training"  # what a method `keeps` that cannot be had of weights that were trained elsewhere


def parsed_recipe(asked: Mapping[str, Any]) -> dict[str, Value]:
    """The values in their own types. Raises WrongInput with what was wanted."""
    for name in asked:
        if name not in PARTS:
            raise WrongInput(f"A training recipe has no part {name!r:.60}; its parts are: {', '.join(PARTS)}.")
    return {name: PARTS[name].parse(value) for name, value in asked.items()}


def check_recipe(stored: Mapping[str, Any]) -> None:
    """Raises WrongInput, without a full stop, where what is stored of a run's recipe is none."""
    for name, value in stored.items():
        try:
            fits = type(value) in (str, int, float) and type(found := parsed_recipe({name: value})[name]) is type(value) and found == value
        except WrongInput as wrong:
            raise WrongInput(f"in recipe, {str(wrong).removesuffix('.')}") from None
        if not fits:
            raise WrongInput(f"in recipe, {name} should be {PARTS[name].wanted}, but is {said_of(value)}")
