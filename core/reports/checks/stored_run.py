"""The automatic checks of a stored run, with their input read from the store; no torch, no Streamlit."""

from collections.abc import Callable
from math import isnan
from typing import TYPE_CHECKING

from core.domain.errors import WrongInput
from core.domain.info import DatasetInfo
from core.domain.methods.ablations import CONTROLS, SECOND_REFERENCE_METHOD, control_title
from core.domain.run import RunStatus
from core.domain.training.own_recipe import forget_count, trained_data
from core.reports.checks.case import Case, ClassResult, PerClass
from core.reports.checks.registry import Finding, examine
from core.reports.odd_results import told_of
from core.reports.recoverability import grafted_retain_accuracy
from core.reports.run_report import evaluated_images, numbers_of
from core.reports.verdict import Numbers
from core.storage.artifacts import Artifacts
from core.storage.home import Home
from core.storage.record_types import Run
from core.storage.related_runs import Beside, beside
from core.storage.runs import ResultStore

if TYPE_CHECKING:
    import pandas as pd

TABLE = "per_class"  # the artifact that a case is made from
GRAFT = "graft"  # the one that says whether the original's last layer fits; older versions stored none


def finding_of(home: Home, store: ResultStore, run: Run, data: DatasetInfo) -> Finding:
    """All checks of a finished run. Raises WrongInput where it stored no table of classes, or a damaged one."""
    with told_of(run.id):
        return examine(read_case(home, store, run, data))


def read_case(home: Home, store: ResultStore, run: Run, data: DatasetInfo) -> Case:
    """The input of the checks, read from the store. Raises as `finding_of`."""
    table, files = stored_table(home, store, run.id), store.artifacts(run.id)
    graft = Artifacts(home.artifacts_folder).get_table(files[GRAFT]) if GRAFT in files else None
    return case_of(run, data, beside(store, run.spec), lambda other: numbers_of(store, other.id), table, graft)


def stored_table(home: Home, store: ResultStore, run_id: str) -> "pd.DataFrame":
    """A finished run's table of classes. Raises as `finding_of`."""
    files = store.artifacts(run_id)
    if TABLE not in files:
        raise WrongInput(f"Run {run_id} stored no table {TABLE!r}: another version of Forgetscope made it; run it again.")
    return Artifacts(home.artifacts_folder).get_table(files[TABLE])


def case_of(
    run: Run, data: DatasetInfo, others: Beside, read: Callable[[Run], Numbers], per_class: "pd.DataFrame",
    graft: "pd.DataFrame | None" = None,
) -> Case:  # fmt: skip
    """The input of the checks. `read`: returns a run's numbers, perhaps from a cache; `per_class`, `graft`: the run's tables.

    Raises WrongInput where the table is about other classes than the dataset's.
    """
    left = trained_data(run.spec, data)
    spec, has_second_reference = run.spec, others.floor is not None and others.floor.status == RunStatus.DONE
    has_ablations = spec.method in CONTROLS and not control_title(spec)
    return Case(
        read(run), _per_class(run, data, per_class), spec.request, data.classes, method=spec.method,
        second_reference=read(others.floor) if has_second_reference and others.floor and spec.method != SECOND_REFERENCE_METHOD else None,
        forget_count=evaluated_of(forget_count(spec, data), left.train_count, evaluated_images(per_class)),
        grafted=None if graft is None else grafted_retain_accuracy(graft), multi=data.multi, own_weights=bool(spec.weights),
        ablations={title: read(other) for title, other in others.controls.items()} if has_ablations else None,
        brought=_brought(run, others, has_second_reference, has_ablations),
    )  # fmt: skip


def _brought(run: Run, others: Beside, has_second_reference: bool, has_ablations: bool) -> dict[str, str]:
    """What the run is held against -> its bundle's file; nothing for a run that came in a bundle itself, which says so."""
    against = {"the second retrained network": others.floor} if has_second_reference else {}
    against |= {f"the ablation “{title}”": other for title, other in others.controls.items()} if has_ablations else {}
    return {what: other.imported.file for what, other in against.items() if other and other.imported and not run.imported}


def evaluated_of(forget: int, train: int, evaluated: int) -> int:
    """Images of the forget set that were evaluated. forget, train, evaluated: all of it, all training images, and those evaluated.

    Where these are a draw, it took as many of the forget set as of the retain set, or all of the smaller one:
    see `core.metrics.evaluated_images.evaluated_rows`. Where no count is known (0), all.
    """
    if not 0 < evaluated < train:
        return forget
    fewer = min(forget, train - forget, evaluated // 2)
    return fewer if forget <= train - forget else evaluated - fewer


def _per_class(run: Run, data: DatasetInfo, table: "pd.DataFrame") -> PerClass:
    """From the stored table: model -> by class index, on test images."""
    more = [name for name in ("positives", "answered") if name in table]  # of attributes alone
    columns = (table[name].tolist() for name in ("split", "model", "class", "accuracy", "count", *more))
    by_model: dict[str, dict[int, ClassResult]] = {}
    for split, model, index, accuracy, count, *counts in zip(*columns, strict=True):
        if split == "test":
            by_model.setdefault(model, {})[index] = ClassResult(None if isnan(accuracy) else accuracy, count, *counts)
    classes = range(len(data.classes))
    if any(set(by_class) != set(classes) for by_class in by_model.values()):
        raise WrongInput(f"Run {run.id} is about other classes than {data.key} has now; run it again.")
    return {model: [by_class[index] for index in classes] for model, by_class in by_model.items()}
