"""A run's handle: what it reads and asks is cached by run, completion, home and question, and by nothing else."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import streamlit as st
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.runtime.uploaded_file_manager import UploadedFile, UploadedFileRec

from core.analysis.registry import QUESTIONS
from core.domain.errors import WrongInput
from core.jobs.engine_client import WarmEngine
from core.storage.artifacts import Artifacts
from core.storage.runs import ResultStore
from dashboard.queries import runs
from dashboard.queries.runs import RunHandle
from tests.planted import plant, spec


@pytest.fixture(autouse=True)
def nothing_is_cached():
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def asked(home, monkeypatch):
    """What the engine was asked, in order; it answers with how often."""
    seen = []
    monkeypatch.setattr(WarmEngine, "ask", lambda self, question, **about: seen.append((question, about)) or len(seen))
    return seen


def test_a_question_is_asked_once_of_one_computation_of_one_run(home, asked):
    run = RunHandle("a", "monday", str(home.root))
    assert [run.ask("redampen", alpha=2.0, lambda_=1.0) for _ in range(2)] == [1, 1]
    others = [replace(run, id="b"), replace(run, finished="tuesday"), replace(run, root="elsewhere")]
    assert [other.ask("redampen", alpha=2.0, lambda_=1.0) for other in others] == [2, 3, 4]
    assert run.ask("redampen", alpha=2.1, lambda_=1.0) == 5
    assert run.ask("alpha_curve", lambda_=1.0) == 6
    assert asked[0] == ("redampen", {"run_id": "a", "alpha": 2.0, "lambda_": 1.0})


def test_another_run_in_a_question_is_an_id_to_the_engine_and_a_computation_to_the_cache(home, asked):
    run, other = RunHandle("a", "monday", str(home.root)), RunHandle("b", "monday", str(home.root))
    assert run.ask("touched_map", others=[run, other, "reference"]) == 1
    assert run.ask("touched_map", others=[run, replace(other, finished="tuesday"), "reference"]) == 2
    assert run.ask("touched_layer", other=other, layer="conv1") == 3
    assert asked == [("touched_map", {"run_id": "a", "others": ["a", "b", "reference"]})] * 2 + [
        ("touched_layer", {"run_id": "a", "other": "b", "layer": "conv1"})
    ]


def test_an_upload_is_a_file_while_its_question_is_answered_and_cached_by_its_id(home, monkeypatch):
    def upload(file_id):
        return UploadedFile(UploadedFileRec(file_id, "cat.png", "image/png", b"pixels"), FileURLs())

    files = []

    def ask(self, question, image, **about):
        files.append(Path(image["path"]))
        return image["name"], files[-1].read_bytes()

    monkeypatch.setattr(WarmEngine, "ask", ask)
    run = RunHandle("a", "monday", str(home.root))
    assert [run.ask("saliency", image=upload(1)) for _ in range(2)] == [("cat.png", b"pixels")] * 2
    assert len(files) == 1
    assert run.ask("saliency", image=upload(2)) == ("cat.png", b"pixels")
    assert len(files) == 2
    assert files[0].is_relative_to(home.root)
    assert not any(file.parent.exists() for file in files)


def test_only_questions_that_there_are_have_a_spinner_s_text():
    assert runs.WAITING.keys() <= QUESTIONS.keys()


def test_a_table_is_read_once_and_again_when_the_run_was_computed_again(home, monkeypatch):
    run_id = plant(home, spec("ssd"))
    with ResultStore(home.database) as store:
        handle = runs.handle(store.existing(run_id))
    read, get = [], Artifacts.get_table
    monkeypatch.setattr(Artifacts, "get_table", lambda self, file: read.append(file) or get(self, file))
    first, second = handle.table("per_class"), handle.table("per_class")
    assert isinstance(first, pd.DataFrame)
    pd.testing.assert_frame_equal(first, second)
    assert len(read) == 1
    replace(handle, finished="later").table("per_class")
    assert len(read) == 2
    with pytest.raises(WrongInput, match=f"Run {run_id} stored no table 'nothing'"):
        handle.table("nothing")
