"""`report`: a finished run or a study as a file that travels: HTML, figures, a table in LaTeX."""

from functools import partial
from pathlib import Path

import click

from core.cli.common import cli
from core.domain.errors import WrongInput
from core.export.html_report import Report, run_report
from core.jobs.catalogue import catalogue
from core.jobs.engine_client import WarmEngine
from core.storage import atomic
from core.storage.disk_and_memory_errors import told
from core.storage.home import open_home


@cli.command()
@click.argument("any_id", metavar="ID")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Everything in one HTML file.")
@click.option("--pictures", is_flag=True, help="With --html, of a run: also images of the dataset with their saliency maps.")
def report(any_id: str, html: Path | None, pictures: bool) -> None:
    """Write a finished run, or a study, as a file that needs nothing else to be read."""
    if html is None:
        raise WrongInput("What is wanted of the report; name --html FILE.")
    home = open_home()
    shelves = catalogue(home.root)
    engine = WarmEngine(home)
    try:
        made = run_report(home, any_id, shelves, partial(engine.ask, run_id=any_id) if pictures else None)
    finally:
        engine.close()
    _write(html, made)


def _write(file: Path, made: Report) -> None:
    with told(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        atomic.write(file, made.text.encode())
    click.echo(f"Wrote {file}", err=True)
