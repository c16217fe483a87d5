"""In the process of a run, or of trials, on a node: its environment, and whom it asks for what runs share and for trials."""

from collections.abc import Callable, Mapping
import os
from typing import Any

import numpy as np

from core.domain.errors import WrongInput
from core.domain.hyperparameters import Value
from core.jobs.cluster.ranks_apart import Apart
from core.storage.artifacts import Artifacts
from core.storage.home import Home
from core.storage.shared import remote_parts
from core.training.ranks.places import PLACES
from core.tuning.journal import Trial, plain_trial


def settle_in(home: Home, told: Mapping[str, Any], *, with_torch: bool) -> None:
    """told: `env`, the relay's `address` and `key` (hexadecimal), and `apart`, this node's address where other ranks are on other nodes.

    with_torch: whether the pipeline reads sets of images.
    """
    os.environ.update(told["env"])
    link = remote_parts.connect(told["address"], bytes.fromhex(told["key"]))
    if told.get("apart"):
        PLACES[:] = [Apart(link, told["apart"])]
    if with_torch:
        from core.data.shelf_copies import ELSEWHERE  # noqa: PLC0415  # it needs torch

        def arrays(key: str) -> dict[str, np.ndarray] | None:
            head = remote_parts.link()
            file = head and head.ask(remote_parts.DATASET, key)
            return Artifacts(home.artifacts_folder).get_arrays(file) if file else None

        ELSEWHERE[:] = [arrays]


Given = tuple[int, dict[str, Value]]  # a trial's number and values
Say = Callable[[float, str, str, float | None], bool]


def given_by_head(node: str) -> tuple[Callable[[float], Given | None], Callable[[Trial], None], Say, Callable[[str], None]]:
    """How to ask for the next trial, to tell one, to say how far its preparing is, and to say why this process ends; node: its name.

    Raises WrongInput where there is no head.
    """
    head = remote_parts.link()
    if head is None:
        raise WrongInput("Trials of a search are given out by the head of a cluster, which this process has not.")

    def ask(seconds: float) -> Given | None:
        found = head.ask(remote_parts.NEXT, seconds)
        return None if found is None else (int(found[0]), dict(found[1]))

    def tell(trial: Trial) -> None:
        print(f"trial {trial.number} on {node}: {trial.state}, {trial.took:.2f} s", flush=True)
        head.ask(remote_parts.MADE, plain_trial(trial))

    def say(share: float, what: str, _note: str, _left: float | None) -> bool:
        return bool(head.ask(remote_parts.SAYS, share, what))

    return ask, tell, say, lambda why: head.ask(remote_parts.TROUBLE, why)
