"""The dashboard's line to the warm engine: a process of its own that keeps torch and the last few models loaded."""

import json
from pathlib import Path
import select
import subprocess
from threading import Lock
from typing import IO, Any

from core.domain.errors import WrongInput
from core.jobs.codec import decode
from core.storage.home import Home
from core.storage.processes import python_module

PATIENCE = 60  # seconds for an answer, the start of the process included
TO_MEASURE = 600  # the same, where a pass of a large network is measured


class WarmEngine:
    """Starts its process at the first question, and again should it have died. Questions wait in line.

    A plain process and JSON lines instead of a process pool: a pool's child runs the parent's main module again, and
    under Streamlit that is the dashboard.
    """

    def __init__(self, home: Home, patience: float | None = None) -> None:
        """patience: seconds for an answer; None: PATIENCE."""
        self._home, self._patience = home, patience
        self._lock = Lock()
        self._process: subprocess.Popen[str] | None = None

    def ask(self, question: str, **about: Any) -> Any:
        """The answer as plain data. Raises WrongInput with a sentence where there is none."""
        line = json.dumps({"question": question, "about": about})
        with self._lock:
            reply = self._exchange(line) or self._exchange(line)  # it died: a second try, with a new process
        if not reply:
            raise WrongInput(f"The engine could not answer; the end of {self._log} tells why.")
        told = decode(reply)
        if "wrong" in told:
            raise WrongInput(told["wrong"])
        return told["answer"]

    def warm(self) -> None:
        """Start the process now, so that the first question need not wait for it; returns at once."""
        if self._lock.acquire(blocking=False):
            try:
                self._ensure()
            finally:
                self._lock.release()

    def close(self) -> None:
        """Let the process go."""
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None

    @property
    def _log(self) -> Path:
        return self._home.logs_folder / "engine.log"

    def _exchange(self, line: str) -> str:
        """'' where the process died. Raises WrongInput where it had to be ended: what took too long once, will again."""
        self._ensure()
        try:
            print(line, file=self._pipe("stdin"), flush=True)
            patience = self._patience or PATIENCE
            heard, _, _ = select.select([self._pipe("stdout")], [], [], patience)
            if not heard:
                self.close()
                raise WrongInput(f"The engine gave no answer within {patience:.0f} seconds and was ended; {self._log} may tell why.")
            reply = self._pipe("stdout").readline()
        except OSError:
            reply = ""
        if not reply:
            self.close()
        return reply

    def _pipe(self, name: str) -> IO[str]:
        pipe: IO[str] = getattr(self._process, name)
        return pipe

    def _ensure(self) -> None:
        if self._process is None or self._process.poll() is not None:
            self._start()

    def _start(self) -> None:
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(
                **python_module("core.jobs.engine_server", self._home.root),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
