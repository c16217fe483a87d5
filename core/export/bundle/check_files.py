"""Opens the tables and arrays of a bundle in a process of its own, whose memory and time are bounded: a file that would fill the memory, or
crash its reader, fills and crashes that one. `python -m core.export.bundle.check_files FOLDER`; the request is JSON on stdin, the reply
one line: {"wrong": sentence}, '' where all is well.
"""

from collections.abc import Callable, Mapping
import json
from pathlib import Path
import subprocess
import sys
from typing import Any

from core.domain.errors import WrongInput
from core.export.bundle.layout import MOST_ROWS, MOST_TENSORS, NETWORKS, TABLES, TEXTS
from core.storage.home import Home
from core.storage.processes import python_module
from core.training.uploaded_weights.resource_limits import bounded

PATIENCE = 600.0  # seconds for all files of a bundle
NUMPYS = {"F64", "F32", "F16", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8", "BOOL"}  # types of tensors that numpy has


def check(folder: Path, runs: list[Mapping[str, str]], paths: Mapping[str, str], home: Home) -> None:
    """runs: name -> file in the folder, of each run. paths: what each file is called in the bundle. Raises WrongInput."""
    request = json.dumps({"runs": [dict(run) for run in runs], "paths": dict(paths)})
    with open(home.logs_folder / "bundles.log", "ab") as log:
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": log, "text": True}
        with subprocess.Popen(**python_module("core.export.bundle.check_files", folder), **pipes) as process:
            try:
                said, _ = process.communicate(request, timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                said = ""
            finally:  # also where the caller is stopped
                process.kill()
    lines = said.splitlines()
    if not lines or not lines[-1].startswith("{"):
        of = lines[-1] if lines else "A file of the bundle"
        raise WrongInput(f"{of} takes more time or memory to read than any table of ours; nothing in it was run.")
    if wrong := json.loads(lines[-1])["wrong"]:
        raise WrongInput(wrong)


def main(folder: str) -> None:
    """Read one request; say each file's path before it is opened, and at the end what is wrong."""
    request = json.load(sys.stdin)
    replies, sys.stdout = sys.stdout, sys.stderr  # a library's print must not be taken for a reply
    wrong = ""
    try:
        check_all(Path(folder), request["runs"], request["paths"], lambda path: print(path, file=replies, flush=True))
    except WrongInput as error:
        wrong = str(error)
    print(json.dumps({"wrong": wrong}), file=replies, flush=True)


def check_all(folder: Path, runs: list[Mapping[str, str]], paths: Mapping[str, str], say: Callable[[str], None]) -> None:
    """`check`, in this process. say: is told each path before it is opened. Raises WrongInput."""
    named = {file: name for run in runs for name, file in run.items()}
    shapes = dict[str, dict[str, list[int]]]()
    for file, path in paths.items():
        say(path)
        if file.endswith(".parquet"):
            check_table(folder / file, named.get(file, ""), path)
        else:
            shapes[file] = check_arrays(folder / file, path)
    for run in runs:
        networks = [shapes[run[name]] for name in NETWORKS if name in run]
        if any(shape != networks[0] for shape in networks):
            raise WrongInput("The networks of a run have different weights, so they are not of one architecture.")


def check_arrays(file: Path, path: str) -> dict[str, list[int]]:
    """Name -> shape of the tensors; only the head of the file is read. Raises WrongInput."""
    import safetensors  # noqa: PLC0415  # with numpy a tenth of a second, which who starts the process need not pay

    try:
        with safetensors.safe_open(file, framework="numpy") as opened:
            names = list(opened.keys())
            if len(names) > MOST_TENSORS:
                raise WrongInput(f"{path} holds {len(names):,} arrays; {MOST_TENSORS:,} at most are read.")
            slices = {name: opened.get_slice(name) for name in names}
            kinds = {one.get_dtype() for one in slices.values()}
            if kinds - NUMPYS:
                raise WrongInput(f"{path} holds arrays of {', '.join(sorted(kinds - NUMPYS))}, which are not read.")
            return {name: one.get_shape() for name, one in slices.items()}
    except safetensors.SafetensorError as error:
        raise WrongInput(f"{path} is no safetensors file; nothing in it was run.") from error


def check_table(file: Path, name: str, path: str) -> None:
    """Raises WrongInput where it is no table of plain numbers and texts with the columns that pages read of it."""
    import pandas as pd  # noqa: F401, PLC0415  # as above; before the memory is bounded
    import pyarrow as arrow  # noqa: PLC0415
    from pyarrow import parquet  # noqa: PLC0415

    arrow.set_memory_pool(arrow.system_memory_pool())  # the others claim room that is counted
    arrow.set_cpu_count(1)
    try:
        with bounded(file):
            found = parquet.ParquetFile(file)
            if found.metadata.num_rows > MOST_ROWS:
                raise WrongInput(f"{path} has {found.metadata.num_rows:,} rows; {MOST_ROWS:,} at most are read.")
            for field in found.schema_arrow:
                text = arrow.types.is_string(field.type) or arrow.types.is_large_string(field.type)
                number = arrow.types.is_integer(field.type) or arrow.types.is_floating(field.type) or arrow.types.is_boolean(field.type)
                nothing = arrow.types.is_null(field.type) and not found.metadata.num_rows  # a table without rows has no other types
                if not (nothing or (text if field.name in TEXTS else number)):
                    raise WrongInput(f"{path} has a column {field.name[:40]!r} of {str(field.type)[:40]}, which no table of ours has.")
            if missing := [column for column in TABLES.get(name, ()) if column not in found.schema_arrow.names]:
                raise WrongInput(f"{path} lacks the column {missing[0]!r}, which a table {name!r} has.")
            found.read(use_threads=False).to_pandas(use_threads=False)
    except WrongInput:
        raise
    except MemoryError as error:  # Arrow's own is one
        raise WrongInput(f"{path} needs more memory than a table of its size may.") from error
    except (arrow.ArrowException, OSError, ValueError, TypeError, LookupError) as error:
        raise WrongInput(f"{path} is no table in parquet that can be read; nothing in it was run.") from error


if __name__ == "__main__":
    main(sys.argv[1])
