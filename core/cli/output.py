"""Reports and tables as text."""

from collections.abc import Mapping
from textwrap import fill
from typing import Any, NamedTuple

import click

from core.cli.common import print_json
from core.domain.errors import WrongInput
from core.domain.evaluation import title_of
from core.domain.formatting import percent
from core.domain.info import DatasetInfo, MetricInfo
from core.domain.run import RunStatus
from core.domain.seed_lists import seeds_text
from core.domain.training.own_recipe import trained_data
from core.jobs.forecast import forecast_and_truth
from core.jobs.studies.progress import Progress
from core.jobs.studies.table import StudySummary
from core.metrics.privacy.multi_seed import OVER_SEEDS
from core.reports.checks.registry import CHECKED, DECIDING
from core.reports.checks.stored_run import finding_of
from core.reports.compare.unchanged_methods import UNCHANGED, UNCHANGED_SAYS
from core.reports.intervals import Spread
from core.reports.run_report import other_versions
from core.reports.settings_search import outcome_line
from core.reports.verdict import verdict
from core.storage.home import Home
from core.storage.record_types import Run
from core.storage.runs import ResultStore


class Doubts(NamedTuple):
    """lines: to print; far_off: whether the first of them is that the original itself is far off, so that no method can be judged.

    warned: whether any of them is a warning.
    """

    lines: tuple[str, ...] = ()
    far_off: bool = False
    warned: bool = False


def doubts_of(home: Home, store: ResultStore, run: Run, data: DatasetInfo | None) -> Doubts:
    """A line a doubt, or one that says that there is none; then what could not be checked. Nothing for a run not done.

    data: None where its dataset is no longer on the shelf.
    """
    if run.status != RunStatus.DONE:
        return Doubts()
    if data is None:
        return Doubts((f"Not checked: this Forgetscope does not know the dataset {run.spec.dataset!r:.60}.",))
    try:
        finding = finding_of(home, store, run, data)
    except WrongInput as wrong:
        return Doubts((f"Not checked: {wrong}",))
    looked_for = ", ".join(CHECKED[key] for key in finding.clear)
    little = ", but too little could be checked to vouch for it" if DECIDING in (finding.missed or {}) else ""
    lines = [f"Warning: {doubt.sentence}" for doubt in finding.warnings] or [f"No warnings{little}. Looked for: {looked_for}."]
    return Doubts((*lines, *finding.besides), finding.far_off, bool(finding.warnings))


NONE = Doubts()
Metrics = Mapping[str, MetricInfo]
NO_METRICS: Metrics = {}
SEEDS_TOGETHER = {metric.key: metric for metric in OVER_SEEDS}
SECOND = "second reference"
LEAST = 0.005  # seconds of a part that is printed
WIDE = 130  # letters of a line
ACROSS = 2  # variants side by side; more go into another table below


def print_report(
    report: dict[str, Any], ended: Run, data: DatasetInfo | None, doubts: Doubts = NONE, metrics: Metrics = NO_METRICS
) -> None:  # fmt: skip
    """A run's verdict, what the automatic checks say of it, and its numbers in their units, where it is done."""
    click.echo(f"{report['id']}  {report['status']}")
    if ended.status != RunStatus.DONE:
        return
    numbers = {"unlearned": report["metrics"], "original": report["original"], "reference": report["reference"] or {}}
    click.echo(str(verdict(numbers, ended.spec.request, data, doubts.far_off).beside(warnings=doubts.warned)))
    searched = outcome_line(report["search"]) if report["search"] else ""
    for line in (report["own_recipe"], report["own_weights"], searched, *doubts.lines, *other_versions(report, metrics),
                 evaluated_line(report, trained_data(ended.spec, data) if data else None), report["stopping"]):  # fmt: skip
        if line:
            click.echo(line)
    if report["floor"]:
        numbers[SECOND] = report["floor"]["unlearned"]
    heads = [model for model in ("original", "unlearned", "reference", SECOND) if model in numbers]
    click.echo(f"\n{'':34}" + "".join(f"{head:>{len(head) + 3}}" for head in heads))
    for metric in report["metrics"]:
        cells = (numbers[model].get(metric) for model in heads)
        unit = unit_of(metric, metrics)
        told = ("-" if v is None else with_unit(v, unit) for v in cells)
        click.echo(f"{metric:34}" + "".join(f"{text:>{len(head) + 3}}" for head, text in zip(heads, told, strict=True)))
    if report["floor"]:
        click.echo(f"{SECOND}: the network retrained a second time, from another seed, held against the reference (retraining variability)")
    if said := forecast_and_truth(report):
        click.echo(f"\n{said}")
    took = ", ".join(f"{stage} {seconds:.3g}" for stage, seconds in report["seconds"].items())
    click.echo(
        f"\nseconds: {took}" + (f"; {report['speedup']:.3g} times as fast as retraining" if report["speedup"] else "")
    )


