"""Every kind of look, by key; only the process that computes one opens the shelf, for it needs torch."""

from collections.abc import Callable

import numpy as np

from core.looks import features
from core.looks import map as joint_map
from core.looks.alphas import alphas
from core.looks.gallery import gallery
from core.looks.importance import importance

Say = Callable[[float, str], None]  # share in [0, 1], what is being done
# kind -> compute(home, run_id, say, **settings) -> arrays, all that the pages need of it
LOOKS: dict[str, Callable[..., dict[str, np.ndarray]]] = {
    "gallery": gallery, "alphas": alphas, "importance": importance, "features": features.compute, "map": joint_map.compute,
}  # fmt: skip
