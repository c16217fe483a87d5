"""Where `python -m core` begins: every command is known here, and wrong use is told."""

import sys

import click

from core.cli import adding, comparing, looking, running, sweeping
from core.cli.group import STOPPED, WRONG_USE, cli
from core.domain import WrongInput

COMMANDS = (looking, running, sweeping, comparing, adding)  # each adds its own to `cli`


def main() -> None:
    """Wrong use: one line on stderr, status 2, no traceback."""
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as shown:
        click.echo(shown.format_message())
    except click.ClickException as wrong:
        _complain(wrong.format_message())
        sys.exit(WRONG_USE)
    except WrongInput as wrong:
        _complain(str(wrong))
        sys.exit(WRONG_USE)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(STOPPED)


def _complain(sentence: str) -> None:
    """One line on stderr, whatever bytes the user's words were made of."""
    click.echo(" ".join(sentence.encode(errors="replace").decode().split()), err=True)
