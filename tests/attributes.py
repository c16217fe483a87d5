"""Tiny images with several attributes as a dataset on the shelf, and whole runs on them, stored as the jobs store theirs."""

from dataclasses import dataclass, replace

import pytest

from core import pipeline
from core.data.catalog import DATASETS
from core.data.dataset import Dataset
from core.descriptions import DatasetInfo
from core.domain import RunSpec, RunStatus
from core.presets import FALLBACK
from core.store.home import Home
from core.store.liveness import ProcessId
from core.store.outcome import Run
from core.store.results import ResultStore
from tests.tiny import tiny_attributes

KEY = "tiny_attributes1"


@dataclass(frozen=True)
class Shelved:
    """A source of the shelf of datasets."""

    INFO: DatasetInfo
    dataset: Dataset

    def load(self) -> Dataset:
        return self.dataset


def shelve(patch: pytest.MonkeyPatch) -> None:
    """Put them on the shelf, with a short fallback recipe and two splits of the attack: neither need be good here."""
    dataset = tiny_attributes().dataset
    patch.setitem(DATASETS, KEY, Shelved(dataset.info, dataset))
    patch.setattr("core.presets.FALLBACK", replace(FALLBACK, recipe=replace(FALLBACK.recipe, epochs=3)))
    patch.setattr("core.metrics.membership.SPLITS", 2)
    patch.setenv("FORGETSCOPE_DEVICE", "cpu")
    patch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # set by the pipeline; taken back with the patch


def computed(home: Home, spec: RunSpec) -> Run:
    """The run, done and stored. Nothing may be queued or running in the home."""
    with ResultStore(home.database) as store:
        run_id = store.add(spec)
        claimed = store.claim(ProcessId.of_this_process())
    assert claimed is not None
    outcome = pipeline.run(spec, home, lambda *_: None)
    with ResultStore(home.database) as store:
        store.finish(run_id, claimed[1], RunStatus.DONE, outcome=outcome)
        return store.existing(run_id)
