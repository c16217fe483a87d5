"""The engine's version: the sources as they are now."""

import pytest

from core.domain import code_version as version
from core.domain.code_version import ENGINE, TRAINING, code_version


@pytest.fixture
def sources(tmp_path, monkeypatch):
    (tmp_path / "methods").mkdir()
    (tmp_path / "methods" / "ssd.py").write_text("alpha = 1")
    (tmp_path / "domain.py").write_text("")
    monkeypatch.setattr(version, "HERE", tmp_path)
    return tmp_path


def test_it_changes_with_a_source_that_computes_even_in_a_process_that_has_asked_before(sources):
    before = code_version(ENGINE)
    assert code_version(ENGINE) == before
    (sources / "methods" / "ssd.py").write_text("alpha = 2, longer")
    assert code_version(ENGINE) != before


def test_a_method_does_not_change_what_training_gives(sources):
    before = code_version(TRAINING)
    (sources / "methods" / "ssd.py").write_text("alpha = 3, longer still")
    assert code_version(TRAINING) == before


def test_it_changes_with_a_library(sources, monkeypatch):
    before = code_version(ENGINE)
    monkeypatch.setattr(version, "version", lambda name: "9.9")
    version._hash.cache_clear()
    assert code_version(ENGINE) != before
    version._hash.cache_clear()


def test_every_room_that_it_names_exists():
    assert all((version.HERE / room).exists() for room in ENGINE)
