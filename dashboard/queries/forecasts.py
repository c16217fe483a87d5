"""What a run or a study would take, before it is asked for; the engine reckons in the background what this home has no history of."""

from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
import json
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

import streamlit as st

from core.domain.code_version import run_version, training_version
from core.domain.run import RunSpec
from core.domain.study import StudyPlan
from core.domain.training.own_recipe import recipe_for
from core.jobs import forecast as forecasts
from core.jobs.engine_client import TO_MEASURE, WarmEngine
from core.jobs.studies import progress
from core.storage.artifacts import Artifacts
from core.storage.durations import History, Work, history
from core.storage.home import Home
from core.storage.record_types import Forecast
from core.storage.runs import ResultStore
from dashboard.queries import catalogue, engine
from dashboard.session import home

MOST = 256  # answers that are remembered
AT_ONCE = 0.3  # seconds that a page waits for the warm engine


_Question = tuple["Future[Work | None]", RunSpec, Callable[..., Any]]


@dataclass
class Questions:
    """About one home, one after the other, in the background.

    The first about a network goes to an engine of its own: measuring a pass may take a minute, for which nobody must wait who
    asks the warm one. Its thread is a daemon: a pool's would be waited for when the server is stopped, until the pass is measured.
    """

    home: Home
    measured: set[tuple[str, ...]] = field(default_factory=set)  # networks, whose passes the home has stored
    own: WarmEngine | None = None  # while it measures
    asked: dict[str, "Future[Work | None]"] = field(default_factory=dict)
    line: "SimpleQueue[_Question | None]" = field(default_factory=SimpleQueue)  # None: nothing more comes

    def __post_init__(self) -> None:
        Thread(target=self._answer_all, name="forecast", daemon=True).start()

    def work(self, spec: RunSpec, ask: Callable[..., Any]) -> Work | None:
        """The answer; None while there is none, and where there was none to be had, which is asked again at the next call."""
        about = forecasts.question_of(spec)
        key = json.dumps([about, run_version(spec.dataset, spec.model, spec.method)], sort_keys=True)
        if key not in self.asked:
            if len(self.asked) >= MOST:
                self.asked.pop(next(iter(self.asked)))
            self.asked[key] = Future()
            self.line.put((self.asked[key], spec, ask))
        future = self.asked[key]
        if _network(spec) in self.measured and not self._behind(future):  # then a warm engine answers at once
            wait([future], AT_ONCE)
        found = future.result() if future.done() else None
        if future.done() and found is None:
            self.asked.pop(key, None)
        return found

    def _answer_all(self) -> None:
        while question := self.line.get():
            future, spec, ask = question
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(self._answer(spec, ask))
                except Exception as error:  # whatever it is, who asked is told
                    future.set_exception(error)

    def _answer(self, spec: RunSpec, ask: Callable[..., Any]) -> Work | None:
        network = _network(spec)
        if network in self.measured:
            return forecasts.asking(ask)(spec)
        self.own = WarmEngine(self.home, TO_MEASURE)
        try:
            found = forecasts.asking(self.own.ask)(spec)
        finally:
            self.own.close()
            self.own = None
        if found:
            self.measured.add(network)
        return found

    def _behind(self, future: "Future[Work | None]") -> bool:
        """Whether other questions come first."""
        return any(not other.done() for other in self.asked.values() if other is not future)

    @property
    def pending(self) -> bool:
        """Whether an answer is on its way."""
        return any(not future.done() for future in list(self.asked.values()))

    def close(self) -> None:
        """Let the thread go, and the process that measures."""
        for future in list(self.asked.values()):
            future.cancel()
        self.line.put(None)
        if own := self.own:
            own.close()


def _network(spec: RunSpec) -> tuple[str, ...]:
    return spec.dataset, spec.model, training_version(spec.dataset, spec.model), str(recipe_for(spec).batch_size)


@st.cache_resource(max_entries=2, on_release=Questions.close)
def _questions(root: str) -> Questions:
    return Questions(Home(Path(root)))


def pending() -> bool:
    """Whether the engine is reckoning; then a forecast that is not known yet will be."""
    return _questions(str(home().root)).pending


def of_run(spec: RunSpec) -> Forecast:
    """See core.jobs.forecast.forecast. Raises WrongInput where the run would outgrow the memory."""
    with ResultStore(home().database) as store:
        found = forecasts.forecast(store, spec, _asker(), _known(store))
    forecasts.check_memory(found, spec)
    return found


def of_plan(plan: StudyPlan) -> Forecast:
    """See core.jobs.studies.progress.forecast_for. Raises WrongInput where a run would outgrow the memory."""
    files = Artifacts(home().artifacts_folder).files()
    with ResultStore(home().database) as store:
        return progress.forecast_for(store, plan, catalogue.current(), files, _asker(), _known(store))


def _known(store: ResultStore) -> History:
    return _history(store.finished_revision(), str(home().root))


@st.cache_resource(max_entries=2, show_spinner=False)
def _history(revision: int, root: str) -> History:
    with ResultStore(home().database) as store:
        return history(store.db)


def _asker() -> Callable[[RunSpec], Work | None]:
    questions, asked = _questions(str(home().root)), engine.of_home()
    return lambda spec: questions.work(spec, asked.ask)
