"""A finished run against the goal of a class's link."""

from collections.abc import Sequence
from html import escape

from core.reports.gauges import Gauge
from core.reports.teaching.class_link import MEMBERSHIP, REFERENCE
from core.reports.teaching.goal import MEMBERSHIP as ATTACK_PART
from core.reports.teaching.goal import Goal, score, summary


def goal_html(goal: Goal, gauges: Sequence[Gauge], hidden: frozenset[str]) -> str:
    """A box; '' where there is no goal. gauges: all of the run's, for what is hidden is judged too, without its numbers."""
    parts = score(goal, gauges)
    if not parts:
        return ""
    sentences = [part.sentence(value=part.name != ATTACK_PART or MEMBERSHIP not in hidden, retrained=REFERENCE not in hidden)
                 for part in parts]  # fmt: skip
    return f"<div class='fs-note fs-goal'><b>{escape(summary(parts))}.</b> {escape('. '.join(sentences))}.</div>"
