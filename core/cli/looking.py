"""`list`, `runs`, `show`, `cancel`, `delete`: what there is, and what can be done with it. An ID may be a study's."""

from dataclasses import asdict
from datetime import timedelta
import sys

import click

from core.catalogue import catalogue
from core.cli.doubting import doubts_of
from core.cli.group import as_json, cli, print_json
from core.cli.printing import print_report, print_study
from core.cli.waiting import places, plain
from core.cli.waiting import standing as standing_of
from core.jobs import runner
from core.report import full_report, summary
from core.store import trash
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
        where = places(store)
        found = [(summary(r) | plain(r, where), standing_of(r, where)) for r in store.runs()]
    if as_json:
        print_json([r for r, _ in found])
        return
    for r, stands in found:
        spec = r["spec"]
        click.echo(f"{r['id']}  {r['status']:11} {spec['dataset']} {spec['model']} {spec['forget']} {spec['method']}{stands}")
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
        for sentence in report["lost"]:
            click.echo(sentence, err=True)
        if as_json:
            print_json(report)
            return
        known = catalogue(home.root).datasets.get(found.spec.dataset)
        doubts = doubts_of(home, store, found, known)
    print_report(report, found, known, doubts)
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
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--for-good", is_flag=True, help="Free the disk at once; this cannot be undone.")
def delete(any_id: str, yes: bool, for_good: bool) -> None:
    """Remove a run with its numbers and its own files, or a study without its runs; `undelete ID` brings it back for a day.

    Trained originals and references stay for the next runs. On a terminal it asks first.
    """
    home = open_home()
    with ResultStore(home.database) as store:
        of_study = is_study(store, any_id)
        if not of_study:
            store.existing(any_id)
    what = "The study goes, its runs stay" if of_study else "The run goes with its numbers and its own files"
    back = "this cannot be undone" if for_good else f"undelete {any_id} brings it back for {trash.KEPT // timedelta(hours=1)} hours"
    if not yes and sys.stdin.isatty():
        click.confirm(f"{what}; {back}. Delete {any_id}?", abort=True)
    if of_study:
        study_runner.delete(home, any_id)
        if for_good:
            runner.empty_trash(home, any_id)
    else:
        runner.delete(home, any_id, for_good=for_good)
    click.echo(f"Deleted {any_id}; {back}.", err=True)


@cli.command()
@click.argument("any_id", metavar="[ID]", required=False)
def undelete(any_id: str | None) -> None:
    """Bring back a run or a study that was deleted; without ID, list those that can be."""
    home = open_home()
    if any_id is not None:
        runner.put_back(home, any_id)
        return
    with ResultStore(home.database) as store:
        found = trash.deleted(store.db)
    for one in found:
        click.echo(f"{one.id}  {one.title}  until {one.until.astimezone():%Y-%m-%d %H:%M}")
    if not found:
        click.echo("Nothing was deleted lately.")
