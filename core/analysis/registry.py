"""What can be asked about a finished run: questions to the engine, predicted while the user waits, and background analyses.

Both name functions whose modules, which mostly need torch, are imported when they are needed: who only asks needs no torch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from core.analysis.stored_results import Arrays


@dataclass(frozen=True)
class Late:
    """A function of core.analysis that is imported when it is called; module: after `core.analysis.`."""

    module: str
    name: str

    def load(self) -> Callable[..., Any]:
        """The function itself."""
        function: Callable[..., Any] = getattr(import_module(f"core.analysis.{self.module}"), self.name)
        return function

    def __call__(self, *run: Any, **about: Any) -> Any:
        """What the function returns."""
        return self.load()(*run, **about)


# Question -> answer(home, run_id, **about) -> what core.jobs.codec takes.
QUESTIONS = {
    "alpha_curve": Late("weights.accuracy_over_alpha", "alpha_curve"),
    "importance_view": Late("weights.importance_summary", "importance_view"),
    "kernel_map": Late("weights.importance_summary", "kernel_map"),
    "member_votes": Late("member_votes", "member_votes"),
    "noise_answers": Late("method_steps", "noise_answers"),
    "path_at": Late("method_steps", "path_at"),
    "path_curve": Late("method_steps", "path_curve"),
    "plane": Late("method_steps", "plane"),
    "redampen": Late("weights.ssd_what_if", "redampen"),
    "saliency": Late("saliency.one_image", "saliency"),
    "saliency_offer": Late("saliency.one_image", "saliency_offer"),
    "saliency_place": Late("saliency.image_request", "saliency_place"),
    "saliency_random": Late("saliency.one_image", "saliency_random"),
    "saliency_trust": Late("saliency.one_image", "saliency_trust"),
    "top_filters": Late("weights.top_filters", "top_filters"),
    "touched_layer": Late("weights.weight_changes", "touched_layer"),
    "touched_map": Late("weights.weight_changes", "touched_map"),
}

# kind -> compute(home, run_id, say, **settings) -> arrays, all that the pages need of it
LOOKS: dict[str, Callable[..., Arrays]] = {
    "alphas": Late("weights.accuracy_over_alpha", "alphas"),
    "features": Late("features.penultimate", "compute"),
    "gallery": Late("saliency.gallery", "gallery"),
    "importance": Late("weights.compute_importance", "importance"),
    "map": Late("features.projection", "compute"),
    "mask_overlap": Late("mask_overlap", "mask_overlap"),
}
