"""Twenty spoiled inputs of each kind; `make faults` tries five hundred."""

import pytest

from core.jobs.write_catalogue import describe
from tests.faults.mutations import holds, readers, spoiled


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    return readers(tmp_path_factory.mktemp("spoiled"), describe())


@pytest.mark.parametrize("kind", ["images", "own pictures", "CSV of indices", "TOML", "index.csv", "query values"])
def test_a_spoiled_input_is_read_or_told_in_one_sentence(known, kind, capfd):
    told = [holds(known[kind], raw) for raw in spoiled(known[kind], 20, seed=1)]
    assert any(told)
    assert capfd.readouterr() == ("", "")
