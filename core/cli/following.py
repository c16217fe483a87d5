"""A long job, a search of settings or a sequence of requests, followed from a terminal to its end."""

from collections.abc import Callable, Mapping, Sequence
from time import sleep
from typing import Any

import click

from core.cli.common import FAILED, POLL, STOPPED, print_json
from core.cli.run import Nudge
from core.jobs import long_jobs
from core.jobs.background import job_progress
from core.jobs.long_jobs import State
from core.storage.home import Home


def follow(
    home: Home, job_id: str, command: str, *, lines: Callable[[int], list[str]], stamp: Callable[[], object],
    stop: Callable[[Home, str], None], quiet: str = "",
) -> None:  # fmt: skip
    """Wait until it is not active any more; Ctrl-C stops it. What it makes meanwhile is told on stderr.

    lines: of what it has made, without the first so many; stamp: changes with what is stored; a stage whose note holds `quiet` is not
    told. command: by which it goes on, as `tune`.
    """
    nudge, noted, was, told = Nudge(home), "", stamp(), len(lines(0))
    try:
        while True:
            now = job_progress(home, job_id)
            stage = now.note.partition(":")[0]
            if (changed := stamp()) != was or now.status != "running":
                was, new = changed, lines(told)
                told += len(new)
                for line in new:
                    click.echo(f"{job_id}  {line}", err=True)
            elif stage != noted and not (quiet and quiet in now.note):
                noted = stage
                click.echo(f"{job_id}  {noted}", err=True)
            if now.status != "running":
                return
            nudge()
            sleep(POLL)
    except KeyboardInterrupt:
        stop(home, job_id)
        click.echo(f"{job_id}  stopped; `{command} go-on {job_id}` goes on.", err=True)


def print_list(known: Mapping[str, tuple[str, str]], damaged: Sequence[str], nothing: str, plain: Sequence[Any] | None) -> None:
    """A line each: id -> where it stands, and what it is; or `plain` as JSON. nothing: what is said where there is none."""
    for sentence in damaged:
        click.echo(sentence, err=True)
    if plain is not None:
        print_json(plain)
        return
    for job_id, (text, title) in known.items():
        click.echo(f"{job_id}  {text:28} {title}")
    if not known and not damaged:
        click.echo(nothing)


def leave(ended: State) -> None:
    """With the status of how it ended. Raises SystemExit unless it is complete."""
    if ended.error:
        click.echo(ended.error, err=True)
    if ended.state != long_jobs.COMPLETE:
        raise SystemExit(FAILED if ended.state == long_jobs.FAILED else STOPPED)
