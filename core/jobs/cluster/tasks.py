"""What Ray starts on a node: a run, trials of a search, a rank of a run on another node; each with calls of the keeper."""

from typing import Any

from core.domain.errors import WrongInput
from core.jobs.cluster.maker import MakerOrder, make_trials
from core.jobs.cluster.node import Order, compute
from core.jobs.cluster.rank_host import Hosts, LostError, RankHost
from core.jobs.cluster.relay import Call

TALKS = 4  # calls that a rank's actor answers at once: one of them may wait for what its process says


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
        try:
            return ray.get(getattr(host, name).remote(*words))
        except ray.exceptions.RayTaskError as error:
            if isinstance(cause := error.cause, WrongInput):
                raise cause from None
            raise
        except ray.exceptions.RayError as error:
            raise LostError(f"The node of a rank is gone ({error!s:.200}).") from None

    return Hosts(_address(), make, ask, ray.kill)


def _address() -> str:
    """Of this node in the cluster's network."""
    import ray  # noqa: PLC0415  # as above

    return str(ray.util.get_node_ip_address())
