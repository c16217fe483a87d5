"""A real cluster whose head dies while a run is computed there, and one that comes in its place at the same address."""

from contextlib import closing
import socket

import pytest

from core.domain.run import RunStatus
from core.storage.home import open_home
from tests.core.jobs.place import Place, until

pytest.importorskip("ray")
pytestmark = [pytest.mark.timeout(300), pytest.mark.slow]
LONG = 120.0


def free_port():
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def started(port):
    from ray.cluster_utils import Cluster

    about = {"num_cpus": 1, "node_name": "a", "include_dashboard": False, "object_store_memory": 10**8, "gcs_server_port": port}
    return Cluster(initialize_head=True, head_node_args=about)


def test_a_run_of_a_cluster_that_is_gone_waits_and_is_done_by_the_next(tmp_path, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("FORGETSCOPE_NODE_HOME", str(tmp_path))
    monkeypatch.setenv("FORGETSCOPE_DEVICE", "cpu")
    monkeypatch.setenv("FORGETSCOPE_IDLE_SECONDS", "60")
    port = free_port()
    cluster = started(port)
    monkeypatch.setenv("FORGETSCOPE_RAY", cluster.address)
    place = Place(open_home(tmp_path / "head"))
    try:
        run_id = place.submit(sleep=30)  # longer than the cluster needs to end
        until(lambda: place.computing(run_id), LONG)
        cluster.shutdown()
        until(lambda: place.run(run_id).status == RunStatus.QUEUED and "cannot be reached" in place.run(run_id).note, LONG)
        (supervisor,) = place.supervisors()
        supervisor.cpu_percent()
        until(lambda: supervisor.cpu_percent(1.0) < 30, LONG)  # Ray's own retries are over
        cluster = started(port)
        until(lambda: place.over(run_id), LONG)
        assert (place.run(run_id).status, place.run(run_id).error_line) == (RunStatus.DONE, "")
        assert place.supervisors() == [supervisor]
    finally:
        for one in place.supervisors():
            one.terminate()
        until(lambda: not place.supervisors())
        cluster.shutdown()
