"""Where `python -m core` begins: every command is known here, and wrong use is told."""

import errno
import os
import sys

import click

from core.cli import (
    bundle,
    compare,
    data,
    extend,
    judge,
    leaderboard,
    report,
    reproduce,
    run,
    runs,
    sequence,
    study,
    tune,
)
from core.cli.common import FAILED, STOPPED, WRONG_USE, cli
from core.cli.upkeep import backup, cleaning, doctor
from core.domain.errors import WrongInput
from core.storage.disk_and_memory_errors import DiskTrouble

COMMANDS = (  # each adds its own to `cli`
    runs, run, judge, study, tune, sequence, compare, leaderboard, report, reproduce, data, bundle, extend, backup, cleaning, doctor,
)  # fmt: skip


def main() -> None:
    """Wrong use: one line on stderr, status 2; what the disk does not let: one line, status 1; no traceback."""
    try:
        cli.main(standalone_mode=False)
        sys.stdout.flush()  # here, where a full disk can still be told
    except click.exceptions.NoArgsIsHelpError as shown:
        click.echo(shown.format_message())
    except click.ClickException as wrong:
        _complain(wrong.format_message())
        sys.exit(WRONG_USE)
    except DiskTrouble as trouble:
        _complain(str(trouble))
        sys.exit(FAILED)
    except OSError as error:
        _leave_stdout(error)
    except WrongInput as wrong:
        _complain(str(wrong))
        sys.exit(WRONG_USE)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(STOPPED)


def _leave_stdout(error: OSError) -> None:
    """Who read our output has left (`| head`), or the disk that it went to is full. Raises any other trouble."""
    if error.filename is not None or error.errno not in (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF):
        raise error
    if error.errno != errno.EPIPE:
        _complain(f"What was asked for could not be printed: {error.strerror}.")
    # What is still buffered can go nowhere, and Python would try once more when it ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(FAILED)


def _complain(sentence: str) -> None:
    """One line on stderr, whatever bytes the user's words were made of."""
    click.echo(" ".join(sentence.encode(errors="replace").decode().split()), err=True)
