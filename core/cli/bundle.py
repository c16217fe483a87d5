"""`export`, `import`, `verify`: runs and studies in a file that travels."""

from pathlib import Path
import sys

import click

from core.cli.common import FAILED, as_json, cli, print_json
from core.domain.errors import WrongInput
from core.export.bundle.bring import bring
from core.export.bundle.verify import Digests, Rerun, rerun
from core.export.bundle.verify import verify as verified
from core.export.bundle.write import ENDING, export
from core.export.report.run_digests import run_digests
from core.jobs.catalogue import catalogue
from core.storage.home import open_home
from core.storage.portable import Brought, PortableRun
from core.storage.runs import ResultStore

SHOWN = 20  # differences that are printed; --json has them all


@cli.command("export")
@click.argument("ids", metavar="ID... FILE.zip", nargs=-1, required=True)
@click.option("--without-weights", is_flag=True, help="Leave networks and statistics out: smaller, and tells less of the images.")
@as_json
def export_(ids: tuple[str, ...], without_weights: bool, as_json: bool) -> None:
    """Write finished runs and studies into FILE.zip, a bundle that `import` reads; an ID may be a study's, or its title.

    What stands beside a run (its second reference, its ablations) goes along. The file is an RO-Crate: without Forgetscope it can be
    read, too. Networks can tell what they were trained on; --without-weights leaves them out.
    """
    *names, file = ids
    if not names:
        raise WrongInput(f"export wants at least one ID and then the file to write, FILE{ENDING}; got only {file!r:.120}.")
    home = open_home()
    with ResultStore(home.database) as store:
        store.reconcile()
    written = export(home, names, Path(file), weights=not without_weights)
    if written.left:
        click.echo(f"Left out: {written.left} runs of the studies that are not done.", err=True)
    if as_json:
        print_json({"file": file, "sha256": written.sha256, "runs": written.runs, "along": written.along, "studies": written.studies})
        return
    along = f" and {len(written.along)} that stand beside them" if written.along else ""
    of = f" of {_count(len(written.studies), 'study', 'studies')}" if written.studies else ""
    click.echo(f"{file}: {_count(len(written.runs), 'run', 'runs')}{of}{along}.")
    click.echo(f"Its digest: {written.sha256}")


@cli.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@as_json
def import_(file: Path, as_json: bool) -> None:
    """Add the runs and studies of a bundle; all of it or nothing, and nothing that is here is changed.

    Nothing in it is executed, and every digest is checked. A run that is here with other numbers stays; the bundle's gets another ID.
    """
    brought = bring(open_home(), _existing(file))
    if as_json:
        print_json({
            "runs": [{"id": one.id, "in_bundle": one.of, "how": one.how} for one in brought.runs],
            "studies": [{"id": one.id, "in_bundle": one.of, "how": one.how} for one in brought.studies],
        })  # fmt: skip
        return
    for one in brought.studies:
        click.echo(_line("study", one))
    for one in brought.runs:
        click.echo(_line("run", one))


@cli.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--rerun", "again", is_flag=True, help="Also compute the runs here once more, and compare the numbers.")
@as_json
def verify(file: Path, again: bool, as_json: bool) -> None:
    """Recompute the digests of a bundle, and with --rerun its numbers, and say which hold. Exit status 1 where one does not.

    Digests show that the bundle is as it was written, not by whom: compare its own digest with that of whoever made it.
    """
    found = verified(_no_report(_existing(file)))
    reruns = list[Rerun]()
    if not as_json:
        _print_digests(file, found)
    if again and found.holds:
        home = open_home()
        shelves = catalogue(home.root)
        wanted = [run for run in found.runs if run.id in found.asked] or list(found.runs)
        for run in wanted:
            reruns.append(rerun(home, run, shelves, lambda line: click.echo(line, err=True)))
            if not as_json:
                _print_rerun(reruns[-1])
    if as_json:
        print_json({
            "file": str(file), "sha256": found.sha256, "files": len(found.files), "broken": found.broken, "wrong": found.wrong or None,
            "holds": found.holds, "runs": [{"id": run.id, "digests": _digests(run)} for run in found.runs],
            "reruns": [one.to_plain() for one in reruns] if again else None,
        })  # fmt: skip
    if not found.holds or any(one.differing for one in reruns):
        sys.exit(FAILED)


def _existing(file: Path) -> Path:
    """Raises WrongInput."""
    if not file.is_file():
        raise WrongInput(f"There is no file {str(file)!r:.200}; a bundle that `export` wrote is wanted.")
    return file


def _no_report(file: Path) -> Path:
    """Raises WrongInput for a report, which names digests but does not hold what they are of."""
    with file.open("rb") as opened:
        start = opened.read(64)
    if start.lstrip().lower().startswith(b"<!doctype html"):
        raise WrongInput(
            f"{file.name!r:.120} is an HTML report: it names digests, but does not hold the files that they are of. A bundle is wanted; "
            "the report's passport says by which command it is written (`core export ID FILE.zip`)."
        )
    return file


def _line(what: str, one: Brought) -> str:
    return f"{one.id}  {what} {one.how}" + (f" (in the bundle {one.of})" if one.id != one.of else "")


def _count(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def _print_digests(file: Path, found: Digests) -> None:
    hold = len(found.files) - len(found.broken)
    click.echo(f"{file.name}: {hold:,} of {_count(len(found.files), 'file is', 'files are')} as written. Its digest: {found.sha256}")
    for path, what in found.broken.items():
        click.echo(f"  {path} {what}.")
    if found.wrong and not found.broken:
        click.echo(f"  {found.wrong}")
    for run in found.runs:
        click.echo(f"  run {run.id}: {run.spec.method} · {run.spec.dataset} · {run.spec.request.text}, by code {run.spec.engine}")
        for what, value in _digests(run).items():
            click.echo(f"    {what}: {value}")


def _digests(run: PortableRun) -> dict[str, str]:
    """As the run's report prints them; those of its networks were recomputed, and hold."""
    return run_digests(run.spec, {name: file.partition(".")[0] for name, file in run.files.items()})


def _print_rerun(one: Rerun) -> None:
    differing = one.differing
    hold = len(one.numbers) - len(differing)
    code = "the same code" if one.engine == one.run.spec.engine else f"other code ({one.engine} here, {one.run.spec.engine} there)"
    device = "" if one.device == one.run.device else f" on another device ({one.device} here, {one.run.device} there)"
    click.echo(f"run {one.run.id}, computed again by {code}{device}: {hold:,} of {len(one.numbers):,} numbers hold.")
    for number in differing[:SHOWN]:
        there, here = ("none" if value is None else f"{value:.6g}" for value in (number.there, number.here))
        by = "" if number.difference is None else f" ({number.difference:+.2g})"
        click.echo(f"  {number.metric} of the {number.model} network: {there} there, {here} here{by}")
    if len(differing) > SHOWN:
        click.echo(f"  and {len(differing) - SHOWN} more, which --json lists.")

