"""FORGETSCOPE_QUOTA: sizes as people write them, and runs that are refused before they begin."""

import pytest

from core.domain.errors import WrongInput
from core.domain.run import RunStatus
from core.jobs import submit
from core.jobs.upkeep.quota import check_quota
from core.storage.runs import ResultStore
from core.storage.upkeep.disk_use import bytes_of, quota, usage
from tests.core.jobs.place import Place
from tests.planted import plant, spec


@pytest.mark.parametrize("text, most", [
    ("20GB", 20 * 10**9), ("500 mb", 500 * 10**6), ("1.5TB", 1_500_000_000_000), ("2GiB", 2**31), ("1024", 1024), ("", None), ("  ", None),
])  # fmt: skip
def test_a_size_is_read_as_people_write_it(monkeypatch, text, most):
    monkeypatch.setenv("FORGETSCOPE_QUOTA", text)
    assert quota() == most


@pytest.mark.parametrize("text", ["-1", "20 XB", "GB", "1e9", "20GB more", "nan", "9" * 40])
def test_what_is_no_size_is_refused_in_one_sentence(monkeypatch, text):
    monkeypatch.setenv("FORGETSCOPE_QUOTA", text)
    with pytest.raises(WrongInput, match="such as 20GB"):
        quota()


def test_a_home_is_measured_by_all_that_lies_in_it_and_no_link_is_followed(home, tmp_path):
    (home.root / "a").write_bytes(b"x" * 1000)
    (home.artifacts_folder / "b").write_bytes(b"x" * 300)
    before = bytes_of(home.root)
    (tmp_path / "large").write_bytes(b"x" * 10**6)
    (home.root / "link").symlink_to(tmp_path / "large")
    assert 1300 <= bytes_of(home.root) < before + 1000
    assert (usage(home)["a"], usage(home)["artifacts"]) == (1000, 300)


def test_a_run_that_would_outgrow_the_quota_is_refused_by_what_the_last_like_it_left(home, monkeypatch):
    run_id = plant(home, spec("ssd"))
    used = bytes_of(home.root)
    with ResultStore(home.database) as store:
        own = sum(bytes_of(home.artifacts_folder / file) for file in set(store.artifacts(run_id).values()))
        monkeypatch.setenv("FORGETSCOPE_QUOTA", str(used + own + 200_000))
        check_quota(home, store, spec("ssd", seed=1))
        monkeypatch.setenv("FORGETSCOPE_QUOTA", str(used + own // 2))
        with pytest.raises(WrongInput, match=r"allows, and this run would add about .*core gc"):
            check_quota(home, store, spec("ssd", seed=1))
        monkeypatch.setenv("FORGETSCOPE_QUOTA", str(used + own + 200_000))
        with pytest.raises(WrongInput, match=r"would add about 1\.0 GB"):
            check_quota(home, store, spec("ssd", seed=1), more=1e9)


def test_it_is_refused_when_it_is_asked_for_and_one_that_is_done_is_not(home, monkeypatch):
    monkeypatch.setattr(submit, "ensure_supervisor", lambda *_: None)
    done = plant(home, spec("ssd"))
    monkeypatch.setenv("FORGETSCOPE_QUOTA", "1kB")
    with pytest.raises(WrongInput, match="allows"):
        submit.submit(home, spec("finetune"))
    assert submit.submit(home, spec("ssd")) == done
    with ResultStore(home.database) as store:
        assert [run.id for run in store.runs()] == [done]


def test_one_that_was_queued_before_is_refused_as_it_begins(home, monkeypatch):
    """As a study's runs, which are queued all at once."""
    from core.jobs import worker
    from core.storage.processes import ProcessId
    from tests.core.jobs.place import STUB

    run_id = Place(home).spec().id
    with ResultStore(home.database) as store:
        store.add(Place(home).spec())
        monkeypatch.setenv("FORGETSCOPE_QUOTA", "1kB")
        store.claim(ProcessId.of_this_process())
    worker.compute(home, "run", run_id, 1, STUB)
    with ResultStore(home.database) as store:
        run = store.existing(run_id)
        assert run.status == RunStatus.FAILED
        assert run.error_line.startswith("This home has")
        assert "core gc" in run.error_line
        assert store.files() == set()
