"""The rows of the list of runs, as HTML: state, name, verdict, four small gauges, seconds, age. Every text is escaped."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from core.figures.gauges import described, small_gauge
from core.figures.markdown import in_html
from core.reports.gauges import Gauge

COLUMNS = ("Run", "Verdict", "Forget accuracy", "Retain accuracy", "Membership attack", "Relearning", "Time", "Age")
READ = "Each scale: ◇ original, ● unlearned, ■ reference; the band is what retraining could have given. A dot in the band is good."


@dataclass(frozen=True)
class RunRow:
    """What a row says. verdict: of a run that is not done its state, with the error's last line. gauges: four, or none.

    aside: what stands small below the name, such as tags.
    """

    title: str
    aside: str
    verdict: str
    gauges: tuple[Gauge, ...]
    time: str
    age: str
    badge: str = ""  # a word in front of the tags, such as `imported`
    tags: Sequence[str] = ()
    note: str = ""


def header_html() -> str:
    """The columns' names, over the rows."""
    return "<div class='run-row run-head' aria-hidden='true'>" + "".join(f"<span>{escape(name)}</span>" for name in COLUMNS) + "</div>"


def row_html(row: RunRow) -> str:
    """One row; on a narrow page its cells wrap, and each gauge stands under its name."""
    badge = f"<span class='run-tag run-badge'>{_text(row.badge)}</span>" if row.badge else ""
    tags = badge + "".join(f"<span class='run-tag'>{_text(tag)}</span>" for tag in row.tags)
    note = f"<span class='run-note' title='{escape(row.note, quote=True)}'>{_text(row.note, 160)}</span>" if row.note else ""
    name = f"<div class='run-name'><b>{_text(row.title, 160)}</b><span class='run-aside'>{_text(row.aside, 160)}</span>{tags}{note}</div>"
    cells = "".join(
        f"<span class='run-gauge'><span class='run-label'>{escape(gauge.title)}</span><img src='{small_gauge(gauge)}' "
        f"alt='{escape(described([gauge]), quote=True)}'></span>" for gauge in row.gauges
    )  # fmt: skip
    wide = "" if row.gauges else " run-wide"
    return (f"<div class='run-row'>{name}<div class='run-verdict{wide}'>{_text(row.verdict, 600)}</div>{cells}"
            f"<span class='run-time'>{_text(row.time)}</span><span class='run-age'>{_text(row.age)}</span></div>")  # fmt: skip


def _text(text: str, most: int = 60) -> str:
    return in_html(text, most)
