"""`sequence`: forget again from the network that already forgot, request after request, held against retraining each time."""

from dataclasses import asdict
from functools import partial
from typing import Any

import click

from core.cli.common import SeveralValues, as_json, cli, print_json, recipe_option
from core.cli.following import follow, leave, print_list
from core.cli.run import settings_from
from core.domain.formatting import percent
from core.domain.requests.registry import FORMS
from core.domain.seed_lists import seeds_of, seeds_text
from core.domain.training.own_recipe import asked_recipe
from core.jobs import submit
from core.jobs.catalogue import catalogue, is_written
from core.jobs.sequences import submit as sequences
from core.jobs.sequences.plan import make_plan
from core.jobs.sequences.submit import Standing
from core.jobs.validation import dataset_of
from core.reports.intervals import Spread
from core.sequences import journal
from core.sequences.journal import DONE, WHOLE, Step
from core.sequences.plan import USUAL, USUAL_OF, USUAL_SEEDS
from core.sequences.summary import TOLERANCE, Row, Summary, points, sentences, summary
from core.storage.home import Home, open_home

tolerance_option = click.option(
    "--tolerance", type=click.FloatRange(0, 1), default=TOLERANCE, show_default=True,
    help="Test accuracy that may be lost; the first request that loses more is named: there it pays to retrain once.",
)  # fmt: skip


@cli.group()
def sequence() -> None:
    """Forget one request after the other from the same network: damage, relapse and cost against retraining."""


@sequence.command("start", cls=SeveralValues)
@click.option("--dataset", required=True, help="A key from `list datasets`.")
@click.option("--model", required=True, help="A key from `list models`.")
@click.option("--method", required=True, help="A key from `list methods`.")
@click.option(
    "--forget", "requests", multiple=True, metavar="KIND:VALUE", help=f"A request of the sequence, in order; repeat it. {FORMS}.",
)
@click.option(
    "--requests", "count", type=int, default=None, help=f"How many parts of one draw are forgotten instead; {USUAL} where not said.",
)
@click.option(
    "--of", metavar="random:AMOUNT[@SEED]", default="",
    help=f"The draw: each request is a part of it of this size, {USUAL_OF} where not said; without @SEED each seed has a draw of its own.",
)
@click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE", help="A parameter of the method, for every request; may be repeated.",
)
@click.option("--seeds", default=seeds_text(USUAL_SEEDS), show_default=True, help="Intervals are over them.")
@click.option("--no-retrain", is_flag=True, help="Retrain nothing: damage is then held against the original, and cost against nothing.")
@recipe_option
@tolerance_option
@as_json
def start(
    dataset: str, model: str, method: str, requests: tuple[str, ...], count: int | None, of: str, settings: tuple[str, ...], seeds: str,
    no_retrain: bool, recipe: tuple[str, ...], tolerance: float, as_json: bool,
) -> None:  # fmt: skip
    """Forget a sequence of requests; Ctrl-C stops, and the same command goes on."""
    home = open_home()
    if not is_written(home.root):
        submit.ensure_supervisor(home)
    listed = bool(requests) and count is None and not of
    shelves = catalogue(home.root)
    plan = make_plan(
        shelves, dataset, model, method, settings_from(settings), requests=requests, count=count or USUAL * (count is None),
        of="" if listed else of or USUAL_OF, seeds=seeds_of(seeds), retrain=not no_retrain,
        recipe=asked_recipe(dataset_of(shelves, dataset), model, settings_from(recipe, "--recipe")),
    )  # fmt: skip
    click.echo(f"{plan.id}  {plan.title}", err=True)
    _carried_out(home, sequences.start(home, plan), tolerance, as_json)


@sequence.command("go-on")
@click.argument("sequence_id", metavar="ID")
@tolerance_option
@as_json
def go_on(sequence_id: str, tolerance: float, as_json: bool) -> None:
    """Go on with a sequence that was stopped."""
    home = open_home()
    _carried_out(home, sequences.go_on(home, sequence_id), tolerance, as_json)


@sequence.command("list")
@as_json
def list_(as_json: bool) -> None:
    """Every sequence, the one that changed last first."""
    found, damaged = sequences.standings(open_home())
    known = {one.sequence.id: (one.text, one.sequence.plan.title) for one in found}
    nothing = "No sequences yet; `sequence start --help` says how to begin one."
    print_list(known, damaged, nothing, [_about(one) for one in found] if as_json else None)


@sequence.command("show")
@click.argument("sequence_id", metavar="ID")
@tolerance_option
@as_json
def show(sequence_id: str, tolerance: float, as_json: bool) -> None:
    """A sequence's table, request by request, and what came out."""
    _shown(sequences.standing(open_home(), sequence_id), tolerance, as_json)


