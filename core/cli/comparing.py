"""`compare`: one row a run, one column a metric."""

from math import isfinite
from typing import TYPE_CHECKING

import click

from core.cli.group import as_json, cli, print_json
from core.comparison import ABOUT, TIME, comparable, comparison, why_fewer
from core.domain import WrongInput
from core.store.home import open_home
from core.store.outcome import DamagedRun
from core.store.results import ResultStore
from core.store.studies import is_study, members

if TYPE_CHECKING:
    import pandas as pd

NARROW = ("id", "request", "method", "settings", "seed")  # of what is said about a run, what fits on a screen
WIDEST = 40  # letters of a cell


@cli.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@click.option("--csv", "as_csv", is_flag=True, help="A table in CSV on stdout, nothing else.")
@as_json
def compare(ids: tuple[str, ...], as_csv: bool, as_json: bool) -> None:
    """Finished runs side by side; an ID may be a study's, which stands for all its runs."""
    if as_csv and as_json:
        raise WrongInput("compare prints JSON or CSV; choose one of --json and --csv.")
    with ResultStore(open_home().database) as store:
        store.reconcile()
        wanted = list(dict.fromkeys(run_id for one in ids for run_id in _runs_of(store, one)))
        frame = comparison(store, wanted)
    if len(frame) < len(wanted):
        left = [run_id for run_id in wanted if run_id not in set(frame["id"])]
        several = f"{len(left)} runs that are" if len(left) > 1 else f"run {left[0]}, which is"
        click.echo(f"Left out: {several} not done.", err=True)
    if said := why_fewer(frame):
        click.echo(said, err=True)
    frame = frame[[*ABOUT, *comparable(frame)]].dropna(axis="columns", how="all")
    if as_json:
        print_json(_plain(frame))
    elif as_csv:
        click.echo(frame.to_csv(index=False), nl=False)
    elif len(frame):
        click.echo(_text(frame))
    else:
        click.echo("None of these runs is done, so there is nothing to compare yet.", err=True)


def _runs_of(store: ResultStore, any_id: str) -> list[str]:
    """Raises WrongInput where the ID is neither a study's nor a run's."""
    if is_study(store, any_id):
        return [run.run_id for run in members(store, any_id).get(any_id, [])]
    row = store.row(any_id)
    if isinstance(row, DamagedRun):
        click.echo(f"Left out: {row.wrong}", err=True)
        return []
    return [store.existing(any_id).id]


def _plain(frame: "pd.DataFrame") -> list[dict[str, object]]:
    """Rows; a number that a run lacks is None, and so is one without end, which JSON does not have."""
    times = frame.assign(finished=[moment.isoformat() for moment in frame["finished"]])
    return [
        {str(name): None if isinstance(value, float) and not isfinite(value) else value for name, value in row.items()}
        for row in times.to_dict("records")
    ]


def _text(frame: "pd.DataFrame") -> str:
    """The unlearned models' numbers, as wide as a screen; what is left over continues below."""
    numbers = [name for name in frame.columns if name not in (*ABOUT, *TIME) and "." not in name]
    differing = [name for name in ("engine", "device") if name in frame and frame[name].nunique(dropna=False) > 1]
    shown = frame[[name for name in (*NARROW, *differing, *numbers, *TIME) if name in frame]]
    shown = shown.assign(**{n: shown[n].str.slice(0, WIDEST) for n in ("request", "settings") if n in shown})
    return shown.set_index("id").to_string(line_width=130, float_format="{:.4g}".format, na_rep="-")
