"""Whether the runs of a bundle fit what is registered here: the ends between which each metric's numbers lie, and their datasets."""

from collections.abc import Iterable

from core.domain.errors import WrongInput
from core.domain.info import DatasetInfo
from core.domain.metric_ranges import check_value
from core.export.bundle.check_files import RunFiles
from core.jobs.catalogue import Catalogue
from core.storage.portable import PortableRun


def check_fits(name: str, runs: Iterable[PortableRun], shelves: Catalogue) -> list[RunFiles]:
    """Each run's files, with what they may be about. name: of the bundle's file. Raises WrongInput."""
    found = []
    for run in runs:
        try:
            found.append(_fitting(run, shelves))
        except WrongInput as wrong:
            raise WrongInput(f"{name} is damaged or no bundle: in run {run.id}, {str(wrong).removesuffix('.')}.") from None
    return found


def _fitting(run: PortableRun, shelves: Catalogue) -> RunFiles:
    for one in run.numbers:
        if one.value is not None:
            check_value(f"{one.metric} of the {one.model} network", one.value, shelves.metrics.get(one.metric))
    data = _dataset(run, shelves)
    if data is None:
        return RunFiles(run.files)
    run.spec.request.check(data)
    return RunFiles(run.files, len(data.classes) + data.multi, data.train_count, data.test_count)


def _dataset(run: PortableRun, shelves: Catalogue) -> DatasetInfo | None:
    """As pages will find it; None where they will not."""
    if run.dataset and run.dataset.key != run.spec.dataset:
        raise WrongInput(f"dataset should describe {run.spec.dataset!r:.60}, but is about {run.dataset.key!r:.60}")
    return shelves.datasets.get(run.spec.dataset) or run.dataset
