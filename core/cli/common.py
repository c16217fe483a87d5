"""What the commands share: their group, how they are left, how they print JSON."""

import json
from typing import Any

import click

from core.domain.run import RunStatus
from core.domain.training.recipes import PARTS, SAID

EXIT = {RunStatus.DONE: 0, RunStatus.CANCELLED: 130}  # any other end: 1
WRONG_USE, FAILED, STOPPED = 2, 1, 130
POLL = 0.1  # seconds

as_json = click.option("--json", "as_json", is_flag=True, help="One JSON value on stdout, nothing else.")
recipe_option = click.option(
    "--recipe", multiple=True, metavar="NAME=VALUE ...",
    help=f"How the original and the reference are trained, where not as the preset says: {', '.join(PARTS)}; such as {' '.join(SAID)}.",
)  # fmt: skip


class SeveralValues(click.Command):
    """A command without arguments: what follows `--recipe NAME=VALUE` and is NAME=VALUE too belongs to it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click has it, with the option written out before each of its values."""
        written, following = list[str](), False
        for at, word in enumerate(args):
            more = following and at and args[at - 1] != "--recipe" and "=" in word and not word.startswith("-")
            following = word.startswith("--recipe") or (following and not word.startswith("-"))
            written += ["--recipe", word] if more else [word]
        return super().parse_args(ctx, written)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Forgetscope without a screen: make a network forget, and see what changed."""


def print_json(value: Any) -> None:
    """On stdout; a number that JSON does not have is an error of ours."""
    click.echo(json.dumps(value))
