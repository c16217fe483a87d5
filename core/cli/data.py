"""`data`: images of the user's own, added as a dataset, listed and removed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
import signal
import sys
from typing import Any

import click

from core.cli.common import as_json, cli, print_json
from core.data.importing import store as cache
from core.data.importing.decode import Say
from core.data.importing.importer import CHANNELS, Added, ImportOptions
from core.data.importing.layouts.registry import AUTO, LAYOUTS
from core.domain.errors import WrongInput
from core.domain.run import ACTIVE
from core.jobs.import_dataset import import_images
from core.storage import run_list
from core.storage.disk_and_memory_errors import told
from core.storage.home import open_home
from core.storage.run_list import Wanted
from core.storage.runs import ResultStore

ENDED = 128 + signal.SIGTERM  # the status of a process that was asked to end, as shells say it


@cli.group("data")
def data() -> None:
    """Your own images as datasets."""


@data.command("add")
@click.argument("path")
@click.option("--layout", default=AUTO, type=click.Choice([AUTO, *LAYOUTS]), show_default=True, help="How the folder is laid out.")
@click.option("--size", default=0, metavar="PIXELS", help="Cut every image square and resize it to this side; 0: as the layout has it.")
@click.option("--label", default="", metavar="COLUMN", help="The column that becomes the class, such as superclass.")
@click.option("--name", default="", help="What the dataset is called; else its folder's name.")
@click.option("--channels", default="auto", type=click.Choice(list(CHANNELS)), help="Turn every image to grey or colour.")
@as_json
def add_(path: str, layout: str, size: int, label: str, name: str, channels: str, as_json: bool) -> None:
    """Add the images in PATH, a folder or a .zip of one; prints the dataset's key.

    A relative PATH is also looked for in FORGETSCOPE_DATA. The same images again are the same dataset. `celeba` is downloaded
    where it is not there.
    """
    home = open_home()
    asked = ImportOptions(layout, size, label, name, channels)
    with _tidy_when_ended():
        added = import_images(home, path, asked, _told_by_percent())
    if as_json:
        print_json({"key": added.info.key, "new": added.new, "notes": list(added.notes), "info": asdict(added.info)})
        return
    for line in _said(added):
        click.echo(line, err=True)
    click.echo(added.info.key)


@contextmanager
def _tidy_when_ended() -> Iterator[None]:
    """SIGTERM is an exception, so that nothing half-written stays; a second one must not cut the tidying short."""

    def leave(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        sys.exit(ENDED)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _told_by_percent() -> Say:
    """Says how far it is on stderr, each percent once."""
    last = [-1]

    def say(share: float, note: str) -> None:
        percent = int(100 * share)
        if percent > last[0]:
            last[0] = percent
            click.echo(f"{percent:3} %  {note}", err=True)

    return say


def _said(added: Added) -> list[str]:
    info = added.info
    kind = "attributes" if info.multi else "classes"
    counts = f"{info.train_count} images to train on, {info.test_count} to test, {len(info.classes)} {kind}"
    columns = f"; columns: {', '.join(column.name for column in info.columns)}" if info.columns else ""
    return [*added.notes, counts + columns, "Added as" if added.new else "These images were added before, as"]


@data.command("list")
@as_json
def list_(as_json: bool) -> None:
    """Every added dataset, those that are damaged included."""
    folder = open_home().datasets_folder
    found: list[dict[str, Any]] = []
    for key in cache.keys(folder):
        try:
            cache.arrays_of(folder, key)
            found.append({"key": key, "info": asdict(cache.info_of(folder, key)), "error": ""})
        except cache.Damaged as damaged:
            found.append({"key": key, "info": None, "error": str(damaged)})
    if as_json:
        print_json(found)
        return
    for row in found:
        info = row["info"]
        click.echo(f"{row['key']:34} {info['about'] if info else row['error']}")
    if not found:
        click.echo("No dataset was added yet; `data add --help` says how to add one.")


@data.command("remove")
@click.argument("key")
def remove(key: str) -> None:
    """Remove an added dataset; the folder that it came from is left alone, and so are the numbers of its runs."""
    home = open_home()
    with ResultStore(home.database) as store:
        store.reconcile()
        busy = run_list.ids_of(store, Wanted(dataset=(key,), status=ACTIVE))
    if busy:
        raise WrongInput(f"The dataset {key} is wanted by {len(busy)} queued or running runs ({', '.join(busy[:3])}); cancel them first.")
    with told(home.datasets_folder / key):
        cache.remove(home.datasets_folder, key)
