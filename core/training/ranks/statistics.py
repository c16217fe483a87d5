"""A statistic of the training set: by one process, or the exact Fisher by all ranks of the recipe."""

from torch import Tensor, nn

from core.training.context import RunContext
from core.training.precomputed import ImportanceStatistic, Statistic
from core.training.ranks.crew import over_ranks
from core.training.ranks.work import FISHER, fisher_over
from core.training.run_setup import RunSetup


def computed(setup: RunSetup, statistic: Statistic, model: nn.Module, run: RunContext) -> dict[str, Tensor]:
    """As `statistic.compute` of the training set. model: the original, in eval mode on the run's device."""
    exact = isinstance(statistic, ImportanceStatistic) and statistic.estimator == "per_sample"
    if setup.recipe.ranks == 1 or not exact:
        return statistic.compute(model, setup.splits.trained, run)
    with over_ranks(setup.task(FISHER, run.seed), setup.root, setup.splits.trained, weights=model) as ranks:
        return fisher_over(ranks, model, setup.splits.trained.to(setup.device), lambda share: run.progress(share, "Fisher importance"))