@sequence.command("stop")
@click.argument("sequence_id", metavar="ID")
def stop(sequence_id: str) -> None:
    """Stop a sequence that another terminal or a page follows; what was made stays."""
    sequences.stop(open_home(), sequence_id)


@sequence.command("remove")
@click.argument("sequence_id", metavar="ID")
def remove(sequence_id: str) -> None:
    """Forget a sequence and all of its steps."""
    sequences.remove(open_home(), sequence_id)


def _carried_out(home: Home, sequence_id: str, tolerance: float, as_json: bool) -> None:
    """Follow it to its end, a line for each new step on stderr; print it, and leave with its status."""
    follow(home, sequence_id, "sequence", lines=lambda told: [_step_text(step) for step in journal.read(home, sequence_id).steps[told:]],
           stamp=partial(journal.files(home).stamp, sequence_id), stop=sequences.stop)  # fmt: skip
    ended = sequences.standing(home, sequence_id)
    _shown(ended, tolerance, as_json)
    leave(ended)


def _step_text(step: Step) -> str:
    """`seed 0, request 3: test 98.3 %, this request 100 %, 0.21 s`."""
    what = f"seed {step.seed}, {'all in one' if step.number == WHOLE else f'request {step.number}'}"
    if step.state != DONE:
        return f"{what}: {step.state}: {step.why}"
    ours = step.accuracies["unlearned"]
    return f"{what}: test {percent(ours['test'])}, this request {percent(ours['request'])}, {step.cost:.3g} s"


def _shown(one: Standing, tolerance: float, as_json: bool) -> None:
    found, plan = summary(one.sequence, tolerance), one.sequence.plan
    said = sentences(found, plan.covers)
    if as_json:
        print_json(_about(one) | {
            "steps": [asdict(step) for step in one.sequence.steps], "rows": [_plain(row) for row in found.rows],
            "whole": _plain(found.whole) if found.whole else None, "sentences": said, "tolerance": tolerance, "harmful": found.harmful,
            "kept": found.kept, "marked": found.marked, "dearer_than_one": found.dearer_than_one, "dearer": found.dearer,
            "diverged": found.diverged,
        })  # fmt: skip
        return
    covered = f"; intervals of 95 % {plan.covers(found.rows[-1].damage.n)}" if found.rows else ""
    click.echo(f"{plan.id}  {plan.title}\n{one.text}{covered}")
    if found.rows:
        _print(found)
    for sentence in said:
        click.echo(sentence)


COLUMNS = {  # heading -> width
    "images": 7, "test": 17, "test, retrained": 17, "damage": 20, "this request": 17, "retrained": 11, "all earlier": 17, " retrained": 11,
    "agreement": 11, "seconds": 10, "retraining": 12,
}  # fmt: skip


def _print(found: Summary) -> None:
    click.echo("\n" + f"{'request':>8}" + "".join(f"{head:>{width}}" for head, width in COLUMNS.items()))
    for row in (*found.rows, *([found.whole] if found.whole else [])):
        cells = [
            str(row.images), _share(row, "unlearned", "test"), _share(row, "reference", "test", alone=True),
            points(row.damage), _share(row, "unlearned", "request"), _share(row, "reference", "request", alone=True),
            _share(row, "unlearned", "earlier"), _share(row, "reference", "earlier", alone=True),
            percent(row.agreement.mean) if row.agreement.n else "–", f"{row.spent.mean:.2f}",
            f"{row.retrained.mean:.2f}" if row.retrained.n else "–",
        ]  # fmt: skip
        name = "in one" if row.number == WHOLE else str(row.number)
        click.echo(f"{name:>8}" + "".join(f"{cell:>{width}}" for cell, width in zip(cells, COLUMNS.values(), strict=True)))
    click.echo()


def _share(row: Row, network: str, name: str, *, alone: bool = False) -> str:
    over = row.accuracies.get((network, name))
    if over is None:
        return "–"
    return percent(over.mean) if alone else over.text(percent, with_n=False)


def _plain(row: Row) -> dict[str, Any]:
    spreads = {name: _of(value) for name, value in vars(row).items() if isinstance(value, Spread)}
    accuracies: dict[str, dict[str, Any]] = {}
    for (network, name), over in row.accuracies.items():
        accuracies.setdefault(network, {})[name] = _of(over)
    return {"number": row.number, "images": row.images, "accuracies": accuracies, **spreads}


def _of(over: Spread) -> dict[str, Any] | None:
    return {"mean": over.mean, "half_width": over.half_width, "n": over.n} if over.n else None


def _about(one: Standing) -> dict[str, Any]:
    plan = one.sequence.plan
    return {"id": plan.id, **plan.to_plain(), "state": one.state, "error": one.error, "made": len(one.sequence.steps),
            "total": one.sequence.total}  # fmt: skip
