"""How many make trials of a search on a cluster, beside runs, and when the search is over; the cluster is faked, the store is not."""

import pytest

from core.domain.errors import WrongInput
from core.domain.run import RunStatus
from core.jobs.cluster.ends import LOST, SILENT, UNWANTED
from core.jobs.cluster.keeper import Keeper
from core.jobs.cluster.remote_search import MOST_LOST, RemoteSearch
from core.jobs.supervisor import Computing, Watched, _choice
from core.storage.processes import ProcessId
from core.storage.queues import job_queue
from core.storage.queues.lifecycle import SEARCH
from core.storage.queues.queue_order import Line
from core.storage.queues.slots import ON_CLUSTER, Nodes
from core.storage.runs import ResultStore
from core.tuning import journal
from core.tuning.journal import Trial, plain_trial
from core.tuning.plan import Budget
from tests.core.jobs.place import Place
from tests.core.tuning.searched import plan

THREE = Nodes(cores=1, each=((1.0, 0.0),) * 3)
DONE = str(RunStatus.DONE)


class FakeCluster:
    """Tasks are numbers; the test ends them."""

    def __init__(self):
        self.started, self.ends, self.cancelled, self.over = [], {}, [], []
        self.closed = False

    def start_maker(self, wanted, maker, attempt, needs):
        self.started.append(maker)
        return len(self.started)

    def has_ended(self, ref):
        return ref in self.ends

    def maker_ended(self, ref, search_id, attempt, maker):
        return self.ends[ref]

    def cancel(self, ref, *, force):
        self.cancelled.append((ref, force))

    def wait(self, ref, timeout):
        """Nothing to wait for."""

    def search_over(self, search_id):
        self.over.append(search_id)

    def end(self, ref, status=DONE, error=""):
        self.ends[ref] = {"status": status, "error": error}


@pytest.fixture
def store(home):
    with ResultStore(home.database) as store:
        yield store


@pytest.fixture
def searching(home, store):
    """A search that was claimed, and its cluster: (trials) -> both."""

    def of(trials):
        journal.begin(home, plan(trials=trials))
        job_queue.add(store.db, plan().id, SEARCH, {"search": plan().id})
        claimed = job_queue.claim(store.db, SEARCH, ProcessId.of_this_process())
        cluster = FakeCluster()
        return RemoteSearch(cluster, home, *claimed), cluster

    return of


def grown(search, store, machine=THREE):
    search._looked = -1e9  # it looks for room a few times a second
    search.grow(store, machine)
    return len(search._makers)


def add_trials(home, *numbers):
    for number in numbers:
        journal.add_trial(home, plan().id, Trial(number, {}, "failed", why="no"))


def job(store):
    return job_queue.job(store.db, plan().id)


def queue_run(home, store, seed=0):
    spec = Place(home).spec(seed)
    store.add(spec)
    return spec


def test_as_many_make_trials_as_there_is_room_for_and_no_more_than_trials_are_left(home, store, searching):
    search, cluster = searching(9)
    assert grown(search, store) == 3
    assert cluster.started == [f"{plan().id}.1.{n}" for n in (1, 2, 3)]
    assert grown(search, store, Nodes(cores=1, each=((1.0, 0.0),) * 5)) == 5
    assert grown(search, store, Nodes(cores=1, each=((1.0, 0.0),) * 100, most=7)) == 7
    assert grown(search, store, Nodes(cores=1, each=((1.0, 0.0),) * 100)) == 9
    assert len(search.room_taken()) == 9


def test_runs_that_are_computed_take_room_and_those_that_wait_leave_a_search_one_maker(home, store, searching):
    search, _ = searching(9)
    queue_run(home, store)
    store.claim(ProcessId.of_this_process())
    queue_run(home, store, 1)
    assert grown(search, store) == 1
    store.request_cancel(Place(home).spec(1).id)
    assert grown(search, store) == 2  # one of three nodes computes the run


def test_a_run_begins_where_trials_leave_room_and_the_first_maker_s_is_kept(home, store, searching):
    search, _ = searching(9)
    spec = queue_run(home, store)

    class On:
        """Where runs go."""

        def __init__(self, nodes):
            self.nodes = Nodes(cores=1, each=((1.0, 0.0),) * nodes)

        def machine(self):
            return self.nodes

    def chosen(nodes):
        running = Computing(watched=[Watched(SEARCH, plan().id, 1, search)], away=On(nodes))
        line = Line()
        line.read(store.db.read)
        return _choice(store, running)(line, [])

    assert chosen(1) is None
    assert chosen(2)[1] == ON_CLUSTER
    assert grown(search, store, Nodes(cores=1, each=((1.0, 0.0),) * 2)) == 1  # since a run waits
    assert chosen(1) is None
    assert chosen(2)[0].id == spec.id
    search.terminate()
    search._makers.clear()
    assert chosen(1)[0].id == spec.id


def test_it_is_over_when_its_budget_is_spent_and_everybody_has_ended(home, store, searching):
    search, cluster = searching(2)
    grown(search, store)
    add_trials(home, 0, 1)
    assert search.is_alive()
    cluster.end(1)
    assert search.is_alive()
    cluster.end(2)
    assert not search.is_alive()
    search.settle(store)
    assert (job(store).status, job(store).outcome, cluster.over) == (RunStatus.DONE, {"trials": 2}, [plan().id])


