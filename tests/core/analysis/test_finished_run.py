"""A finished run opened for questions: read once, and again as soon as a finished run comes, goes or changes."""

import pytest

from core.analysis.finished_run import open_models
from core.domain.errors import WrongInput
from core.storage.runs import ResultStore
from tests.planted import plant, spec


def test_it_is_read_once_and_missed_as_soon_as_it_is_deleted(home, monkeypatch):
    run_id, read, existing = plant(home, spec("ssd")), [], ResultStore.existing
    monkeypatch.setattr(ResultStore, "existing", lambda self, run: read.append(run) or existing(self, run))
    first = open_models(home, run_id)
    assert open_models(home, run_id) is first
    assert len(read) == 2  # which files it has, and what it is about
    other = plant(home, spec("finetune"))
    read.clear()
    assert open_models(home, run_id) is first, "its networks are the same"
    assert read == [run_id]
    with ResultStore(home.database) as store:
        store.delete(run_id)
    with pytest.raises(WrongInput, match=run_id):
        open_models(home, run_id)
    assert open_models(home, other).run.spec.method == "finetune"


def test_a_run_that_is_not_done_is_looked_at_again_each_time(home):
    with ResultStore(home.database) as store:
        run_id = store.add(spec("ssd"))
    with pytest.raises(WrongInput, match=f"Run {run_id} is queued; only a finished run"):
        open_models(home, run_id)
    plant(home, spec("ssd"))
    assert open_models(home, run_id).run.id == run_id
