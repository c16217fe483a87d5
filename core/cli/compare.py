"""`compare`: one row a run, one column a metric."""

from math import isfinite, isnan
from pathlib import Path
from typing import TYPE_CHECKING

import click

from core.cli.common import as_json, cli, print_json
from core.cli.output import SECOND, WIDE, Metrics, wrapped
from core.domain.errors import WrongInput
from core.domain.formatting import percent
from core.domain.methods.ablations import SECOND_REFERENCE_METHOD
from core.domain.methods.judged import titles_of
from core.jobs.catalogue import catalogue
from core.reports.compare.comparison import (
    ABOUT,
    TIME,
    about,
    comparable,
    comparison,
    second_retrainings,
    why_fewer,
)
from core.reports.compare.comparison_sentence import answer_to
from core.reports.compare.comparison_table import YARDSTICKS, marked, yardstick
from core.reports.compare.runs_by_seed import rows_of
from core.reports.compare.unchanged_methods import UNCHANGED
from core.storage.home import open_home
from core.storage.record_types import DamagedRun
from core.storage.runs import ResultStore
from core.storage.studies import is_study, members

if TYPE_CHECKING:
    import pandas as pd

NARROW = ("id", "request", "method", "settings", "seed")  # of what is said about a run, what fits on a screen
WIDEST = 40  # letters of a cell


@cli.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@click.option("--csv", "as_csv", is_flag=True, help="A table in CSV on stdout, nothing else.")
@click.option("--latex", "as_latex", is_flag=True, help="A table in LaTeX on stdout, nothing else: mean ± interval, the best in bold.")
@as_json
def compare(ids: tuple[str, ...], as_csv: bool, as_latex: bool, as_json: bool) -> None:
    """Finished runs side by side; an ID may be a study's, which stands for all its runs."""
    if as_csv + as_latex + as_json > 1:
        raise WrongInput("compare prints JSON, CSV or LaTeX; choose one of --json, --csv and --latex.")
    root = open_home().root
    with ResultStore(open_home().database) as store:
        store.reconcile()
        wanted = list(dict.fromkeys(run_id for one in ids for run_id in _runs_of(store, one)))
        frame = comparison(store, wanted)
        beside = frame if as_csv or as_json else comparison(store, second_retrainings(about(store), frame))
    if len(frame) < len(wanted):
        left = [run_id for run_id in wanted if run_id not in set(frame["id"])]
        several = f"{len(left)} runs that are" if len(left) > 1 else f"run {left[0]}, which is"
        click.echo(f"Left out: {several} not done.", err=True)
    if said := why_fewer(frame):
        click.echo(said, err=True)
    if as_latex:
        click.echo(_latex(wanted, root), nl=False)
        return
    whole, frame = frame, frame[[*ABOUT, *comparable(frame)]].dropna(axis="columns", how="all")
    if as_json:
        print_json(_plain(frame))
    elif as_csv:
        click.echo(frame.to_csv(index=False), nl=False)
    elif len(frame):
        if said := answer_to(whole, beside, titles_of(catalogue(root).methods)):
            click.echo(f"{wrapped(said)}\n")
        click.echo(_text(frame, whole, beside, catalogue(root).metrics))
    else:
        click.echo("None of these runs is done, so there is nothing to compare yet.", err=True)


def _latex(run_ids: list[str], root: Path) -> str:
    from core.export.latex import table_of_runs  # noqa: PLC0415  # half a second that other forms of output need not pay

    with ResultStore(open_home().database) as store:
        return table_of_runs(store, run_ids, catalogue(root))


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


def _text(frame: "pd.DataFrame", whole: "pd.DataFrame", beside: "pd.DataFrame", metrics: Metrics) -> str:
    """The unlearned models' numbers, as wide as a screen; what is left over continues below.

    Below the runs stand the originals and the references, each seed's once; a run that changed nothing is marked, and so is a second
    reference. Shares are in percent, as on the pages.
    """
    import pandas as pd  # noqa: PLC0415  # half a second that commands which compare nothing need not pay

    numbers = [name for name in frame.columns if name not in (*ABOUT, *TIME) and "." not in name]
    differing = [name for name in ("model", "engine", "device") if name in frame and frame[name].nunique(dropna=False) > 1]
    shown = frame[[name for name in (*NARROW, *differing, *numbers, *TIME) if name in frame]]
    marks = marked(rows_of(whole, [], False), whole, beside, False).about["unchanged"]
    named = shown["method"].where(~marks.to_numpy(bool), shown["method"] + f" ({UNCHANGED})")
    shown = shown.assign(method=named.where(shown["method"] != SECOND_REFERENCE_METHOD, f"{SECOND_REFERENCE_METHOD} ({SECOND})"))
    shown = pd.concat([shown, *(_yardstick(whole, model, list(shown.columns)) for model in YARDSTICKS)], ignore_index=True)
    shown = shown.assign(**{n: shown[n].str.slice(0, WIDEST) for n in ("request", "settings") if n in shown})
    shares = [name for name in numbers if name in metrics and metrics[name].unit == "share"]
    shown = shown.assign(**{name: shown[name].map(lambda share: "-" if isnan(share) else percent(share)) for name in shares})
    return shown.set_index("id").to_string(line_width=WIDE, float_format="{:.4g}".format, na_rep="-")


def _yardstick(whole: "pd.DataFrame", model: str, columns: list[str]) -> "pd.DataFrame":
    """The rows of the original or the reference, as far as the runs' columns go."""
    numbers = [name for name in columns if name in whole and name not in ABOUT]
    rows = yardstick(whole, numbers, False, model)
    ids = [f"{model} {seed}" for seed in rows.about["seed"]]  # tables that go on below repeat this column alone
    return rows.about.assign(id=ids, method=model).join(rows.values).reindex(columns=columns)
