"""A finished run as one HTML file: passport, verdict, figures, tables, and how to repeat it."""

from contextvars import copy_context
from dataclasses import dataclass
from datetime import UTC, datetime

from core.domain.run import model_text
from core.export.page import page, plain_name
from core.export.report.passport import passport
from core.export.report.run_contents import RunContents, contents
from core.export.report.run_sections import run_sections
from core.export.report.saliency_section import Ask
from core.figures.palette import DARK
from core.jobs.catalogue import Catalogue
from core.reports.odd_results import told_of
from core.storage.home import Home
from core.storage.runs import ResultStore


@dataclass(frozen=True)
class Report:
    """A file that travels: its name, and its text."""

    name: str
    text: str


def run_report(home: Home, run_id: str, shelves: Catalogue, pictures: Ask | None = None, chosen: str = "") -> Report:
    """Raises WrongInput where there is no such run, or it is not done. pictures, chosen: as in `run_sections`."""
    with ResultStore(home.database) as store:
        run = contents(home, store, run_id, shelves)
    with told_of(run_id):
        return copy_context().run(_written, run, pictures, chosen)


def _written(run: RunContents, pictures: Ask | None, chosen: str) -> Report:
    DARK.set(False)  # paper is white, whatever the theme of the page
    name, finding, spec = file_name(run), run.finding, run.run.spec
    text = page(
        "run.html", title=f"{run.method_title}: forget {run.subject}", kind="Unlearning report",
        about=f"{run.data.title if run.data else spec.dataset} · {model_text(spec)} · seed {spec.seed} · run {run.run.id}"
        f"{f' · imported from {run.run.imported.file}' if run.run.imported else ''}",
        written=f"{datetime.now(UTC):%d %B %Y}", sections=run_sections(run, pictures, chosen), file_name=name, passport=passport(run),
        verdict=run.verdict, warnings=[one.sentence for one in finding.warnings] if finding else [],
        besides=finding.besides if finding else [f"Not checked: {run.unchecked}"], private=[str(run.home.root)],
    )  # fmt: skip
    return Report(f"{name}.html", text)


def file_name(run: RunContents) -> str:
    """A name that says what it is, for any file system: `digits-small_cnn-class-3-ssd-b5c84720`."""
    spec = run.run.spec
    return plain_name(spec.dataset, spec.model, spec.request.text[:40], spec.method, run.run.id[:8])
