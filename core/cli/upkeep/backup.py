"""`backup`, `restore`: a whole home in one file, made while it is used, and a home made of one."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import click

from core.cli.common import as_json, cli, print_json
from core.domain.extension_files import extension_files
from core.domain.formatting import percent
from core.export.backup.restore import restore
from core.export.backup.write import backup
from core.jobs.forecast import size
from core.storage.home import open_home, place_of_home

CODE = "extensions are code, which runs where they lie"


def _by_tenths() -> Callable[[float], None]:
    """Says on stderr how far it is, each tenth once."""
    last = [0]

    def say(share: float) -> None:
        if (tenth := int(10 * share)) > last[0]:
            last[0] = tenth
            click.echo(percent(tenth / 10), err=True)

    return say


def _counted(runs: int, studies: int) -> str:
    return f"{runs:,} run{'s' * (runs != 1)} and {studies:,} stud{'ies' if studies != 1 else 'y'}"


def _warn(lost: tuple[str, ...], what: str) -> None:
    if lost:
        click.echo(f"{len(lost):,} stored files {what}; `doctor` says which runs need them: {', '.join(lost[:3])}", err=True)


@cli.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@as_json
def backup_(file: Path, as_json: bool) -> None:
    """Write the whole home into FILE, while runs go on: every run, study, network, search, sequence, deck, added dataset and extension.

    The file is a zip with the digest of everything in it, and holds each file that its runs need. What is being computed is in it as
    interrupted, what waits still waits. Keep it as private as the home.
    """
    home = open_home()
    written = backup(home, file, _by_tenths())
    _warn(written.lost, "were missing in the home already")
    _warn(written.damaged, "are damaged in the home")
    for name in written.left:
        click.echo(f"Left out, since no backup holds such a name or a link: {name}", err=True)
    if written.extensions:
        click.echo(f"With {len(written.extensions)} extensions ({', '.join(written.extensions)}); {CODE}.", err=True)
    if elsewhere := [one.name for one in extension_files() if not one.entry.is_relative_to(home.root)]:
        click.echo(f"Without extensions that lie outside of the home: {', '.join(elsewhere)}; keep those by themselves.", err=True)
    if as_json:
        print_json({"file": str(file), **asdict(written)})
        return
    stopped = f", of which {written.stopped} being computed: interrupted in the backup" if written.stopped else ""
    click.echo(f"{file}: {_counted(written.runs, written.studies)}{stopped}; {written.files:,} files, {size(written.bytes)}.")
    click.echo(f"Its digest: {written.sha256}")


@cli.command("restore")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--home", "folder", type=click.Path(path_type=Path), metavar="FOLDER", help="Where to; else the home of FORGETSCOPE_HOME.")
@click.option("--without-extensions", is_flag=True, help="Leave its extensions out, which are code.")
@as_json
def restore_(file: Path, folder: Path | None, without_extensions: bool, as_json: bool) -> None:
    """Make a home of FILE, which `backup` wrote, in a folder that is empty, new, or a home in which nothing was done yet.

    Everything is checked before anything is written: names, sizes, digests, the database, and that each file a run needs is there. Nothing
    in it is executed now, but extensions are code and run when the home is used: restore only backups of people you trust.
    """
    restored = restore(file, place_of_home(folder), extensions=not without_extensions, say=_by_tenths())
    home = open_home(restored.home)
    _warn(restored.lost, "were missing or damaged where the backup was made")
    if restored.extensions:
        click.echo(f"With {len(restored.extensions)} extensions ({', '.join(restored.extensions)}); {CODE}.", err=True)
    if restored.waiting:
        click.echo(f"{restored.waiting:,} of its runs wait, and begin when somebody opens the home's pages or follows a run.", err=True)
    if as_json:
        print_json({**asdict(restored), "home": str(home.root)})
        return
    click.echo(f"{home.root}: {_counted(restored.runs, restored.studies)}, as they were {restored.made or 'when the backup was made'}.")
