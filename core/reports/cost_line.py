"""What a run took, in one line; seconds and ratios as text."""

from collections.abc import Mapping
from typing import Any

ELSEWHERE = "elsewhere"  # where a stage was not computed here


def seconds(value: float) -> str:
    """Whole milliseconds below a second (two digits below ten of them), then tenths of a second, whole ones from a hundred on; 0 means
    that the result was stored.
    """
    if value == 0:
        return "stored"
    if 1000 * value < 999.5:
        return f"{1000 * value:.0f} ms" if 1000 * value >= 9.95 else f"{1000 * value:.2g} ms"
    return f"{value:.1f} s" if value < 99.95 else f"{value:,.0f} s"


def stage_seconds(report: Mapping[str, Any], stage: str) -> str:
    """Of one of STAGES; `elsewhere` of what came as a file. report: `core.reports.run_report.full_report`."""
    return ELSEWHERE if stage in report.get("elsewhere", ()) else seconds(report["seconds"][stage])


def times(ratio: float | None) -> str:
    """A speed-up, with two significant digits where it is small."""
    if ratio is None:
        return "–"
    return f"{ratio:.0f} ×" if ratio >= 10 else f"{ratio:.2g} ×"


def cost_line(report: dict[str, Any]) -> str:
    """Unlearning against training the reference, then the rest. report: `core.reports.run_report.full_report`."""
    took, precompute = report["seconds"], report["precompute_seconds"]
    parts = [f"Unlearning {stage_seconds(report, 'unlearn')}" + (f" after {seconds(precompute)} of precomputing" if precompute else "")]
    if report["reference"] is not None:
        there = "reference" in report.get("elsewhere", ())
        parts.append(f"training the reference {ELSEWHERE if there else _of_reference(took, report['speedup'])}")
    if not report["own_weights"]:
        parts.append(f"training the original {seconds(took['train'])}")
    return " · ".join([*parts, f"evaluation {seconds(took['evaluate'])}", report["device"] or "cpu"])


def _of_reference(took: dict[str, float], speedup: float | None) -> str:
    """Its seconds and how many times those of unlearning they are. One that was stored took what the speed-up says, in an earlier run."""
    if not speedup:
        return seconds(took["reference"])
    stored = "" if took["reference"] else " (stored)"
    return f"{seconds(took['reference'] or speedup * took['unlearn'])}{stored}, {times(speedup)} as long"
