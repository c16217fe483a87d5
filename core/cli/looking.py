"""`list`, `runs`, `show`, `cancel`, `delete`: what there is, and what can be done with it. An ID may be a study's."""

from dataclasses import asdict

import click

from core.catalogue import catalogue
from core.cli.doubting import doubts_of
from core.cli.group import as_json, cli, print_json
from core.cli.printing import print_report, print_study
from core.jobs import runner
from core.report import full_report, summary
from core.store.home import open_home
from core.store.results import ResultStore
from core.store.studies import is_study
from core.studies import runner as study_runner
from core.studies import standing
from core.studies.standing import go_on_elsewhere
from core.studies.summary import summary as study_summary

SHELVES = ("datasets", "models", "methods", "metrics")


@cli.command("list")
@click.argument("shelf", type=click.Choice(SHELVES))
@as_json
def list_(shelf: str, as_json: bool) -> None:
    """What can be asked for: datasets, models, methods or metrics."""
    items = getattr(catalogue(open_home().root), shelf)
    if as_json:
        print_json([asdict(item) for item in items.values()])
    else:
        for key, item in items.items():
            click.echo(f"{key:34} {item.title}")


@cli.command()
@as_json
def runs(as_json: bool) -> None:
    """Every run, newest first."""
    with ResultStore(open_home().database) as store:
        store.reconcile()
        found = [summary(r) for r in store.runs()]
    if as_json:
        print_json(found)
        return
    for r in found:
        spec = r["spec"]
        click.echo(f"{r['id']}  {r['status']:11} {spec['dataset']} {spec['model']} {spec['forget']} {spec['method']}")
    if not found:
        click.echo("No runs yet; `run --help` says how to start one.")


@cli.command()
@click.argument("any_id", metavar="ID")
@as_json
def show(any_id: str, as_json: bool) -> None:
    """One run, or one study, with all its numbers."""
    home = open_home()
    with ResultStore(home.database) as store:
        store.reconcile()
        if is_study(store, any_id):
            told, progress = study_summary(home, store, any_id), standing.progress(store, any_id)
            print_study(told, progress, as_json)
            return
        found = store.existing(any_id)
        report = full_report(home, store, found)
        if as_json:
            print_json(report)
            return
        known = catalogue(home.root).datasets.get(found.spec.dataset)
        doubts = doubts_of(home, store, found, known)
    print_report(report, found, known.classes if known else tuple(map(str, range(10_000))), doubts, multi=bool(known and known.multi))
    if found.error:
        click.echo(found.error)


@cli.command()
@click.argument("any_id", metavar="ID")
def cancel(any_id: str) -> None:
    """Stop a queued or running run, or every such run of a study."""
    home = open_home()
    with ResultStore(home.database) as store:
        of_study = is_study(store, any_id)
    if not of_study:
        runner.cancel(home, any_id)
    elif left := study_runner.cancel(home, any_id):
        click.echo(go_on_elsewhere(left), err=True)


@cli.command()
@click.argument("any_id", metavar="ID")
def delete(any_id: str) -> None:
    """Remove a run with its numbers and its own files, or a study without its runs.

    Trained originals and references stay for the next runs.
    """
    home = open_home()
    with ResultStore(home.database) as store:
        of_study = is_study(store, any_id)
    (study_runner if of_study else runner).delete(home, any_id)
