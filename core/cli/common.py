"""What the commands share: their group, how they are left, how they print JSON."""

import json
import os
from typing import Any

import click

from core.domain.errors import WrongInput
from core.domain.run import RunStatus
from core.domain.training.recipes import PARTS, SAID
from core.jobs.cluster.asked import RAY, Asked
from core.jobs.supervisor_start_lock import cluster_served
from core.storage.home import open_home

EXIT = {RunStatus.DONE: 0, RunStatus.CANCELLED: 130}  # any other end: 1
WRONG_USE, FAILED, STOPPED = 2, 1, 130
POLL = 0.1  # seconds

as_json = click.option("--json", "as_json", is_flag=True, help="One JSON value on stdout, nothing else.")
recipe_option = click.option(
    "--recipe", multiple=True, metavar="NAME=VALUE ...",
    help=f"How the original and the reference are trained, where not as usual: {', '.join(PARTS)}; such as {' '.join(SAID)}.",
)  # fmt: skip


def _send_to_ray(_: click.Context, __: click.Parameter, address: str | None) -> None:
    """For this process and the supervisor that it starts. Raises WrongInput where one serves the home that sends runs elsewhere."""
    if address is None:
        return
    os.environ[RAY] = address
    Asked.of_environment()
    if (serves := cluster_served(open_home())) not in (None, address):
        where = f"to the cluster {serves}" if serves else "to no cluster"
        raise WrongInput(
            f"The supervisor that serves this home sends runs {where}; `python -m core.jobs.supervisor --stop` ends it, then ask again."
        )


ray_option = click.option(
    "--ray", metavar="ADDRESS", expose_value=False, callback=_send_to_ray,
    help=f"Runs go to this Ray cluster: auto or HOST:PORT; by default as {RAY} says.",
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
