"""Adds a folder of images in a process of its own: who asks neither decodes nor dies of what it is given."""

from collections.abc import Callable
import json
import os
from pathlib import Path
import re
import subprocess
import sys
from tempfile import TemporaryFile

from core.data.importing.importer import ImportOptions
from core.domain.errors import WrongInput
from core.storage.atomic import sweep

PROJECT = Path(__file__).resolve().parents[2]  # the folder that `python -m core` is run from
DATASETS = "datasets"  # the folder that core.storage.home.Home.datasets_folder names, from a floor above
_PERCENT = re.compile(r" *(\d+) %  (.*)")


def add_apart(home: Path, path: str, asked: ImportOptions, say: Callable[[float, str], None]) -> tuple[str, tuple[str, ...]]:
    """The dataset's key, and what the user should know of how it was read, as `python -m core data add` says it.

    home: the home's folder. Raises WrongInput in its words.

    Should who asks be stopped while it waits, the process ends, and leaves nothing.
    """
    options = ["--layout", asked.layout, "--size", str(asked.size), "--label", asked.label, "--name", asked.name]
    command = [sys.executable, "-m", "core", "data", "add", *options, "--channels", asked.channels, "--json", "--", path]
    environment = {**os.environ, "FORGETSCOPE_HOME": str(home), "PYTHONIOENCODING": "utf-8"}
    last = "it said nothing"
    with TemporaryFile("w+", encoding="utf-8") as out:
        process = subprocess.Popen(
            command, cwd=PROJECT, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE,
            encoding="utf-8", errors="replace",
        )  # fmt: skip
        with process:
            assert process.stderr is not None, "it is a pipe"  # for the type checker
            try:
                for line in process.stderr:
                    if told := _PERCENT.match(line):
                        say(int(told.group(1)) / 100, told.group(2).strip())
                    else:
                        last = line.strip() or last
            except BaseException:  # the page was left: Streamlit stops its script with an exception of its own
                process.terminate()
                raise
        if (ended := max(-process.returncode, process.returncode - 128)) > 0:  # by a signal, caught or not
            sweep(home / DATASETS)  # a killed process could not
            raise WrongInput(f"Adding was ended by the system (signal {ended}), perhaps for want of memory; nothing was added.")
        if process.returncode:
            raise WrongInput(last)
        out.seek(0)
        told_of = json.loads(out.read())
        return str(told_of["key"]), tuple(map(str, told_of["notes"]))
