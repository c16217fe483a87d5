"""What of a recipe's ranks, the processes that share each batch, is refused."""

from core.domain.errors import WrongInput
from core.domain.info import MethodInfo
from core.domain.run import Recipe
from core.domain.training.recipes import LOG


def check_ranks(recipe: Recipe, method: MethodInfo, device: str, gpus: int) -> None:
    """Raises WrongInput where a recipe's ranks are at odds with the rest of it, with the method, or with what there is to compute with.

    device: as a RunSpec has it; gpus: how many there are here.
    """
    if recipe.ranks == 1:
        return
    if recipe.sharded:
        raise WrongInput("Networks of shards and slices are trained one by one, by one process: leave out ranks, or shards and slices.")
    if recipe.batch_size < recipe.ranks:
        raise WrongInput(f"{recipe.ranks} ranks cannot share a batch of {recipe.batch_size} images; choose a larger batch or fewer ranks.")
    if LOG in method.keeps:
        raise WrongInput(f"{method.title} goes through the whole training again to the last bit, as one process does; leave out ranks.")
    if gpus and device != "cpu":
        check_room(recipe.ranks, device, gpus)


def check_room(ranks: int, device: str, gpus: int) -> None:
    """Raises WrongInput where each rank cannot have a GPU of its own. device: cuda, cuda:N, or '' for the best there is."""
    if ":" in device:
        raise WrongInput(f"ranks={ranks} needs a GPU for each rank, and FORGETSCOPE_DEVICE={device} names one; set it to cuda or cpu.")
    if gpus < ranks:
        raise WrongInput(
            f"ranks={ranks} needs a GPU for each rank, and there {'is' if gpus == 1 else 'are'} {gpus} here; choose fewer ranks, or "
            "FORGETSCOPE_DEVICE=cpu."
        )
