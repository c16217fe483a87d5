"""`sweep`, `studies`: one request, several methods and settings, several seeds."""

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
import sys
from time import sleep
from typing import Any

import click

from core.cli.common import FAILED, POLL, STOPPED, as_json, cli, print_json, ray_option
from core.cli.output import print_study
from core.cli.progress_text import places
from core.cli.run import Nudge, aloud, engine_asked
from core.domain.formatting import duration
from core.domain.run import RunStatus
from core.domain.seed_lists import seeds_text
from core.domain.study import StudyPlan
from core.jobs import submit as job_runner
from core.jobs.catalogue import Catalogue, catalogue, is_written
from core.jobs.studies import progress, submit
from core.jobs.studies.progress import Progress, Standing, go_on_elsewhere
from core.jobs.studies.table import StudySummary, summary
from core.jobs.studies.toml_file import plan_from_toml, text_of
from core.jobs.validation import limit_of
from core.storage import studies as stored_studies
from core.storage.artifacts import Artifacts
from core.storage.home import Home, open_home
from core.storage.record_types import Forecast, Run
from core.storage.runs import ResultStore


@cli.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--limit", default="", metavar="TIME", help="Stop each run after 90 (seconds), 15min, 2h, say; by default FILE's `limit`.")
@click.option("--dry-run", is_flag=True, help="Only say how long the study is likely to take here and how much memory it needs.")
@ray_option
@as_json
def sweep(file: Path, limit: str, dry_run: bool, as_json: bool) -> None:
    """Run the study that FILE (TOML) describes, and print its table; Ctrl-C cancels.

    What is done already is not computed again; a file with more methods or seeds makes its study grow.
    """
    at_most = limit_of(limit)
    home = open_home()
    text = text_of(file)
    if not is_written(home.root):  # as for `run`
        job_runner.ensure_supervisor(home)
    shelves = catalogue(home.root)
    plan = plan_from_toml(text, shelves)
    if at_most is not None:
        plan = replace(plan, limit=at_most)
    if dry_run:
        likely = likely_of(home, plan, shelves, measure=True)
        click.echo(progress.takes(likely) or "All of it is stored already.", err=True)
        if as_json:
            print_json(asdict(likely))
        return
    told, ended, status = carry_out(home, plan, shelves)
    print_study(told, ended, as_json, shelves.metrics)
    if status:
        sys.exit(status)


def likely_of(home: Home, plan: StudyPlan, shelves: Catalogue, *, measure: bool) -> Forecast:
    """What the plan's runs are likely to take. measure: also where nothing like them has finished here."""
    with engine_asked(home, measure=measure) as ask, ResultStore(home.database) as store:
        return progress.forecast_for(store, plan, shelves, Artifacts(home.artifacts_folder).files(), ask)


def carry_out(home: Home, plan: StudyPlan, shelves: Catalogue) -> tuple[StudySummary, Progress, int]:
    """Ask for the plan's runs and wait for their end, Ctrl-C cancels; its table, where it stands then, and the exit status."""
    said = progress.takes(likely_of(home, plan, shelves, measure=False))
    study_id = submit.submit(home, plan, shelves)
    _tell_renewed(home, study_id)
    if said:
        click.echo(f"{study_id}  {said}", err=True)
    try:
        ended = follow(home, study_id)
    except KeyboardInterrupt:
        if left := submit.cancel(home, study_id):
            click.echo(go_on_elsewhere(left), err=True)
        ended = follow(home, study_id)
    with ResultStore(home.database) as store:
        told = summary(home, store, study_id)
        members = stored_studies.members(store, study_id, Artifacts(home.artifacts_folder).files()).get(study_id, [])
        in_vain = [member for member in members if member.lost and member.anew]
        for member in members:
            run = store.row(member.run_id) if member.status == RunStatus.FAILED or member in in_vain else None
            if isinstance(run, Run):
                click.echo(f"{run.id}  {run.spec.method}, seed {run.spec.seed}: {run.error_line}", err=True)
    if ended.done == ended.total and not in_vain:
        return told, ended, 0
    return told, ended, FAILED if ended.failed or any(member.anew == RunStatus.FAILED for member in in_vain) else STOPPED


def follow(home: Home, study_id: str, say: Callable[[str], None] = aloud) -> Progress:
    """Wait until none of the study's runs is active; tell how many are done.

    A study that was cancelled does not wait for the runs that another study waits for.
    """
    told, nudge = "", Nudge(home)
    with ResultStore(home.database) as store:
        while True:
            store.reconcile()
            now = progress.progress(store, study_id)
            line = f"{now.done} of {now.total} done" + (f", {now.failed} failed" if now.failed else "")
            if line != told:
                told = line
                say(f"{study_id}  {line}{_left(store, study_id)}")
            if not now.active or _all_elsewhere(store, study_id, now):
                return now
            nudge()
            sleep(POLL)


def _left(store: ResultStore, study_id: str) -> str:
    """How long it will still take, where that is known."""
    seconds = progress.seconds_left(stored_studies.members(store, study_id).get(study_id, []), places(store))
    return "" if seconds is None else f", about {duration(seconds)} left"


def _all_elsewhere(store: ResultStore, study_id: str, now: Progress) -> bool:
    cancelled = stored_studies.existing(store, study_id).cancelled
    return cancelled and now.active <= len(stored_studies.awaited(store, study_id))


def _tell_renewed(home: Home, study_id: str) -> None:
    with ResultStore(home.database) as store:
        now = progress.progress(store, study_id)
    for count, why in ((now.standing_in, "the engine has changed"), (now.again, "files are gone")):
        if count:
            runs = f"{count} run{'s are' if count > 1 else ' is'}"
            click.echo(f"{study_id}  {runs} computed anew, because {why}; the old numbers stay until then.", err=True)


@cli.command()
@as_json
def studies(as_json: bool) -> None:
    """Every study, newest first."""
    home = open_home()
    with ResultStore(home.database) as store:
        store.reconcile()
        found, damaged = progress.standings(store, Artifacts(home.artifacts_folder).files()), progress.damaged(store)
        left = {study.stored.id: _left(store, study.stored.id) for study in found if study.now.active}
    for row in damaged:
        click.echo(f"{row.wrong} It can only be deleted: `delete {row.id}`.", err=True)
    if as_json:
        print_json([_plain(study) for study in found])
        return
    for study in found:
        plan, now = study.plan, study.now
        methods = ", ".join(dict.fromkeys(variant.method for variant in plan.variants))
        state = f"{now.done}/{now.total} done" + (f", {now.failed} failed" if now.failed else "")
        state += f", {now.lost} without some of their files: `sweep` computes them again" if now.lost else ""
        state += left.get(study.stored.id, "")
        click.echo(f"{study.stored.id}  {state:14} {plan.name}  seeds {seeds_text(plan.seeds)}  {methods}")
    if not found and not damaged:
        click.echo("No studies yet; `sweep --help` says how to start one.")


def _plain(study: Standing) -> dict[str, Any]:
    plan = study.plan
    return {
        "id": study.stored.id, "title": plan.name, "forget": plan.request.text, "dataset": plan.dataset,
        "model": plan.model, "recipe": plan.recipe,
        "variants": [variant.text for variant in plan.variants], "seeds": list(plan.seeds), "draws": list(plan.draws),
        "limit_seconds": plan.limit,
        "created_at": study.stored.created_at.isoformat(), "runs": [run.run_id for run in study.runs],
        **study.now.to_plain(),
    }  # fmt: skip