def print_costs(costs: list[dict[str, Any]] | None, metrics: Metrics) -> None:
    """Seconds of each part of an evaluation by network, without those of the parts within it."""
    if costs is None:
        click.echo("\nWhat the parts of the evaluation took was not stored: another version of Forgetscope computed this run.")
        return
    click.echo(f"\n{'seconds of the evaluation':52}{'network':14}{'seconds':>9}")
    for row in (row for row in costs if row["seconds"] >= LEAST):
        click.echo(f"{_cut(title_of(row['part'], metrics), 50):52}{row['model'] or 'all':14}{row['seconds']:>9.3f}")
    click.echo(f"{'together':52}{'':14}{sum(row['seconds'] for row in costs):>9.3f}")


def evaluated_line(report: dict[str, Any], data: DatasetInfo | None) -> str:
    """Which part of the training images was evaluated, where relearning was given up, which parts were left out; '' where all was done."""
    count, whole, parts, how = report["evaluated_train"], data.train_count if data else 0, [], report["evaluation"]
    if count and count < whole:
        parts.append(f"Evaluated on {count:,} of {whole:,} training images, a fixed draw")
    if limit := report["relearn_limit"]:
        parts.append(f"{'r' if parts else 'R'}elearning given up after {limit} steps")
    sentences = [f"{'; '.join(parts)}, as this network is costly; --all-images evaluates all."] if parts else []
    if how["without"]:
        sentences.append(f"Evaluated without {' and '.join(how['without'])}; `run` without --without computes the rest.")
    elif any(reason.startswith("Left out") for reason in report["reasons"].values()):
        sentences.append("Parts were left out, as the evaluation's budget was spent; `run` without --budget computes them.")
    return " ".join(sentences)


def print_study(told: StudySummary, now: Progress, as_json: bool, metrics: Metrics = NO_METRICS) -> None:
    """Variant by metric: mean, half-width of the 95 % interval, and how many seeds; beside both references."""
    if as_json:
        print_json(told.to_plain() | now.to_plain())
        return
    plan = told.plan
    click.echo(f"{told.id}  {plan.name}  seeds {seeds_text(plan.seeds)}  {now.done} of {now.total} runs done")
    if told.answer:
        click.echo(wrapped(told.answer))
    if told.more:
        click.echo(wrapped(told.more.text))
    click.echo(f"mean ± half-width of the 95 % interval {plan.covers}; in brackets: of how many seeds; {SECOND}: retraining variability")
    rows = [row for row in told.variants if not row.variant.is_floor]
    for start in range(0, len(rows), ACROSS):
        part = rows[start : start + ACROSS]
        numbered = list(enumerate(part, start + 1))
        click.echo()
        for number, row in numbered:
            click.echo(f"  {number}  {row.variant.text}{f' ({UNCHANGED})' if row.unchanged else ''}")
        heads = [*(f"{number} {row.variant.method}" for number, row in numbered), "original", "reference", SECOND]
        click.echo(f"\n{'':34}" + "".join(f"{_cut(head):>20}" for head in heads))
        for metric in told.metrics:
            cells = [row.numbers.get(metric) for row in part]
            cells += [numbers.get(metric) for numbers in (told.original, told.reference, told.floor)]
            click.echo(f"{metric:34}" + "".join(f"{spread_text(cell, unit_of(metric, metrics)):>20}" for cell in cells))
    absent = dict.fromkeys(reason for row in told.variants for reason in row.absent.values())
    if any(row.unchanged for row in rows):
        click.echo(f"\n{UNCHANGED}: {UNCHANGED_SAYS} {told.judged_by}")
    if sentences := [*absent, *filter(None, [told.older, told.caution])]:
        click.echo("\n" + "\n".join(sentences))


def wrapped(sentence: str) -> str:
    """On lines as wide as a screen."""
    return fill(sentence, WIDE, break_long_words=False, break_on_hyphens=False)


def spread_text(over: Spread | None, unit: str) -> str:
    """A number over seeds in its unit; a dash where there is none."""
    if over is None:
        return "-"
    if unit == "share":  # the sign once, as on the pages
        return over.text(lambda value: f"{100 * value:.1f}", with_n=False) + f" % ({over.n})"
    return over.text(lambda value: f"{value:.3f}" if abs(value) < 100 else f"{value:.4g}", with_n=False) + f" ({over.n})"


def with_unit(value: float, unit: str) -> str:
    """A number as on the pages: a share in percent, others by their digits."""
    return percent(value) if unit == "share" else f"{value:.4f}"


def unit_of(metric: str, metrics: Metrics) -> str:
    """A metric's unit; `''` of what no catalogue knows."""
    info = metrics.get(metric) or SEEDS_TOGETHER.get(metric)
    return info.unit if info else ""


def _cut(head: str, most: int = 19) -> str:
    return head if len(head) <= most else head[: most - 1] + "…"
