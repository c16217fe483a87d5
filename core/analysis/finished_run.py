"""A finished run's networks and data, loaded for analyses; read-only."""

from dataclasses import dataclass, field
from functools import lru_cache

from torch import Tensor, nn

from core.data.dataset import Dataset
from core.data.registry import load_dataset
from core.data.splits import Splits
from core.domain.errors import WrongInput
from core.domain.run import MODELS as THREE
from core.domain.run import RunStatus
from core.domain.training.own_recipe import recipe_for
from core.models.ensemble import builder_of
from core.storage.artifacts import Artifacts
from core.storage.home import Home
from core.storage.record_types import Run
from core.storage.runs import ResultStore
from core.training.cache import to_tensors
from core.training.run_setup import splits_of


@dataclass(frozen=True, eq=False)
class FinishedRun:
    """files: the run's artifacts, name -> file. weights: model -> name -> tensor, on the CPU, of the models that are stored."""

    run: Run
    home: Home
    files: dict[str, str]
    data: Dataset
    splits: Splits
    weights: dict[str, dict[str, Tensor]]
    _models: dict[str, nn.Module] = field(default_factory=dict)

    def model(self, name: str) -> nn.Module:
        """"original", "unlearned" or "reference", in eval mode on the CPU: always the same object, not to be changed.

        Raises WrongInput where the run has no such model.
        """
        if name not in self.weights:
            raise WrongInput(f"Run {self.run.id} has no {name} model; it has {', '.join(self.weights) or 'none'}.")
        if name not in self._models:
            model = self.fresh()
            model.load_state_dict(self.weights[name])
            self._models[name] = model.eval()
        return self._models[name]

    @property
    def models(self) -> tuple[str, ...]:
        """The stored ones, in the order original, unlearned, reference."""
        return tuple(name for name in THREE if name in self.weights)

    def fresh(self) -> nn.Module:
        """A new network of this architecture, untrained."""
        return builder_of(self.run.spec.model, recipe_for(self.run.spec).shards)(self.data.info)

    def arrays(self, name: str) -> dict[str, Tensor]:
        """Tensors that the run left under a name, such as `recorded`. Raises WrongInput where there are none."""
        if name not in self.files:
            raise WrongInput(f"Run {self.run.id} stored no {name}.")
        return to_tensors(Artifacts(self.home.artifacts_folder).get_arrays(self.files[name]))


def open_models(home: Home, run_id: str) -> FinishedRun:
    """The run with its networks; the last few stay in memory. Raises WrongInput where it is not there, not done or damaged."""
    with ResultStore(home.database) as store:
        revision = store.finished_revision()
    return _load(home, run_id, _files(home, run_id, revision))


@lru_cache(maxsize=16)
def _files(home: Home, run_id: str, revision: int) -> tuple[tuple[str, str], ...]:
    """Of the run while no finished run comes, goes or changes."""
    with ResultStore(home.database) as store:
        run, files = store.existing(run_id), store.artifacts(run_id)
    if run.status != RunStatus.DONE:
        raise WrongInput(f"Run {run_id} is {run.status}; only a finished run can be analysed.")
    return tuple(files.items())


@lru_cache(maxsize=3)
def _load(home: Home, run_id: str, files: tuple[tuple[str, str], ...]) -> FinishedRun:
    """files: names by content, so that a run that was computed again is loaded again."""
    with ResultStore(home.database) as store:
        run = store.existing(run_id)
    named, artifacts = dict(files), Artifacts(home.artifacts_folder)
    data = load_dataset(run.spec.dataset, home.datasets_folder)
    weights = {name: to_tensors(artifacts.get_arrays(named[name])) for name in THREE if name in named}
    return FinishedRun(run, home, named, data, splits_of(run.spec, data, recipe_for(run.spec)), weights)
