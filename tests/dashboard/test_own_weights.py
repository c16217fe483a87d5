"""Weights of one's own on the pages: brought on Unlearn, checked by the engine, told on Result."""

import subprocess
from unittest.mock import Mock

import pytest

from core.domain import WrongInput
from core.engine import WarmEngine
from core.jobs import runner
from core.store.results import ResultStore
from dashboard.queries import warm
from tests.dashboard.conftest import sound

RECIPE = "The original's weights were uploaded; the reference was trained here by the recipe"


@pytest.fixture
def asked(monkeypatch):
    """Specs that were submitted; nothing is run."""
    specs = []
    monkeypatch.setattr(runner, "submit", lambda _, spec: specs.append(spec) or spec.id)
    return specs


@pytest.fixture
def mine(finished, done):
    """The finished run's original, as the bytes of a file."""
    with ResultStore(finished.database) as store:
        return (finished.artifacts_folder / store.artifacts(done)["original"]).read_bytes()


def bring(at, name, content):
    at.file_uploader(key="own_weights").set_value((name, content, "application/octet-stream"))
    return sound(at.run())


def test_without_a_file_the_original_is_trained(open_app, bare, asked):
    at = open_app(bare.root)
    assert at.file_uploader(key="own_weights").label == "Weights, up to 1 GB"
    assert sorted(at.file_uploader(key="own_weights").allowed_type) == [".pt", ".pth", ".safetensors"]
    at.button(key="submit").click()
    sound(at.run())
    assert [spec.weights for spec in asked] == ["", ""]  # the run and its floor


def test_weights_that_fit_are_counted_and_the_run_is_asked_with_them(open_app, bare, mine, asked):
    at = bring(open_app(bare.root), "mine.safetensors", mine)
    assert [message.value for message in at.success] == ["fits: 38,378 weights"]
    assert not at.error
    at.button(key="submit").click()
    sound(at.run())
    first, floor = asked
    assert first.weights == floor.weights
    assert (bare.artifacts_folder / f"{first.weights}.safetensors").read_bytes() == mine
    assert not list(bare.root.glob(".writing-*"))


def test_weights_that_do_not_fit_are_told_in_one_sentence_and_nothing_can_be_run(open_app, bare, mine):
    at = bring(open_app(bare.root), "mine.pth", mine)
    (error,) = at.error
    assert "'mine.pth'" in error.value.replace("\\", "")
    assert "could not be read" in error.value
    assert "\n" not in error.value
    assert at.button(key="submit").disabled
    at.file_uploader(key="own_weights").clear()
    assert not sound(at.run()).button(key="submit").disabled


def test_a_trouble_that_passes_is_not_remembered_for_the_file(open_app, bare, mine, monkeypatch):
    answer = WarmEngine.ask
    monkeypatch.setattr(WarmEngine, "ask", Mock(side_effect=WrongInput("The engine could not answer.")))
    at = bring(open_app(bare.root), "mine.safetensors", mine)
    assert [error.value for error in at.error] == ["The engine could not answer\\."]
    monkeypatch.setattr(WarmEngine, "ask", answer)
    warm._weights_or_why_not.clear()  # as it is by itself, some seconds later
    assert [message.value for message in sound(at.run()).success] == ["fits: 38,378 weights"]
    assert not at.error


def test_what_a_killed_server_left_of_an_upload_is_swept_when_the_next_asks(open_app, bare, mine):
    with subprocess.Popen(["true"]) as gone:
        pass
    left = bare.root / f".writing-{gone.pid}-{'0' * 32}"
    left.mkdir()
    (left / "uploaded.pth").write_bytes(b"half")
    bring(open_app(bare.root), "mine.safetensors", mine)
    assert not left.exists()


def test_weights_of_another_architecture_are_told_key_by_key_once_it_is_chosen(open_app, bare, mine):
    at = bring(open_app(bare.root), "mine.safetensors", mine)
    at.selectbox(key="model").set_value("all_cnn")
    (error,) = sound(at.run()).error
    assert "All-CNN on digits has weights that the file lacks" in error.value.replace("\\", "")
    assert at.button(key="submit").disabled


def test_the_result_says_that_the_original_was_not_trained_here(open_app, home_of, done):
    home = home_of()
    plain = open_app(home.root, "views/result.py", run=done)
    assert not [m for m in plain.markdown if RECIPE in m.value]
    with ResultStore(home.database) as store, store.db.transaction() as write:
        write.execute("update runs set spec = json_set(spec, '$.weights', ?), finished_at = '2026-01-01T00:00:00.000+00:00'", ("ab" * 32,))
    at = open_app(home.root, "views/result.py", run=done)
    (told,) = [m.value for m in at.markdown if RECIPE in m.value]
    assert ":blue-badge[own weights]" in told
    assert next(m.value for m in at.metric if m.label == "Train original") == "–"
