"""What of a recipe's validation share and early stopping is refused."""

from core.domain.errors import WrongInput
from core.domain.info import DatasetInfo
from core.domain.requests.base import ForgetRequest
from core.domain.requests.published import NamedSet
from core.domain.requests.samples import SamplesRequest
from core.domain.run import Recipe


def check_validation(recipe: Recipe, info: DatasetInfo, request: ForgetRequest, brought: bool) -> None:
    """Raises WrongInput where a recipe's validation share and patience are at odds with each other, with the rest of it, with the data or
    with what is to be forgotten.

    brought: whether the original's weights come from elsewhere.
    """
    if not recipe.validation:
        if recipe.patience:
            raise WrongInput(
                f"patience={recipe.patience} ends training by the loss on held-out images, and none are held out; set validation too, to "
                "0.1, say, or leave patience out."
            )
        return
    if recipe.sharded:
        raise WrongInput("A validation share is for networks that are trained as a whole; leave out validation, or shards and slices.")
    if brought:
        raise WrongInput(
            "Weights of your own may have been trained on any training image, so that none can be held out of them; leave out validation."
        )
    if info.trained_on(recipe.validation).train_count == info.train_count:
        raise WrongInput(f"validation={recipe.validation:g} holds out none of the training images of {info.key}; take a larger share.")
    left = info.trained_on(recipe.validation)
    if isinstance(request, NamedSet) and isinstance(request, SamplesRequest):
        raise WrongInput(f"{request.text} names its images one by one, and a share would hold some of them out; leave validation out.")
    if request.drawn and request.count(info) >= left.train_count:
        raise WrongInput(
            f"The request would forget everything: validation={recipe.validation:g} leaves {left.train_count} training images, and "
            f"{request.count(info)} are to be forgotten."
        )
