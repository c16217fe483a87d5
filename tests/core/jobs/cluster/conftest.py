"""A Ray cluster of two nodes on this machine, of a core each, and homes whose runs go there."""

from collections.abc import Iterator
from typing import Any

import pytest

from core.storage.home import open_home
from tests.core.jobs.place import Place, until

NODES = ("a", "b")


def _add(cluster: Any, name: str) -> None:
    cluster.add_node(num_cpus=1, node_name=name, include_dashboard=False, object_store_memory=10**8)


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "disabled")  # else Ray writes a token into the user's home
        patch.setenv("FORGETSCOPE_NODE_HOME", str(tmp_path_factory.mktemp("nodes")))
        patch.setenv("FORGETSCOPE_DEVICE", "cpu")
        patch.setenv("FORGETSCOPE_IDLE_SECONDS", "60")
        patch.delenv("OMP_NUM_THREADS", raising=False)
        cluster = Cluster()
        for name in NODES:
            _add(cluster, name)
        patch.setenv("FORGETSCOPE_RAY", cluster.address)
        yield cluster
        cluster.shutdown()


@pytest.fixture(scope="module")
def nodes(started: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A home whose runs go to the cluster: one for all tests, since each supervisor's processes on the nodes are its own."""
    place = Place(open_home(tmp_path_factory.mktemp("head") / "home"))
    yield place
    for supervisor in place.supervisors():
        supervisor.terminate()
    until(lambda: not place.supervisors())


@pytest.fixture
def both(started: Any, nodes: Place) -> Place:
    """`nodes`, with both nodes alive where a test has ended one."""
    for name in set(NODES) - {node._ray_params.node_name for node in started.list_all_nodes()}:
        _add(started, name)
    return nodes
