"""What the commands share: their group, how they are left, how they print JSON."""

import json
from typing import Any

import click

from core.domain.run import RunStatus

EXIT = {RunStatus.DONE: 0, RunStatus.CANCELLED: 130}  # any other end: 1
WRONG_USE, FAILED, STOPPED = 2, 1, 130
POLL = 0.1  # seconds

as_json = click.option("--json", "as_json", is_flag=True, help="One JSON value on stdout, nothing else.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Forgetscope without a screen: make a network forget, and see what changed."""


def print_json(value: Any) -> None:
    """On stdout; a number that JSON does not have is an error of ours."""
    click.echo(json.dumps(value))
