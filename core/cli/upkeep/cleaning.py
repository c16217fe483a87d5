"""`gc`: what of the home nobody needs any more, listed, and deleted where that is asked for."""

from dataclasses import asdict

import click

from core.cli.common import as_json, cli, print_json
from core.jobs.forecast import size
from core.jobs.upkeep.cleaning import clean, look
from core.storage.home import open_home
from core.storage.upkeep.disk_use import bytes_of, quota


@cli.command()
@click.option("--delete", is_flag=True, help="Delete it; without, it is only listed.")
@click.option("--older-than", type=int, metavar="DAYS", help="Also trained networks of so many days that no run has and nothing may want.")
@as_json
def gc(delete: bool, older_than: int | None, as_json: bool) -> None:
    """What of the home can go: by kind how many and how much. Nothing is deleted without --delete.

    Never what a run, a study, a search or a sequence needs, or what waits or is being computed; runs may go on meanwhile. Runs
    themselves, with their networks, go by `delete` alone.
    """
    home = open_home()
    found = look(home, older_than)
    freed = clean(home, found) if delete else None
    total = sum(kind.bytes for kind in found.kinds)
    if as_json:
        print_json({
            "home": str(home.root), "kinds": [asdict(kind) for kind in found.kinds], "bytes": total, "freed": freed,
            "notes": list(found.notes), "home_bytes": bytes_of(home.root), "quota": quota(),
        })  # fmt: skip
        return
    for kind in found.kinds:
        click.echo(f"{size(kind.bytes) if kind.bytes else '-':>8}  {kind.count:>7,}  {kind.why}")
    for note in found.notes:
        click.echo(note, err=True)
    allowed = quota()
    now = f"the home has {size(bytes_of(home.root))}" + (f" of the {size(allowed)} that it may have" if allowed else "")
    if freed is not None:
        click.echo(f"{size(freed) if freed else 'Nothing'} freed; {now}.")
    elif found.kinds:
        click.echo(f"{size(total)} could go, and {now}. Nothing was deleted; --delete deletes it.")
    else:
        click.echo(f"Nothing can go; {now}.")
