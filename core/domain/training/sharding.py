"""What a recipe that trains by shards and slices (SISA) keeps and costs, in numbers; what of it is refused."""

from core.domain.errors import WrongInput
from core.domain.run import Recipe

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
    """Of full training that forgetting one image takes, on average over images: (2R + 1) / 3RS."""
    return (2 * slices + 1) / (3 * slices * shards)


def share_of_many(shards: int, count: int) -> float:
    """Of the shards that a request for so many images hits, on average over images drawn at random: 1 - (1 - 1/S)^K."""
    return 1 - (1 - 1 / shards) ** count