def test_a_maker_that_is_lost_is_replaced_and_too_many_in_a_row_end_the_search(home, store, searching):
    search, cluster = searching(9)
    one_node = Nodes(cores=1, each=((1.0, 0.0),))
    for lost in range(1, MOST_LOST):
        assert grown(search, store, one_node) == 1
        cluster.end(lost, LOST)
        assert search.is_alive()
    add_trials(home, 0)  # something was made meanwhile: it is counted from one again
    for lost in range(MOST_LOST, 2 * MOST_LOST):
        assert grown(search, store, one_node) == 1
        cluster.end(lost, SILENT)
        assert search.is_alive() == (lost < 2 * MOST_LOST - 1)
    search.settle(store)
    assert job(store).status == RunStatus.FAILED
    assert job(store).error_line.startswith("Whoever made its trials was lost 3 times")


def test_what_goes_wrong_with_one_ends_all(home, store, searching):
    search, cluster = searching(9)
    assert grown(search, store) == 3
    cluster.end(2, str(RunStatus.FAILED), "The retain set is too small.")
    assert search.is_alive()
    assert cluster.cancelled == [(1, False), (3, False)]
    cluster.end(1, UNWANTED)
    cluster.end(3, UNWANTED)
    assert not search.is_alive()
    assert grown(search, store) == 0
    search.settle(store)
    assert (job(store).status, job(store).error_line) == (RunStatus.FAILED, "The retain set is too small.")


def test_a_search_whose_trials_no_node_can_hold_ends_with_the_sentence(home, store, searching, monkeypatch):
    search, cluster = searching(9)

    def refuse(*_):
        raise WrongInput("No node has 2 GPUs.")

    monkeypatch.setattr(cluster, "start_maker", refuse)
    assert grown(search, store) == 0
    assert not search.is_alive()
    search.settle(store)
    assert store.db.read("select status, error from jobs where kind = 'search'")[0][1] == "No node has 2 GPUs."


def test_a_search_whose_trials_want_more_gpus_than_there_are_ends_and_says_so(home, store, searching, monkeypatch):
    search, _ = searching(9)
    monkeypatch.setattr(Nodes, "lacks", lambda self, spec: "It waits until the cluster has 8 GPUs.")
    assert grown(search, store) == 0
    assert not search.is_alive()
    search.settle(store)
    (row,) = store.db.read("select error from jobs where kind = 'search'")
    assert row["error"] == "No trial can begin. It waits until the cluster has 8 GPUs."


def test_a_search_that_is_stopped_or_removed_ends_and_one_with_a_larger_budget_goes_on(home, store, searching):
    search, cluster = searching(1)
    grown(search, store)
    add_trials(home, 0)
    journal.begin(home, plan().with_budget(Budget(2)))
    cluster.end(1)
    assert search.is_alive()
    assert grown(search, store) == 1
    journal.remove(home, plan().id)
    job_queue.cancel(store.db, plan().id)
    assert search.is_alive()
    assert cluster.cancelled == [(2, False)]
    search.kill()
    assert cluster.cancelled[-1] == (2, True)
    cluster.end(2, UNWANTED)
    assert not search.is_alive()
    search.settle(store)
    assert job_queue.job(store.db, plan().id).status == RunStatus.CANCELLED


def test_the_keeper_gives_trials_out_while_the_search_is_wanted(home, store, searching):
    searching(4)
    keeper, search_id = Keeper(str(home.root), "", {}), plan().id
    assert keeper.prepares(search_id, 1, 0.05, "original of seed 10")
    assert (job(store).share, job(store).note) == (0.05, "original of seed 10")
    number, tried = keeper.next_trial(search_id, 1, "a", 2.5)
    assert (number, tried) == (0, plan().preset_within())
    assert keeper.prepares(search_id, 1, 0.09, "original of seed 10")
    assert job(store).note == "trial 1, blind"
    other, values = keeper.next_trial(search_id, 1, "b", 2.5)
    assert job(store).note == "trial 1, blind, 2 at once"
    keeper.trial_made(search_id, 1, plain_trial(Trial(other, values, "failed", why="no")))
    keeper.maker_gone(search_id, 1, "a")
    assert keeper.next_trial(search_id, 1, "b", 2.5) == (0, tried)
    assert keeper.trials_report(search_id, 1, "b", b"said\n")
    assert home.log(search_id).read_text() == "said\n"
    queue_run(home, store)
    assert keeper.next_trial(search_id, 1, "c", 2.5) is None  # a run waits for the room
    assert keeper.next_trial(search_id, 2, "d", 2.5) is None  # of an attempt that is none
    job_queue.cancel(store.db, search_id)
    assert not keeper.trials_report(search_id, 1, "b", b"")
    keeper.trial_made(search_id, 1, plain_trial(Trial(0, tried, "failed", why="no")))
    assert keeper.next_trial(search_id, 1, "b", 2.5) is None
    assert [t.number for t in journal.read(home, search_id).made] == [1]
    keeper.search_over(search_id)
    journal.hold(home, search_id).release()
