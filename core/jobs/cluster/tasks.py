"""What Ray starts on a node: a run, trials of a search, a rank of a run on another node; each with calls of the keeper."""

from collections.abc import Sequence
from contextlib import suppress
import socket
from typing import Any

from core.domain.errors import WrongInput
from core.jobs.cluster.maker import MakerOrder, make_trials
from core.jobs.cluster.node import Order, compute
from core.jobs.cluster.rank_host import Hosts, LostError, RankHost
from core.jobs.cluster.relay import Call
from core.storage.queues.run_queue import MEMORY_END

TALKS = 4  # calls that a rank's actor answers at once: one of them may wait for what its process says
LONGEST = 180.0  # seconds until a rank's actor has begun and answers; then its node counts as lost
KIND = 1.0  # seconds in which it ends its process by itself


def on_node(order: Order, keeper: Any) -> dict[str, Any]:
    """The Ray task of a run: `node.compute`."""
    return compute(order, *_surroundings(keeper), _hosts(order, keeper))


def trials_on_node(order: MakerOrder, keeper: Any) -> dict[str, Any]:
    """The Ray task of whoever makes trials of a search: `maker.make_trials`."""
    return make_trials(order, *_surroundings(keeper))


class RankOnNode(RankHost):
    """The Ray actor of a rank."""

    def __init__(self, order: Order, keeper: Any) -> None:
        name, call = _surroundings(keeper)
        super().__init__(order, name, _address(), call)


def _surroundings(keeper: Any) -> tuple[str, Call]:
    """On a node: its name, and how to call the keeper."""
    import ray  # noqa: PLC0415  # only who uses a cluster has it

    def call(name: str, *words: Any) -> Any:
        try:
            return ray.get(getattr(keeper, name).remote(*words))
        except ray.exceptions.RayTaskError as error:  # it is told with all of the keeper's traceback
            if isinstance(cause := error.cause, WrongInput):
                raise cause from None
            raise

    here = ray.get_runtime_context().get_node_id()
    return next((str(one["NodeName"]) for one in ray.nodes() if one["NodeID"] == here), here), call


def _hosts(order: Order, keeper: Any) -> Hosts | None:
    """Of a run whose ranks are each in a bundle of its placement group; None where they are all on one node."""
    if not order["apart"]:
        return None
    import ray  # noqa: PLC0415  # as above

    group = ray.util.get_current_placement_group()

    def make() -> list[Any]:
        def options(bundle: int) -> dict[str, Any]:
            place = ray.util.scheduling_strategies.PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=bundle)
            asked = group.bundle_specs[bundle]
            return {"scheduling_strategy": place, "num_cpus": asked["CPU"], "num_gpus": asked.get("GPU", 0), "max_concurrency": TALKS}

        actor = ray.remote(RankOnNode)
        return [actor.options(**options(bundle)).remote(order, keeper) for bundle in range(1, order["apart"] + 1)]

    def ask(host: Any, name: str, *words: Any) -> Any:
        errors = ray.exceptions
        try:
            return ray.get(getattr(host, name).remote(*words), timeout=LONGEST)
        except errors.RayTaskError as error:
            if isinstance(cause := error.cause, WrongInput):
                raise cause from None
            raise
        except errors.OutOfMemoryError:
            raise WrongInput(MEMORY_END) from None
        except errors.RayError as error:
            if getattr(error, "actor_init_failed", False):
                raise WrongInput(f"A rank could not begin on its node: {str(error).strip().splitlines()[-1]:.300}") from None
            raise LostError(f"The node of a rank is gone ({error!s:.200}).") from None

    def close(hosts: Sequence[Any]) -> None:
        with suppress(Exception):  # whatever is wrong there: Ray ends them
            ray.wait([host.close.remote() for host in hosts], num_returns=len(hosts), timeout=KIND)
        for host in hosts:
            ray.kill(host)

    return Hosts(_address(), make, ask, close)


def _address() -> str:
    """Of this node in the cluster's network, in digits: Ray may know it by a name."""
    import ray  # noqa: PLC0415  # as above

    known = str(ray.util.get_node_ip_address())
    try:
        return socket.gethostbyname(known)
    except OSError:
        return known
