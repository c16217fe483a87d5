"""What there is of finished runs and studies: numbers as tables, networks, files; a notebook shows each by itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.api.notebook_html import comparison_html, run_html, study_html
from core.domain.errors import WrongInput
from core.domain.methods.judged import titles_of
from core.domain.run import MODELS, RunSpec, RunStatus
from core.jobs.catalogue import Catalogue, catalogue, usable_extensions
from core.jobs.studies.table import StudySummary, summary
from core.reports.compare.comparison import (
    ABOUT,
    about,
    comparable,
    comparison,
    second_retrainings,
    why_fewer,
)
from core.reports.compare.comparison_sentence import answer_to
from core.reports.first_screen import FirstScreen, of_stored_run
from core.reports.run_report import full_report
from core.storage import atomic
from core.storage.artifacts import Artifacts
from core.storage.disk_and_memory_errors import told
from core.storage.home import Home, open_home
from core.storage.runs import ResultStore
from core.storage.studies import is_study, members

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from torch import nn

BUNDLE = ".zip"


@dataclass(frozen=True)
class RunResult:
    """A finished run. What is asked of it is read from its home when it is asked for."""

    id: str
    home: Home

    @cached_property
    def report(self) -> dict[str, Any]:
        """All numbers as plain data: what `core run --json` prints. See `core.reports.run_report.full_report`."""
        with ResultStore(self.home.database) as store:
            return full_report(self.home, store, store.existing(self.id))

    @cached_property
    def spec(self) -> RunSpec:
        """What was run: dataset, model, request, method, its parameters, seed."""
        with ResultStore(self.home.database) as store:
            return store.existing(self.id).spec

    @cached_property
    def first_screen(self) -> FirstScreen:
        """Verdict, confidence, warnings, gauges and accuracy by class: what stands first on the page Result."""
        shelves = catalogue(self.home.root)
        method = titles_of(shelves.methods).get(self.spec.method, self.spec.method)
        with ResultStore(self.home.database) as store:
            return of_stored_run(self.home, store, store.existing(self.id), _dataset(shelves, self.spec), method)

    @property
    def verdict(self) -> str:
        """One sentence from the accuracies, as on the page Result."""
        return f"{self.first_screen.lead}. {self.first_screen.sentence}"

    @property
    def metrics(self) -> "pd.DataFrame":
        """One row a metric, by its key; columns: original, unlearned and, where there is one, reference. nan: it does not apply."""
        import pandas as pd  # noqa: PLC0415  # half a second that who looks at no table need not pay

        of = {"original": self.report["original"], "unlearned": self.report["metrics"], "reference": self.report["reference"] or {}}
        columns = {model: pd.Series({key: nan if v is None else v for key, v in of[model].items()}, dtype=float) for model in MODELS}
        table = pd.DataFrame({model: columns[model] for model in ("original", "unlearned", "reference") if len(columns[model])})
        return table.loc[list(dict.fromkeys(key for model in ("unlearned", "original", "reference") for key in of[model]))]

    def per_class(self, split: str = "test") -> "pd.DataFrame":
        """Accuracy in [0, 1], one row a class, by its name, one column a network. split: test or train. Raises WrongInput."""
        import pandas as pd  # noqa: PLC0415  # as above

        lists = (self.report["per_class"] or {}).get(split)
        if lists is None:
            raise WrongInput(f"Run {self.id} has no accuracies by class of a split {split!r}; there are test and train.")
        names = _dataset(catalogue(self.home.root), self.spec).classes
        return pd.DataFrame({model: values for model, values in lists.items() if values is not None}, index=list(names), dtype=float)

    def network(self, name: str = "unlearned") -> "nn.Module":
        """original, unlearned or reference, in eval mode on the CPU; imports torch. Raises WrongInput where it is not stored."""
        from core.analysis.finished_run import open_models  # noqa: PLC0415  # torch, which only this needs
        from core.extensions.load import load_extensions  # noqa: PLC0415  # as above

        load_extensions(usable_extensions(self.home.root, self.spec))
        return open_models(self.home, self.id).model(name)

    def recorded(self) -> "Mapping[str, np.ndarray]":
        """Arrays that the method left: what it selected, masks, losses, trials of a search. Empty where it left none."""
        with ResultStore(self.home.database) as store:
            files = store.artifacts(self.id)
        return Artifacts(self.home.artifacts_folder).get_arrays(files["recorded"]) if "recorded" in files else {}

    def save_html(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """The report as one HTML file. Raises WrongInput where it is there already, unless it is to be overwritten."""
        from core.export.report.html_report import run_report  # noqa: PLC0415  # what it is made of takes a second to import

        return _write(Path(path), run_report(self.home, self.id, catalogue(self.home.root)).text, overwrite)

    def save_bundle(self, path: str | Path, *, weights: bool = True) -> Path:
        """Run, numbers and networks as one file for `load` or `core import`; it ends in .zip. Raises WrongInput."""
        from core.export.bundle.write import export  # noqa: PLC0415  # as above

        export(self.home, [self.id], Path(path), weights=weights)
        return Path(path)

    def _repr_html_(self) -> str:
        return run_html(self.first_screen)

    def __repr__(self) -> str:
        return f"<Run {self.id}: {self.spec.method}, {self.spec.request.text} of {self.spec.dataset}, seed {self.spec.seed}>"


@dataclass(frozen=True)
class StudyResult:
    """A study: several methods, settings and seeds about one request, or several."""

    id: str
    home: Home

    @cached_property
    def summary(self) -> StudySummary:
        """Its table: each variant's numbers over the seeds, beside the references'. See `core.jobs.studies.table`."""
        with ResultStore(self.home.database) as store:
            return summary(self.home, store, self.id)

    @property
    def answer(self) -> str:
        """What the study comes to, in one sentence; '' where it cannot tell."""
        return self.summary.answer

    @property
    def runs(self) -> list[RunResult]:
        """Those that are done."""
        return [RunResult(run_id, self.home) for row in self.summary.variants for run_id in row.runs]

    @property
    def table(self) -> "pd.DataFrame":
        """One row a variant, one column a metric: the mean over its seeds. `compare` gives the single runs."""
        import pandas as pd  # noqa: PLC0415  # as above

        rows = {row.variant.text: {key: spread.mean for key, spread in row.numbers.items()} for row in self.summary.variants}
        return pd.DataFrame.from_dict(rows, orient="index", columns=self.summary.metrics)

    def save_html(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """The report as one HTML file. Raises WrongInput where it is there already, unless it is to be overwritten."""
        from core.export.report.html_study import study_report  # noqa: PLC0415  # as above

        return _write(Path(path), study_report(self.home, self.id, catalogue(self.home.root)).text, overwrite)

    def _repr_html_(self) -> str:
        return study_html(self.summary)

    def __repr__(self) -> str:
        return f"<Study {self.id}: {self.summary.plan.name}>"


@dataclass(frozen=True)
class Comparison:
    """Finished runs side by side. table: one row a run; caution: why not all numbers can be compared, '' where they can."""

    table: "pd.DataFrame"
    answer: str
    caution: str

    def _repr_html_(self) -> str:
        return comparison_html(self.table, self.answer, self.caution)


def load(what: str | Path, *, home: str | Path | None = None) -> RunResult | StudyResult:
    """A finished run or a study by its id, or those of a bundle's file (.zip), which is brought into the home first.

    home: a folder; by default FORGETSCOPE_HOME or the user's. Raises WrongInput where there is none.
    """
    place = home_at(home)
    if str(what).endswith(BUNDLE):
        from core.export.bundle.bring import bring  # noqa: PLC0415  # as above

        brought = bring(place, Path(what))
        return StudyResult(brought.studies[0].id, place) if brought.studies else RunResult(brought.first, place)
    with ResultStore(place.database) as store:
        store.reconcile()
        if is_study(store, str(what)):
            return StudyResult(str(what), place)
        run = store.existing(str(what))
    if run.status != RunStatus.DONE:
        raise WrongInput(f"Run {run.id} is {run.status}; only a finished run can be loaded.")
    return RunResult(run.id, place)


def compare(*what: RunResult | StudyResult | str) -> Comparison:
    """Runs, and all finished runs of studies, side by side: one row a run, one column a metric that can be compared.

    What is given as text is an id. Raises WrongInput where nothing is given, or things of several homes.
    """
    things = [load(one) if isinstance(one, str) else one for one in what]
    homes = {one.home.root: one.home for one in things}
    if len(homes) != 1:
        raise WrongInput("compare wants runs or studies of one home, one at least.")
    (home,) = homes.values()
    with ResultStore(home.database) as store:
        ids = [run_id for one in things for run_id in _runs_of(store, one)]
        frame = comparison(store, list(dict.fromkeys(ids)))
        beside = comparison(store, second_retrainings(about(store), frame))
    titles = titles_of(catalogue(home.root).methods)
    table = frame[[*ABOUT, *comparable(frame)]].dropna(axis="columns", how="all").set_index("id")
    return Comparison(table, answer_to(frame, beside, titles), why_fewer(frame))


def home_at(place: str | Path | None) -> Home:
    """The home in a folder, else FORGETSCOPE_HOME, else the user's. Raises WrongInput where it cannot serve."""
    return open_home(None if place is None else Path(place))


def _runs_of(store: ResultStore, one: RunResult | StudyResult) -> list[str]:
    if isinstance(one, RunResult):
        return [one.id]
    return [run.run_id for run in members(store, one.id).get(one.id, [])]


def _dataset(shelves: Catalogue, spec: RunSpec) -> Any:
    if spec.dataset not in shelves.datasets:
        raise WrongInput(f"The dataset {spec.dataset} of this run is no longer here.")
    return shelves.datasets[spec.dataset]


def _write(path: Path, text: str, overwrite: bool) -> Path:
    with told(path):
        atomic.write(path, text.encode(), over=overwrite)
    return path
