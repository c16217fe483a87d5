"""The list of runs, by SQLite: pages, filters, search, order, and what it costs with many runs."""

import re
import sqlite3

import pytest

from core.domain.errors import WrongInput
from core.domain.run import RunStatus
from core.storage import run_list
from core.storage.home import Home, open_home
from core.storage.migrations import APPLICATION_ID, MIGRATIONS
from core.storage.processes import ProcessId
from core.storage.record_types import DamagedRun, Label
from core.storage.run_list import Wanted
from core.storage.runs import ResultStore
from core.storage.trash import put_back
from tests.planted import spec
from tests.planted_rows import plant_rows

ME = ProcessId.of_this_process


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """1,200 finished runs, planted as rows."""
    home = open_home(tmp_path_factory.mktemp("many") / "home")
    return home, plant_rows(home, 1200)


@pytest.fixture
def few(store):
    """Five runs, the last asked for last."""
    specs = [
        spec("ssd", "class:3"), spec("ssd", "classes:3,5", seed=4), spec("scrub", "random:0.05@7"),
        spec("finetune", "attribute:glasses=1", dataset="faces_planted"), spec("ssd", "samples:12,90", params={"alpha": 2.5}),
    ]  # fmt: skip
    return [store.add(one) for one in specs]


def found(store, text="", **wanted):
    return [row.id for row in run_list.page_of(store, Wanted(text=text, **wanted))]


@pytest.mark.parametrize("first", [True, False])
def test_a_second_reference_is_no_row_but_one_that_somebody_asked_for_is(store, first):
    """Asked for before the run that it stands beside, or after it, when it is done."""
    asked = spec("retrain")
    if first:
        store.add(asked)
    main = store.add(spec("ssd"))
    beside = store.add(asked, along_with=main)
    if not first:
        with store.db.transaction() as write:
            write.execute("update runs set status = 'done', finished_at = created_at where id = ?", (beside,))
        assert found(store, companions=False) == [main]
        store.add(asked)
        assert store.existing(beside).status == RunStatus.DONE
    store.write_label(beside, Label(tags=("mine",)))
    assert set(found(store, companions=False)) == {main, beside}
    assert found(store, beside, companions=False) == [beside]
    assert run_list.count(store, Wanted(tag=("mine",), companions=False)) == 1


def test_pages_hold_every_run_once_in_order(many):
    home, ids = many
    with ResultStore(home.database) as store:
        pages = [run_list.page_of(store, first=first, most=500) for first in (0, 500, 1000, 1500)]
        assert [len(page) for page in pages] == [500, 500, 200, 0]
        assert [row.id for page in pages for row in page] == ids[::-1]
        assert run_list.count(store) == 1200


@pytest.mark.parametrize("text, expected", [
    ("class:3", [0]), ("classes:3,5", [1]), ("seed=4", [1]), ("RANDOM:0.05", [2]), ("attribute:glasses=1", [3]),
    ("samples:12,90", [4]), ("alpha=2.5", [4]), ("ssd digits", [4, 1, 0]), ("ssd faces_planted", []), ("100%", []), ("_", [3, 4, 2, 1, 0]),
    ("'; drop table runs; --", []), ("\ud800", []), (" ", [4, 3, 2, 1, 0]),
    ("random:0.05@7", [2]), ("random:0.05@8", []),
])  # fmt: skip
def test_a_search_finds_runs_with_all_its_words(store, few, text, expected):
    assert sorted(found(store, text)) == sorted(few[i] for i in expected)


def test_filters_leave_what_they_name_and_the_choices_are_what_runs_have(store, few):
    assert found(store, method=("scrub", "finetune")) == [few[3], few[2]]
    assert found(store, dataset=("faces_planted",), method=("ssd",)) == []
    assert found(store, kind=("class", "classes")) == [few[1], few[0]]
    store.request_cancel(few[0])
    assert found(store, status=(RunStatus.CANCELLED,)) == [few[0]]
    assert run_list.choices(store) == {
        "dataset": ["digits", "faces_planted"], "model": ["small_cnn"], "method": ["finetune", "scrub", "ssd"],
        "kind": ["attribute", "class", "classes", "random", "samples"], "status": ["cancelled", "queued"], "tag": [],
    }  # fmt: skip
    assert run_list.count(store, Wanted(method=("ssd",))) == 3
    assert run_list.ids_of(store, Wanted(method=("scrub",))) == [few[2]]


def test_every_order_holds_every_run(store, few):
    assert found(store, sort="newest") == few[::-1]
    assert found(store, sort="oldest") == few
    assert found(store, sort="method") == [few[3], few[2], few[4], few[1], few[0]]
    for sort in run_list.SORTS:
        assert sorted(found(store, sort=sort)) == sorted(few)
    with pytest.raises(WrongInput, match="can be sorted by newest, oldest"):
        found(store, sort="loudest")


def test_the_longest_comes_first(store):
    ids = [store.add(spec(seed=seed)) for seed in range(3)]
    with store.db.transaction() as write:
        for run_id, minutes in zip(ids, (1, 30, 5), strict=True):
            write.execute("update runs set status = 'done', started_at = '2026-01-02T03:00:00+00:00', finished_at = ? where id = ?",
                          (f"2026-01-02T03:{minutes:02}:00+00:00", run_id))  # fmt: skip
    assert found(store, sort="longest") == [ids[1], ids[2], ids[0]]
    assert found(store, sort="last finished") == [ids[1], ids[2], ids[0]]


