"""Five hundred spoiled inputs of each kind: an answer or one sentence each, in bounded time and memory, nothing on stderr."""

import resource
import tracemalloc

import pytest

from core.jobs.write_catalogue import describe
from tests.faults.mutations import holds, readers, spoiled

COUNT = 500
KINDS = ("images", "own pictures", "CSV of indices", "TOML", "index.csv", "query values")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.timeout(900)
def test_every_spoiled_input_is_read_or_told_in_one_sentence(tmp_path, capfd, kind):
    reader = readers(tmp_path, describe())[kind]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracemalloc.start()
    try:
        told = [holds(reader, raw) for raw in spoiled(reader, COUNT)]
    finally:
        tracemalloc.stop()
    assert sum(map(bool, told)) > COUNT / 10  # most are spoiled indeed
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**20  # KB: a gigabyte
    assert capfd.readouterr() == ("", "")
    assert not list((tmp_path / "datasets").glob(".writing-*"))
