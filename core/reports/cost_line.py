"""What a run took, in one line; seconds and ratios as text."""

from typing import Any


def seconds(value: float) -> str:
    """Three significant digits; 0 means that the result was cached."""
    return "stored" if value == 0 else f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def times(ratio: float | None) -> str:
    """A speed-up, with two significant digits where it is small."""
    if ratio is None:
        return "–"
    return f"{ratio:.0f} ×" if ratio >= 10 else f"{ratio:.2g} ×"


def cost_line(report: dict[str, Any]) -> str:
    """Unlearning against training the reference, then the rest. report: `core.reports.run_report.full_report`."""
    took, precompute = report["seconds"], report["precompute_seconds"]
    parts = [f"Unlearning {seconds(took['unlearn'])}" + (f" after {seconds(precompute)} of precomputing" if precompute else "")]
    if report["reference"] is not None:
        ratio = f", {times(report['speedup'])} as long" if report["speedup"] else ""
        parts.append(f"training the reference {seconds(took['reference'])}{ratio}")
    if not report["own_weights"]:
        parts.append(f"training the original {seconds(took['train'])}")
    return " · ".join([*parts, f"evaluation {seconds(took['evaluate'])}", report["device"] or "cpu"])