@pytest.mark.parametrize("wanted", [Wanted(), Wanted(method=("ssd",)), Wanted(dataset=("digits",)), Wanted(status=("done",))])
def test_a_page_is_read_by_an_index(store, few, wanted, monkeypatch):
    """No sort of all rows, no look at every spec."""
    asked = []
    read = type(store.db).read
    monkeypatch.setattr(type(store.db), "read", lambda self, sql, values=(): asked.append((sql, values)) or read(self, sql, values))
    run_list.page_of(store, wanted, most=10)
    monkeypatch.undo()
    plans = [row["detail"] for sql, values in asked for row in store.db.read(f"explain query plan {sql}", values)]
    assert any("USING INDEX runs_by_" in plan for plan in plans), plans


def test_progress_leaves_what_is_cached_of_finished_runs_alone(store):
    """Only what changes finished runs moves their counter."""
    done, running = store.add(spec(seed=1)), store.add(spec(seed=2))
    seen = [store.finished_revision()]
    _, attempt = store.claim(ME())
    store.started(done, attempt, ME())
    store.progress(done, attempt, 0.5, "unlearn")
    assert store.finished_revision() == seen[0]
    store.finish(done, attempt, RunStatus.DONE)
    seen.append(store.finished_revision())
    _, attempt = store.claim(ME())
    for share in (0.1, 0.2, 0.3):
        store.progress(running, attempt, share, "train")
    store.finish(running, attempt, RunStatus.FAILED)
    store.add(spec(seed=3))
    assert store.finished_revision() == seen[1] == seen[0] + 1
    store.delete(done)
    assert store.finished_revision() == seen[1] + 1


def test_a_home_of_the_version_before_gets_its_indices_and_keeps_damaged_rows(tmp_path):
    """The migration reads every spec; one that is no JSON must not stop it."""
    old = sqlite3.connect(Home(tmp_path).database)
    for sql in MIGRATIONS[:4]:
        old.executescript(sql)
    old.execute(f"pragma application_id = {APPLICATION_ID}")
    old.execute("pragma user_version = 4")
    for turn, broken in enumerate((b"\xff", "{", "", 5, spec().to_json())):
        old.execute("insert into runs (id, spec, status, turn, created_at) values (?, ?, 'queued', ?, '2026-01-02T03:04:05+00:00')",
                    (f"run{turn}", broken, turn))  # fmt: skip
    old.commit()
    old.close()
    with ResultStore(open_home(tmp_path).database) as store:
        assert [run.id for run in store.runs()] == ["run4"]
        assert len(run_list.page_of(store)) == 5
        assert run_list.choices(store)["method"] == ["ssd"]


def test_a_name_tags_and_a_note_are_stored_searched_and_put_back_with_the_run(store, few):
    label = Label("Figure 3", ("paper", "übung"), "first try\nsecond line")
    store.write_label(few[1], label)
    store.write_label(few[2], Label(tags=("paper",)))
    assert store.existing(few[1]).label == label
    assert store.existing(few[0]).label == Label()
    assert found(store, tag=("paper",)) == [few[2], few[1]]
    assert found(store, tag=("übung",)) == [few[1]]
    assert found(store, "figure 3") == found(store, "second") == [few[1]]
    assert run_list.choices(store)["tag"] == ["paper", "übung"]
    store.request_cancel(few[1])
    store.delete(few[1])
    assert found(store, tag=("paper",)) == [few[2]]
    put_back(store.db, few[1])
    assert store.existing(few[1]).label == label


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ({"name": "x" * 81}, "A run's name may have 80 letters; got 81."),
        ({"note": "x" * 2001}, "A run's note may have 2,000 letters; got 2,001."),
        ({"name": "a\nb"}, "A run's name must be readable text"),
        ({"tags": ("two words",)}, "A tag is one word; got 'two words'."),
        ({"tags": ("",)}, "A tag is one word; got ''."),
        ({"tags": tuple("abcdefghijklm")}, "A run may have 12 tags; got 13."),
    ],
)
def test_what_no_run_can_be_called_is_one_sentence(label, said):
    with pytest.raises(WrongInput, match=re.escape(said)):
        Label(**label)


def test_a_label_of_no_run_is_refused_and_a_damaged_one_names_the_row(store, few):
    with pytest.raises(WrongInput, match="There is no run 'nowhere'"):
        store.write_label("nowhere", Label("x"))
    for column, value in (("tags", "[1]"), ("tags", "no JSON"), ("label", b"\xff"), ("tags", '["a b"]')):
        with store.db.transaction() as write:
            write.execute(f"update runs set {column} = ? where id = ?", (value, few[0]))
        row = store.row(few[0])
        assert isinstance(row, DamagedRun), value
        assert "what was written on it" in row.wrong
        assert len(found(store, tag=("paper",))) == 0
        with store.db.transaction() as write:
            write.execute("update runs set label = '', tags = '[]' where id = ?", (few[0],))
