"""The command line: the same validation, the same queue and the same store as the pages."""

from dataclasses import asdict
import json
import sys
from time import monotonic, sleep
from typing import Any

import click

from core.asking import make_spec
from core.catalogue import catalogue, is_written
from core.domain import ACTIVE, ForgetRequest, RunStatus, WrongInput
from core.jobs import runner
from core.report import full_report, summary
from core.store.home import Home, open_home
from core.store.outcome import Run
from core.store.results import ResultStore
from core.verdict import percent, verdict

EXIT = {RunStatus.DONE: 0, RunStatus.CANCELLED: 130}  # any other end: 1
WRONG_USE, FAILED, STOPPED = 2, 1, 130
POLL = 0.1  # seconds
SHELVES = ("datasets", "models", "methods", "metrics")

as_json = click.option("--json", "as_json", is_flag=True, help="One JSON value on stdout, nothing else.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Forgetscope without a screen: make a network forget, and see what changed."""


@cli.command("list")
@click.argument("shelf", type=click.Choice(SHELVES))
@as_json
def list_(shelf: str, as_json: bool) -> None:
    """What can be asked for: datasets, models, methods or metrics."""
    items = getattr(catalogue(open_home().root), shelf)
    if as_json:
        click.echo(json.dumps([asdict(item) for item in items.values()]))
    else:
        for key, item in items.items():
            click.echo(f"{key:34} {item.title}")


@cli.command()
@click.option("--dataset", required=True, help="A key from `list datasets`.")
@click.option("--model", required=True, help="A key from `list models`.")
@click.option("--forget", required=True, metavar="KIND:VALUE", help="class:3, classes:3,5, random:0.05, samples:12,90")
@click.option("--method", required=True, help="A key from `list methods`.")
@click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE", help="A parameter of the method; may be repeated."
)
@click.option("--seed", default=0, show_default=True, help="Decides every random draw of the run.")
@click.option("--no-reference", is_flag=True, help="Do not train the retrained reference.")
@as_json
def run(
    dataset: str, model: str, forget: str, method: str, settings: tuple[str, ...], seed: int, no_reference: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Run one unlearning method and print its numbers; Ctrl-C cancels."""
    home = open_home()
    request = ForgetRequest.parse(forget)
    if not is_written(home.root):  # a new home or engine: let the two first imports of torch go side by side
        runner.ensure_supervisor(home)
    shelves = catalogue(home.root)
    spec = make_spec(
        shelves, dataset, model, request, method, _settings(settings), seed=seed, reference=not no_reference
    )
    for p in shelves.methods[method].params:
        if note := p.note(spec.params[p.name]):
            click.echo(note, err=True)
    run_id = runner.submit(home, spec)
    try:
        ended = _follow(home, run_id)
    except KeyboardInterrupt:
        runner.cancel(home, run_id)
        ended = _follow(home, run_id)
    with ResultStore(home.database) as store:
        report = full_report(home, store, ended)
    if as_json:
        click.echo(json.dumps(report))
    else:
        _print_report(report, ended, shelves.datasets[dataset].classes)
    if ended.error_line:
        click.echo(ended.error_line, err=True)
    sys.exit(EXIT.get(ended.status, FAILED))


def _settings(pairs: tuple[str, ...]) -> dict[str, str]:
    for pair in pairs:
        if "=" not in pair:
            raise WrongInput(f"--set wants NAME=VALUE; got {pair!r}.")
    settings = [(name.strip(), value.strip()) for name, _, value in (pair.partition("=") for pair in pairs)]
    names = [name for name, _ in settings]
    for name in names:
        if names.count(name) > 1:
            raise WrongInput(f"--set wants each parameter once; {name} was given {names.count(name)} times.")
    return dict(settings)


def _follow(home: Home, run_id: str) -> Run:
    """Wait for the run's end; tell its progress on stderr."""
    told, nudged = "", monotonic()
    with ResultStore(home.database) as store:
        while True:
            store.reconcile()
            now = store.existing(run_id)
            if now.status not in ACTIVE:
                return now
            left = "" if now.seconds_left is None else f", about {now.seconds_left:.0f} s left"
            line = f"{percent(round(now.share, 1))} {now.stage or now.status}{left}"
            if line.partition(",")[0] != told:
                told = line.partition(",")[0]
                click.echo(f"{run_id}  {line}", err=True)
            if (
                monotonic() - nudged > 1
            ):  # should the supervisor have died, the queue must not wait for the next visitor
                runner.ensure_supervisor(home)
                nudged = monotonic()
            sleep(POLL)


@cli.command()
@as_json
def runs(as_json: bool) -> None:
    """Every run, newest first."""
    with ResultStore(open_home().database) as store:
        store.reconcile()
        found = [summary(r) for r in store.runs()]
    if as_json:
        click.echo(json.dumps(found))
        return
    for r in found:
        spec = r["spec"]
        click.echo(f"{r['id']}  {r['status']:11} {spec['dataset']} {spec['model']} {spec['forget']} {spec['method']}")
    if not found:
        click.echo("No runs yet; `run --help` says how to start one.")


@cli.command()
@click.argument("run_id", metavar="ID")
@as_json
def show(run_id: str, as_json: bool) -> None:
    """One run with all its numbers."""
    home = open_home()
    with ResultStore(home.database) as store:
        store.reconcile()
        found = store.existing(run_id)
        report = full_report(home, store, found)
    if as_json:
        click.echo(json.dumps(report))
        return
    shelf = catalogue(home.root).datasets
    known = shelf.get(found.spec.dataset)
    _print_report(report, found, known.classes if known else tuple(map(str, range(10_000))))
    if found.error:
        click.echo(found.error)


@cli.command()
@click.argument("run_id", metavar="ID")
def cancel(run_id: str) -> None:
    """Stop a queued or running run."""
    runner.cancel(open_home(), run_id)


@cli.command()
@click.argument("run_id", metavar="ID")
def delete(run_id: str) -> None:
    """Remove a run with its numbers and its own files; trained originals and references stay for the next runs."""
    runner.delete(open_home(), run_id)


def _print_report(report: dict[str, Any], ended: Run, classes: tuple[str, ...]) -> None:
    click.echo(f"{report['id']}  {report['status']}")
    if ended.status != RunStatus.DONE:
        return
    numbers = {"unlearned": report["metrics"], "original": report["original"], "reference": report["reference"] or {}}
    click.echo(verdict(numbers, ended.spec.request, classes).replace("**", ""))
    click.echo(f"\n{'':34}{'original':>10}{'unlearned':>11}{'reference':>11}")
    for metric in report["metrics"]:
        cells = (numbers[model].get(metric) for model in ("original", "unlearned", "reference"))
        click.echo(f"{metric:34}" + "".join(f"{'-' if v is None else f'{v:.4f}':>11}" for v in cells))
    took = ", ".join(f"{stage} {seconds:.3g}" for stage, seconds in report["seconds"].items())
    click.echo(
        f"\nseconds: {took}" + (f"; {report['speedup']:.3g} times as fast as retraining" if report["speedup"] else "")
    )


def _complain(sentence: str) -> None:
    """One line on stderr, whatever bytes the user's words were made of."""
    click.echo(" ".join(sentence.encode(errors="replace").decode().split()), err=True)


def main() -> None:
    """Wrong use: one line on stderr, status 2, no traceback."""
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as shown:
        click.echo(shown.format_message())
    except click.ClickException as wrong:
        _complain(wrong.format_message())
        sys.exit(WRONG_USE)
    except WrongInput as wrong:
        _complain(str(wrong))
        sys.exit(WRONG_USE)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(STOPPED)
