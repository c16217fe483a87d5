"""`list`, `runs`, `show`, `cancel`, `delete`: what there is, and what can be done with it. An ID may be a study's."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
import sys

import click

from core.cli.common import FAILED, as_json, cli, print_json
from core.cli.output import doubts_of, print_report, print_study
from core.cli.progress_text import places, plain
from core.cli.progress_text import standing as standing_of
from core.domain.errors import WrongInput
from core.domain.extension_files import extensions_folder
from core.domain.requests.published import FILES, NamedSet
from core.domain.requests.registry import KINDS
from core.domain.run import RunStatus, model_text
from core.jobs import submit
from core.jobs.catalogue import catalogue
from core.jobs.studies import progress as standing
from core.jobs.studies import submit as study_runner
from core.jobs.studies.progress import go_on_elsewhere
from core.jobs.studies.table import summary as study_summary
from core.models.timm_names import offer
from core.reports.run_report import damaged_summary, full_report, summary
from core.storage import run_list, trash
from core.storage import studies as stored_studies
from core.storage.durations import Place
from core.storage.home import open_home
from core.storage.record_types import DamagedRun, Label, Run
from core.storage.run_list import SORTS, Wanted
from core.storage.runs import ResultStore
from core.storage.studies import StoredStudy, is_study

SHELVES = ("datasets", "models", "methods", "metrics")
REQUESTS, EXTENSIONS = "requests", "extensions"


@cli.command("list")
@click.argument("shelf", type=click.Choice((*SHELVES, REQUESTS, EXTENSIONS)))
@as_json
def list_(shelf: str, as_json: bool) -> None:
    """What can be asked for: datasets, models, methods, metrics, forget requests with the published forget sets, or extensions.

    Methods stand with what forgetting one class of digits costs, in passes over the training set.
    """
    if shelf == REQUESTS:
        _list_requests(as_json)
        return
    if shelf == EXTENSIONS:
        _list_extensions(as_json)
        return
    items = getattr(catalogue(open_home().root), shelf)
    if as_json:
        print_json([asdict(item) for item in items.values()])
    else:
        for key, item in items.items():
            cost = f"{item.passes:7.2f} passes  " if shelf == "methods" else ""
            click.echo(f"{key:{20 if cost else 34}} {cost}{item.title}")
        if shelf == "models":
            click.echo(offer(), err=True)


def _list_extensions(as_json: bool) -> None:
    found = catalogue(open_home().root).extensions
    if as_json:
        print_json([asdict(one) for one in found])
        return
    for one in found:
        click.echo(f"{one.name:20} {one.digest}  {one.error or ', '.join(one.keys) or 'nothing'}  ({one.file})")
        for note in one.notes:
            click.echo(f"{'':20} left out: {note}")
    if not found:
        click.echo(f"No extensions in {extensions_folder()}; `new --help` says how to begin one.")


def _list_requests(as_json: bool) -> None:
    sets = [(f"{key}:{name}", one) for key, kind in KINDS.items() if issubclass(kind, NamedSet) for name, one in kind.sets.items()]
    if as_json:
        kinds = [{"kind": key, "about": kind.about, "examples": kind.examples} for key, kind in KINDS.items()]
        published = [{"forget": text, "title": one.title, "source": one.source, "dataset": one.dataset} for text, one in sets]
        print_json({"kinds": kinds, "published": published, "files": FILES})
        return
    for key, kind in KINDS.items():
        click.echo(f"{key:18} {kind.about}: {kind.examples}")
    click.echo("\nPublished forget sets, for --forget:")
    for text, one in sets:
        click.echo(f"{text:24} {one.title} ({one.source}); of {one.dataset}")
    click.echo("\nPublished as files of indices into torchvision's CIFAR-10, for --forget-file:")
    for name, about in FILES.items():
        click.echo(f"{name:24} {about}")


@cli.command()
@click.option("--dataset", multiple=True, metavar="KEY", help="Only runs of this dataset; this and the next four may be repeated.")
@click.option("--model", multiple=True, metavar="KEY", help="Only runs of this model.")
@click.option("--method", multiple=True, metavar="KEY", help="Only runs of this method.")
@click.option("--kind", multiple=True, type=click.Choice(list(KINDS)), help="Only runs of this kind of request.")
@click.option("--status", multiple=True, type=click.Choice([str(status) for status in RunStatus]), help="Only runs in this state.")
@click.option("--tag", multiple=True, metavar="TAG", help="Only runs with this tag; `label` gives one.")
@click.option("--search", default="", metavar="WORDS", help="Only runs with all these words, such as 'ssd class:3 alpha=2'.")
@click.option("--sort", default="newest", type=click.Choice(list(SORTS)), show_default=True, help="What comes first.")
@click.option("--limit", default=500, type=click.IntRange(0), show_default=True, help="Runs of a page; 0: all of them.")
@click.option("--page", default=1, type=click.IntRange(1), show_default=True, help="Which page of them.")
@as_json
def runs(
    dataset: tuple[str, ...], model: tuple[str, ...], method: tuple[str, ...], kind: tuple[str, ...], status: tuple[str, ...],
    tag: tuple[str, ...], search: str, sort: str, limit: int, page: int, as_json: bool,
) -> None:  # fmt: skip
    """Runs, a page of them at a time, newest first."""
    wanted = Wanted(dataset, model, method, kind, status, tag, search, sort)
    first = (page - 1) * limit
    with ResultStore(open_home().database) as store:
        store.reconcile()
        total, everything = run_list.count(store, wanted), run_list.count(store)
        found = run_list.page_of(store, wanted, first, limit or -1)
        where = places(store)
    if as_json:
        print_json([(damaged_summary(r) if isinstance(r, DamagedRun) else summary(r)) | plain(r, where) for r in found])
    else:
        for r in found:
            click.echo(f"{r.id}  {'damaged':11} {r.wrong}" if isinstance(r, DamagedRun) else _line(r, where))
        if not everything:
            click.echo("No runs yet; `run --help` says how to start one.")
    if len(found) < total or total < everything:
        click.echo(_cut(len(found), first, total, everything, limit), err=True)


def _line(run: Run, where: Mapping[str, Place]) -> str:
    spec, came = run.spec, "  (imported)" if run.imported else ""
    what = f"{spec.dataset} {model_text(spec)} {spec.request.text} {spec.method}"
    return f"{run.id}  {run.status:11} {what}{came}{standing_of(run, where)}{_written(run.label)}"


def _written(label: Label) -> str:
    words = [f'"{label.name}"' if label.name else "", *(f"#{tag}" for tag in label.tags)]
    return "".join(f"  {word}" for word in words if word)


def _cut(shown: int, first: int, total: int, everything: int, limit: int) -> str:
    """How many runs there are besides those that were printed."""
    verb = "is" if total == 1 else "are"
    asked = f"{total:,} of {everything:,} runs {verb} as asked for" if total < everything else f"There are {total:,} runs"
    if shown == total:
        return f"{asked}."
    if not shown:
        pages = max(1, -(-total // limit))
        return f"{asked}, on {pages:,} page{'s' * (pages != 1)} of {limit:,}; this page has none."
    more = f"; --page {first // limit + 2} goes on, --limit 0 prints all" if first + shown < total else ""
    return f"{asked}; these are {first + 1:,} to {first + shown:,}{more}."


@cli.command()
@click.argument("run_id", metavar="ID")
@click.option("--name", metavar="TEXT", help="A name for it, shown wherever the run is; '' takes it away.")
@click.option("--tag", multiple=True, metavar="TAG", help="A word by which `runs --tag` and the page find it; may be repeated.")
@click.option("--untag", multiple=True, metavar="TAG", help="Take a tag away; may be repeated.")
@click.option("--note", metavar="TEXT", help="A note; '' takes it away.")
@as_json
def label(run_id: str, name: str | None, tag: tuple[str, ...], untag: tuple[str, ...], note: str | None, as_json: bool) -> None:
    """Give a run a name, tags and a note; without options, print them."""
    with ResultStore(open_home().database) as store:
        old = store.existing(run_id).label
        if lost := set(untag) - set(old.tags):
            raise WrongInput(f"Run {run_id} has no tag {', '.join(sorted(lost))}; it has {', '.join(old.tags) or 'none'}.")
        tags = tuple(dict.fromkeys(one for one in (*old.tags, *tag) if one not in untag))
        new = Label(old.name if name is None else name.strip(), tags, old.note if note is None else note.strip())
        if new != old:
            store.write_label(run_id, new)
    if as_json:
        print_json(asdict(new))
    else:
        click.echo(f"{run_id}{_written(new)}" + (f"\n{new.note}" if new.note else ""))


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
            print_study(told, progress, as_json, {} if as_json else catalogue(home.root).metrics)
            return
        row = store.row(any_id)
        if isinstance(row, DamagedRun):
            click.echo(f"{row.wrong} It can only be deleted: `delete {row.id}`.", err=True)
            if as_json:
                print_json(damaged_summary(row))
            sys.exit(FAILED)
        found = store.existing(any_id)
        report = full_report(home, store, found)
        for sentence in report["lost"]:
            click.echo(sentence, err=True)
        if as_json:
            print_json(report)
            return
        shelves = catalogue(home.root)
        known = shelves.datasets.get(found.spec.dataset)
        doubts = doubts_of(home, store, found, known)
    if came := found.imported:
        there = f", where it was run {came.id}" if came.id != found.id else ""
        click.echo(f"Imported from {came.file}{there}; computed elsewhere, by code {found.spec.engine}.")
    print_report(report, found, known, doubts, shelves.metrics)
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
        submit.cancel(home, any_id)
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
        damaged = isinstance(store.row(any_id), DamagedRun)
        of_study = not damaged and is_study(store, any_id)
        if not (damaged or of_study):
            store.existing(any_id)
        gone = for_good or damaged or (of_study and not isinstance(stored_studies.row(store, any_id), StoredStudy))
    what = "The study goes, its runs stay" if of_study else "The run goes with its numbers and its own files"
    back = "this cannot be undone" if gone else f"undelete {any_id} brings it back for {trash.KEPT // timedelta(hours=1)} hours"
    if not yes and sys.stdin.isatty():
        click.confirm(f"{what}; {back}. Delete {any_id}?", abort=True)
    if damaged:
        submit.delete_damaged(home, any_id)
    elif of_study:
        study_runner.delete(home, any_id)
        if for_good:
            submit.empty_trash(home, any_id)
    else:
        submit.delete(home, any_id, for_good=for_good)
    click.echo(f"Deleted {any_id}; {back}.", err=True)


@cli.command()
@click.argument("any_id", metavar="[ID]", required=False)
def undelete(any_id: str | None) -> None:
    """Bring back a run or a study that was deleted; without ID, list those that can be."""
    home = open_home()
    if any_id is not None:
        submit.put_back(home, any_id)
        return
    with ResultStore(home.database) as store:
        found = trash.deleted(store.db)
    for one in found:
        click.echo(f"{one.id}  {one.title}  until {one.until.astimezone():%Y-%m-%d %H:%M}")
    if not found:
        click.echo("Nothing was deleted lately.")
