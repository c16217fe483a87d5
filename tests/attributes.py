"""Whole runs that take a second, stored as the jobs store theirs; tiny images with several attributes as a dataset of the registry."""

from dataclasses import dataclass, replace

import pytest

from core import pipeline
from core.data.dataset import Dataset
from core.data.registry import DATASETS
from core.domain.info import DatasetInfo
from core.domain.presets import FALLBACK, PRESETS
from core.domain.run import RunSpec, RunStatus
from core.storage.home import Home
from core.storage.processes import ProcessId
from core.storage.record_types import Run
from core.storage.runs import ResultStore
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
    patch.setattr("core.domain.presets.FALLBACK", replace(FALLBACK, recipe=replace(FALLBACK.recipe, epochs=3)))
    _on_the_cpu(patch)


def one_epoch(patch: pytest.MonkeyPatch) -> None:
    """Networks of the digits are trained for one epoch: for tests that do not ask how good they are."""
    preset = PRESETS["digits", "small_cnn"]
    patch.setitem(PRESETS, ("digits", "small_cnn"), replace(preset, recipe=replace(preset.recipe, epochs=1)))
    _on_the_cpu(patch)


def _on_the_cpu(patch: pytest.MonkeyPatch) -> None:
    """With two splits of the membership attack."""
    patch.setattr("core.metrics.membership_inference.SPLITS", 2)
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
