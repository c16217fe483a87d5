"""`report`: a finished run or a study as files that travel: one HTML file, figures, a table in LaTeX."""

from functools import partial
from pathlib import Path

import click

from core.cli.common import cli
from core.domain.errors import WrongInput
from core.jobs.catalogue import Catalogue, catalogue
from core.jobs.engine_client import WarmEngine
from core.storage import atomic
from core.storage.disk_and_memory_errors import told
from core.storage.home import Home, open_home
from core.storage.runs import ResultStore
from core.storage.studies import is_study, members


@cli.command()
@click.argument("any_id", metavar="ID")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Everything in one HTML file.")
@click.option("--pictures", is_flag=True, help="With --html, of a run: also images of the dataset with their saliency maps.")
@click.option("--figures", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Each figure as a file of its own.")
@click.option("--overwrite", is_flag=True, help="Write over files that are there.")
@click.option("--latex", is_flag=True, help="The table of metrics in LaTeX on stdout.")
def report(any_id: str, html: Path | None, pictures: bool, figures: Path | None, overwrite: bool, latex: bool) -> None:
    """Write a finished run, or a study, as files that need nothing else to be read."""
    if html is None and figures is None and not latex:
        raise WrongInput("Name what is wanted of the report: --html FILE, --figures DIR or --latex.")
    if pictures and html is None:
        raise WrongInput("--pictures goes with --html FILE.")
    home = open_home()
    shelves = catalogue(home.root)
    with ResultStore(home.database) as store:
        store.reconcile()
        of_study = is_study(store, any_id)
    if html is not None:
        if html.exists() and not overwrite:
            raise atomic.there_already(html)
        _write(html, _html(home, any_id, shelves, of_study, pictures), overwrite)
    if figures is not None:
        _write_figures(figures, home, any_id, shelves, of_study, overwrite)
    if latex:
        click.echo(_latex(home, any_id, shelves, of_study), nl=False)


# What a report is made of takes a second to import, which other commands need not pay.


def _html(home: Home, any_id: str, shelves: Catalogue, of_study: bool, pictures: bool) -> str:
    from core.export.report.html_report import run_report  # noqa: PLC0415  # as above
    from core.export.report.html_study import study_report  # noqa: PLC0415  # as above

    if of_study:
        return study_report(home, any_id, shelves).text
    engine = WarmEngine(home)
    try:
        return run_report(home, any_id, shelves, partial(engine.ask, run_id=any_id) if pictures else None).text
    finally:
        engine.close()


def _write_figures(folder: Path, home: Home, any_id: str, shelves: Catalogue, of_study: bool, overwrite: bool) -> None:
    from core.export.figure_files import figure_files  # noqa: PLC0415  # as above

    files = figure_files(home, any_id, shelves, of_study)
    if not overwrite and (there := next((folder / name for name, _ in files if (folder / name).exists()), None)):
        raise atomic.there_already(there)
    for name, content in files:
        _write(folder / name, content, overwrite)


def _latex(home: Home, any_id: str, shelves: Catalogue, of_study: bool) -> str:
    from core.export.latex import table_of_run, table_of_runs  # noqa: PLC0415  # as above

    with ResultStore(home.database) as store:
        if of_study:
            return table_of_runs(store, [run.run_id for run in members(store, any_id).get(any_id, [])], shelves)
        return table_of_run(home, store, any_id, shelves)


def _write(file: Path, text: str, overwrite: bool) -> None:
    with told(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        atomic.write(file, text.encode(), over=overwrite)
    click.echo(f"Wrote {file}", err=True)
