"""Every kind of look, by key; what a kind needs (torch, mostly) is imported when it is computed, for one that needs less is quicker."""

from collections.abc import Callable
from typing import Any

from core.analysis.features import projection as joint_map
from core.analysis.stored_results import Arrays, Say
from core.storage.home import Home


def _alphas(home: Home, run_id: str, say: Say, /, **settings: Any) -> Arrays:
    from core.analysis.weights.alpha_sweep import alphas  # noqa: PLC0415  # late, as said above

    return alphas(home, run_id, say, **settings)


def _features(home: Home, run_id: str, say: Say, /, **settings: Any) -> Arrays:
    from core.analysis.features.penultimate import compute  # noqa: PLC0415  # late, as said above

    return compute(home, run_id, say, **settings)


def _gallery(home: Home, run_id: str, say: Say, /, **settings: Any) -> Arrays:
    from core.analysis.saliency.gallery import gallery  # noqa: PLC0415  # late, as said above

    return gallery(home, run_id, say, **settings)


def _importance(home: Home, run_id: str, say: Say, /, **settings: Any) -> Arrays:
    from core.analysis.weights.compute_importance import importance  # noqa: PLC0415  # late, as said above

    return importance(home, run_id, say, **settings)


# kind -> compute(home, run_id, say, **settings) -> arrays, all that the pages need of it
LOOKS: dict[str, Callable[..., Arrays]] = {
    "alphas": _alphas, "features": _features, "gallery": _gallery, "importance": _importance, "map": joint_map.compute,
}  # fmt: skip
