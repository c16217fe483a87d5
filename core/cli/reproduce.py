"""`reproduce`: the papers' own settings as studies, their published numbers beside ours."""

import csv
from dataclasses import replace
import sys

import click

from core.cli.common import as_json, cli, print_json
from core.cli.output import Metrics, spread_text, unit_of, wrapped
from core.cli.study import carry_out
from core.domain.errors import WrongInput
from core.domain.study import StudyPlan
from core.jobs import submit as job_runner
from core.jobs.catalogue import Catalogue, catalogue, is_written
from core.jobs.studies.papers import (
    COLUMNS,
    Paper,
    Reproduction,
    dataset_of,
    needed,
    paper_of,
    papers,
    plan_for,
    reproduction,
    stand_in,
    study_of,
)
from core.jobs.studies.progress import standings
from core.jobs.studies.table import summary
from core.jobs.validation import limit_of
from core.reports.published_numbers import digits
from core.storage.home import Home, open_home
from core.storage.runs import ResultStore


@cli.command()
@click.argument("names", metavar="NAME...", nargs=-1)
@click.option("--list", "listed", is_flag=True, help="List the papers, and what each needs.")
@click.option("--subset", is_flag=True, help="Where a paper's dataset is not here, take the largest with its classes; the table says so.")
@click.option("--download", is_flag=True, help="Let the runs download a paper's dataset where it is not here.")
@click.option("--stored", is_flag=True, help="Start nothing: print what the runs that are stored give.")
@click.option("--limit", default="", metavar="TIME", help="Stop each run after 90 (seconds), 15min, 2h, say; by default there is no limit.")
@click.option("--csv", "as_csv", is_flag=True, help="A table in CSV on stdout, nothing else.")
@as_json
def reproduce(
    names: tuple[str, ...], listed: bool, subset: bool, download: bool, stored: bool, limit: str, as_csv: bool, as_json: bool
) -> None:  # fmt: skip
    """Run the studies of papers by their NAMEs (`--list`), and print our numbers beside the published ones; Ctrl-C cancels."""
    if as_csv and as_json:
        raise WrongInput("reproduce prints JSON or CSV; choose one of --json and --csv.")
    if not (names or listed):
        raise WrongInput(f"Which paper is wanted; name one or more of: {', '.join(papers())}.")
    at_most, wanted, home = limit_of(limit), [paper_of(name) for name in names], open_home()
    if not is_written(home.root):  # as for `run`
        job_runner.ensure_supervisor(home)
    shelves = catalogue(home.root)
    if listed:
        _list(wanted or list(papers().values()), shelves, as_json)
        return
    plans = [] if stored else [_plan(paper, shelves, subset, download) for paper in wanted]  # before any is run
    found, status = [], 0
    for index, paper in enumerate(wanted):
        if stored:
            found += _of_store(home, paper, shelves)
        else:
            told, _, ended = carry_out(home, replace(plans[index], limit=at_most), shelves)
            found.append(reproduction(paper, told, shelves))
            status = status or ended
    if as_json:
        print_json([one.to_plain() for one in found])
    elif as_csv:
        _print_csv(found)
    else:
        for one in found:
            _print(one, shelves.metrics)
    if status:
        sys.exit(status)


def _plan(paper: Paper, shelves: Catalogue, subset: bool, download: bool) -> StudyPlan:
    """Raises WrongInput, which names the options that help."""
    try:
        return plan_for(paper, shelves, subset=subset, download=download)
    except WrongInput as missing:
        other = stand_in(paper, shelves)
        ways = [f", or take {other.key} (--subset)" if other else "", ", or let its runs download it (--download)" if paper.files else ""]
        none = ", and no dataset that was added has its classes" if subset else ""
        raise WrongInput(f"{str(missing).rstrip('.')}{''.join(ways)}{none}.") from None


def _of_store(home: Home, paper: Paper, shelves: Catalogue) -> list[Reproduction]:
    with ResultStore(home.database) as store:
        study = study_of(paper, standings(store))
        if study is None:
            click.echo(f"{paper.key}: no study of it is stored; without --stored its runs are started.", err=True)
            return []
        return [reproduction(paper, summary(home, store, study.stored.id), shelves)]


def _list(wanted: list[Paper], shelves: Catalogue, as_json: bool) -> None:
    rows = [(paper, *_needs(paper, shelves)) for paper in wanted]
    if as_json:
        print_json([
            {
                "name": paper.key, "title": paper.title, "authors": paper.authors, "arxiv": paper.arxiv,
                "dataset": needed(paper, shelves), "here": here, "needs": needs, "published_numbers": len(paper.numbers),
            }
            for paper, here, needs in rows
        ])  # fmt: skip
        return
    for paper, here, needs in rows:
        count = f"{len(paper.numbers)} published number{'s' * (len(paper.numbers) != 1)}"
        click.echo(f"{paper.key:26} {paper.title} (arXiv:{paper.arxiv}), {count}\n{'':26} {needs if needs else f'takes {here}'}")


def _needs(paper: Paper, shelves: Catalogue) -> tuple[str, str]:
    """The dataset's key where it is here, else ''; and what is missing, else ''."""
    try:
        return dataset_of(paper, shelves).key, ""
    except WrongInput as missing:
        return "", str(missing)


def _print(one: Reproduction, metrics: Metrics) -> None:
    paper = one.paper
    click.echo(f"\n{paper.key}  {paper.title}  (arXiv:{paper.arxiv})  study {one.study} on {one.dataset}")
    ours = f"Ours: mean ± half-width of the 95 % interval {one.covers}; in brackets: of how many seeds."
    click.echo(wrapped(f"{ours} Setting: {paper.setting_from}."))
    click.echo(f"\n{'':24}{'':30}{'published':>11}{'ours':>20}{'difference':>12}  covered")
    for row in one.rows:
        number, unit = row.published, unit_of(row.published.metric, metrics)
        published = "-" if number.value is None else digits(number.value, unit)
        difference = "-" if row.difference is None else f"{'+' * (row.difference >= 0)}{digits(row.difference, unit)}"
        covered = {True: "yes", False: "no", None: ""}[row.covered]
        name = number.row if len(number.row) < 24 else f"{number.row}\n{'':24}"
        line = f"{name:24}{number.metric:30}{published:>11}{spread_text(row.ours, unit):>20}{difference:>12}  {covered or row.absent}"
        click.echo(line.rstrip())
    if one.differences:
        click.echo("\nThe setting differs from the paper's in:")
        for difference_ in one.differences:
            click.echo(f"  {difference_.text}")
    sources = dict.fromkeys(f"{row.published.source} ({row.published.evidence})" for row in one.rows if row.published.source)
    for sentence in (*one.cautions, *paper.notes, *(f"Published numbers: {source}." for source in sources)):
        click.echo(wrapped(f"- {sentence}"))


def _print_csv(found: list[Reproduction]) -> None:
    table = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(record for one in found for record in one.table())
