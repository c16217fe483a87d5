"""What runs share is made once, also by two who need it at the same moment."""

from concurrent.futures import ThreadPoolExecutor
import threading

import torch

from core.storage.artifacts import Artifacts
from core.storage.runs import ResultStore
from core.training.cache import ArtifactCache


def test_two_who_need_the_same_at_once_make_it_once(home):
    begun, go_on, made = threading.Event(), threading.Event(), []

    def make():
        begun.set()
        assert go_on.wait(10)
        made.append(1)
        return {"w": torch.arange(3.0)}

    def ask():
        with ResultStore(home.database) as store:
            return ArtifactCache(store, Artifacts(home.artifacts_folder)).load_or_make("key", "original", make, "cpu")

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(ask)
        assert begun.wait(10)
        second = pool.submit(ask)
        assert not second.done()
        go_on.set()
        both = [first.result(), second.result()]
    assert [one.made_now for one in both] == [True, False]
    assert made == [1]
    assert all(one.tensors["w"].tolist() == [0, 1, 2] for one in both)
    assert both[0].seconds == both[1].seconds
