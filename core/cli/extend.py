"""`new` and `check`: an extension to begin with, and whether one keeps the contract of the shelves."""

from dataclasses import asdict
from pathlib import Path
import sys

import click

from core.cli.common import FAILED, as_json, cli, print_json
from core.domain.extension_files import KINDS, extensions_folder
from core.extensions.begin import begin


@cli.command("new")
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("name")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), help="Where to; else the folder of extensions.")
def new(kind: str, name: str, folder: Path | None) -> None:
    """Write a working extension with its test: a KIND with the key NAME, for you to change."""
    for path in begin(kind, name, folder or extensions_folder()):
        click.echo(path)


@cli.command("check")
@click.argument("file", type=click.Path(path_type=Path, exists=True))
@as_json
def check_(file: Path, as_json: bool) -> None:
    """Run the contract of the shelves on the extension FILE, which is executed; status 1 where it is not kept."""
    from core.extensions.check import check  # noqa: PLC0415  # late: it needs torch

    found = check(file)
    if as_json:
        print_json([asdict(one) for one in found])
    else:
        for one in found:
            word = "holds" if one.passed else "FAILS" if one.needed else "lacks"
            click.echo(f"{word}  {one.key:24} {one.what}{': ' if one.said else ''}{one.said}")
    if any(one.needed and not one.passed for one in found):
        sys.exit(FAILED)
