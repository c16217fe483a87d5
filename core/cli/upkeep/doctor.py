"""`doctor`: how everything stands that runs need."""

from dataclasses import asdict
import sys

import click

from core.cli.common import FAILED, as_json, cli, print_json
from core.jobs.upkeep.doctor import examine
from core.jobs.upkeep.findings import FAULT, WARNING


@cli.command()
@click.option("--all", "whole", is_flag=True, help="Read every stored byte, where a draw of files is read else.")
@as_json
def doctor(whole: bool, as_json: bool) -> None:
    """How the home, the machine, the libraries, extensions and settings stand: a line each, with what to do. It mends nothing itself.

    Exit status 1 where anything is a fault: something that cannot work until it is mended.
    """
    root, lines = examine(whole=whole)
    faults, warnings = (sum(line.status == status for line in lines) for status in (FAULT, WARNING))
    if as_json:
        print_json({"home": root and str(root), "faults": faults, "warnings": warnings, "lines": [asdict(line) for line in lines]})
    else:
        for line in lines:
            click.echo(f"{line.status:8} {line.about:11} {' '.join(line.says.split())}")
    if faults:
        sys.exit(FAILED)
