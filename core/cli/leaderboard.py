"""`leaderboard`: the methods of studies, ranked task by task."""

import csv
import sys

import click

from core.cli.common import as_json, cli, print_json
from core.cli.output import spread_text, unit_of, wrapped
from core.domain.errors import WrongInput
from core.jobs.catalogue import catalogue
from core.jobs.studies.leaderboard_of_studies import leaderboard_of, names_of_runs
from core.reports.compare.leaderboard import COLUMNS, MEASURES, Leaderboard
from core.storage import studies
from core.storage.home import open_home
from core.storage.runs import ResultStore

WIDEST = 60  # letters of a method with its settings


@cli.command()
@click.argument("ids", metavar="[STUDY]...", nargs=-1)
@click.option("--by", "measure", type=click.Choice(MEASURES), default=MEASURES[0], show_default=True, help="The distance to the reference.")
@click.option("--csv", "as_csv", is_flag=True, help="A table in CSV on stdout, nothing else.")
@as_json
def leaderboard(ids: tuple[str, ...], measure: str, as_csv: bool, as_json: bool) -> None:
    """Rank the methods of all studies, or of the STUDYs that are named, on each task by their distance to the reference."""
    if as_csv and as_json:
        raise WrongInput("leaderboard prints JSON or CSV; choose one of --json and --csv.")
    home = open_home()
    with ResultStore(home.database) as store:
        store.reconcile()
        for study_id in ids:
            studies.existing(store, study_id)
        board = leaderboard_of(store, names_of_runs(store, ids), measure)
    if as_json:
        print_json({"measure": measure, "cells": board.table(), "caution": " ".join(filter(None, (board.caution, board.several)))})
    elif as_csv:
        table = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(board.table())
    elif board.tasks:
        _print(board, unit_of(measure, catalogue(home.root).metrics))
    else:
        click.echo("No task has two methods that can be ranked yet; `sweep --help` says how to start a study.", err=True)


def _print(board: Leaderboard, unit: str) -> None:
    click.echo(wrapped(
        "Ranks by the distance to the reference, lower is better; 1-3: the 95 % intervals of the differences, paired by seed and draw, "
        "leave any rank from 1 to 3. In brackets: of how many runs."
    ))  # fmt: skip
    for task in board.tasks:
        floor = f", a second retraining {spread_text(board.second[task], unit)}" if task in board.second else ""
        click.echo(f"\n{task.title} (engine {task.engine}){floor}")
        cells = [(row.method, row.cells[task]) for row in board.rows if task in row.cells]
        for method, cell in sorted(cells, key=lambda one: (one[1].rank is None, one[1].rank or 0, one[1].gap.mean)):
            click.echo(f"  {cell.rank_text:>9}  {_cut(method)} {spread_text(cell.gap, unit):>24}")
    if len(board.tasks) > 1:
        click.echo("\nMean rank over tasks, of the middle of each range, where a method has two runs:")
        for row in board.rows:
            if row.mean_rank.n:
                click.echo(f"  {row.mean_rank.mean:9.2f}  {_cut(row.method)} {row.mean_rank.n} of {len(board.tasks)} tasks")
        if board.caution:
            click.echo(wrapped(board.caution))
    if board.several:
        click.echo("\n" + wrapped(board.several))


def _cut(method: str) -> str:
    return f"{method if len(method) <= WIDEST else method[: WIDEST - 1] + '…':{WIDEST}}"
