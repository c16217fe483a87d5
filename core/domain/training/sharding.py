"""What a recipe that trains by shards and slices (SISA) keeps and costs, in numbers; what of it is refused."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.domain.errors import WrongInput
from core.domain.formatting import percent
from core.domain.run import Recipe

MUCH = 0.8  # of full training: beyond, SISA is said to save little
MOST_STORED = 4 * 2**30  # bytes of the networks of one run


def check_sharding(recipe: Recipe, count: int) -> None:
    """Raises WrongInput where a stage would have no epoch, or a cell no image. count: training images."""
    if not all(recipe.stages):
        raise WrongInput(
            f"{recipe.slices} slices are {recipe.slices} stages of training, which {recipe.epochs} epochs are too few for; choose "
            f"{recipe.slices // 2 + 1} epochs or more, or fewer slices."
        )
    if recipe.shards * recipe.slices > count:
        raise WrongInput(
            f"{recipe.shards} shards of {recipe.slices} slices need {recipe.shards * recipe.slices} training images, and there are {count}."
        )


def stored_bytes(recipe: Recipe, each: int) -> int:
    """Of the networks that are kept to begin with: one for each stage of each shard. each: bytes of one."""
    return recipe.shards * recipe.slices * each


def check_stored(recipe: Recipe, each: int) -> None:
    """Raises WrongInput where they are more than MOST_STORED."""
    if (need := stored_bytes(recipe, each)) > MOST_STORED:
        raise WrongInput(
            f"{recipe.shards} shards of {recipe.slices} slices keep {recipe.shards * recipe.slices} networks, {need / 1e9:.1f} GB; "
            f"{MOST_STORED / 1e9:.1f} GB is the most, so choose fewer or a smaller network."
        )


def share_of_one(shards: int, slices: int) -> float:
    """Of full training that forgetting one image takes, on average over images: (2R + 1) / 3RS, for slices and stages that are alike."""
    return (2 * slices + 1) / (3 * slices * shards)


def share_of_many(shards: int, count: int) -> float:
    """Of the shards that a request for so many images hits, on average over images drawn at random: 1 - (1 - 1/S)^K."""
    return 1 - (1 - 1 / shards) ** count


def expected_share(recipe: Recipe, count: int) -> float:
    """Of full training that forgetting so many images takes, on average over images drawn at random.

    Stage r of a shard, which r/RS of the images are in, is done again unless it saw none of them. One slice gives `share_of_many`.
    """
    found = 0.0
    for stage, epochs in enumerate(recipe.stages, 1):
        found += epochs * stage * (1 - (1 - stage / (recipe.slices * recipe.shards)) ** count)
    return found / (recipe.slices * recipe.passes)


def note_on(recipe: Recipe, count: int, by_class: bool) -> str:
    """What whoever asks SISA to forget so many images must be told; '' for nothing. by_class: whether they are all of a class."""
    share = expected_share(recipe, count)
    if share < MUCH:
        return ""
    why = "a class has images in every shard" if by_class else f"{count:,} images lie in nearly every shard"
    return f"SISA saves little here: {why}, so that about {percent(share)} of training is done again."


@dataclass(frozen=True)
class ShardedRun:
    """Of originals of one seed. accuracy: on test images; cost: of SISA's request, as a share of training the reference, None: not run."""

    shards: int
    slices: int
    seed: int
    accuracy: float
    cost: float | None = None


def price(runs: Sequence[ShardedRun], shards: int, slices: int) -> float | None:
    """How much less accurate originals by these shards and slices are than those trained as a whole, on average over seeds of both."""
    ours, one = ([run.accuracy for run in runs if (run.shards, run.slices) == cell] for cell in ((shards, slices), (1, 1)))
    return sum(one) / len(one) - sum(ours) / len(ours) if ours and one else None
