"""Opens the tables and arrays of a bundle in a process of its own, whose memory and time are bounded: a file that would fill the memory, or
crash its reader, fills and crashes that one. `python -m core.export.bundle.check_files FOLDER`; the request is JSON on stdin, the reply
one line: {"wrong": sentence}, '' where all is well.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
import json
from math import prod
from pathlib import Path
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from core.domain.errors import WrongInput
from core.domain.json_checks import is_readable, said_of
from core.domain.recordings import AS_PARAMETER, recording_of
from core.export.bundle.layout import MOST_ROWS, MOST_TENSORS, NETWORKS, STATISTIC, TABLES, Column, Table
from core.storage.home import Home
from core.storage.processes import python_module
from core.training.uploaded_weights.resource_limits import bounded

if TYPE_CHECKING:
    import pandas as pd

PATIENCE = 600.0  # seconds for all files of a bundle
MOST_LETTERS = 300  # of a text in a table
ROUNDING = 1e-6  # by which a number may lie beyond its column's ends
IMPORTANCE = f"{STATISTIC}Importance"  # statistics whose arrays are like the network's parameters
NUMPYS = {"F64", "F32", "F16", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8", "BOOL"}  # types of tensors that numpy has


@dataclass(frozen=True)
class RunFiles:
    """files: name -> file in the folder. classes, train, test: how many classes and images the run's dataset has; 0 where that is not known
    here. Of several attributes `classes` is one more: an image may have all.
    """

    files: dict[str, str]
    classes: int = 0
    train: int = 0
    test: int = 0


Shapes = dict[str, tuple[int, ...]]  # array's name -> shape


def check(folder: Path, runs: list[RunFiles], paths: Mapping[str, str], home: Home) -> None:
    """paths: what each file in the folder is called in the bundle. Raises WrongInput."""
    request = json.dumps({"runs": [asdict(run) for run in runs], "paths": dict(paths)})
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
        runs = [RunFiles(**run) for run in request["runs"]]
        check_all(Path(folder), runs, request["paths"], lambda path: print(path, file=replies, flush=True))
    except WrongInput as error:
        wrong = str(error)
    print(json.dumps({"wrong": wrong}), file=replies, flush=True)


def check_all(folder: Path, runs: list[RunFiles], paths: Mapping[str, str], say: Callable[[str], None]) -> None:
    """`check`, in this process. say: is told each path before it is opened. Raises WrongInput."""
    shapes, rows = dict[str, Shapes](), dict[str, int]()
    uses = {(file, name, run.classes, run.train, run.test) for run in runs for name, file in run.files.items()}
    unused = {(file, "", 0, 0, 0) for file in paths.keys() - {file for file, *_ in uses}}
    for file, name, *about in sorted(uses | unused):
        say(paths[file])
        if file.endswith(".parquet"):
            rows[file] = check_table(folder / file, name, paths[file], *about)
        elif file not in shapes:
            shapes[file] = check_arrays(folder / file, paths[file])
    for run in runs:
        _check_shapes(run, {name: shapes[file] for name, file in run.files.items() if file in shapes}, rows)


def _check_shapes(run: RunFiles, shapes: Mapping[str, Shapes], rows: Mapping[str, int]) -> None:
    """Whether a run's arrays fit each other and its table of examples. Raises WrongInput."""
    networks = [shapes[name] for name in NETWORKS if name in shapes]
    if any(shape != networks[0] for shape in networks):
        raise WrongInput("The networks of a run have different weights, so they are not of one architecture.")
    like = dict(networks[0]) if networks else {}
    for name, shape in shapes.get("recorded", {}).items():
        recording, parameter = recording_of(name), name.partition("/")[2]
        odd = recording is not None and not recording.fits(shape)
        if recording is not None and recording.axes == AS_PARAMETER:
            odd = like.setdefault(parameter, shape) != shape
        if odd:
            raise WrongInput(f"A run's array {name[:60]!r} of its recordings has the shape {shape}, which such a recording has not.")
    for name in [name for name in shapes if name.startswith(IMPORTANCE)]:
        for parameter, shape in shapes[name].items():
            if like.get(parameter, shape) != shape:
                raise WrongInput(f"A run's importance of {parameter[:60]!r} has the shape {shape}, and the weights have another.")
    for parameter, shape in shapes.get("touched", {}).items():
        if networks and shape != (-(-prod(like.get(parameter, ())) // 8),):
            raise WrongInput(f"A run's mask of {parameter[:60]!r} has the shape {shape}, which is not one bit for each weight.")
    wanted = rows.get(run.files.get("examples", ""))
    for model, shape in shapes.get("answers", {}).items():
        if len(shape) != 2 or wanted not in (None, shape[0]) or run.classes - shape[-1] not in (-shape[-1], 0, 1):
            raise WrongInput(f"A run's probabilities of the {model[:20]} network have the shape {shape}, not one row an example by class.")


def check_arrays(file: Path, path: str) -> Shapes:
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
            return {name: tuple(one.get_shape()) for name, one in slices.items()}
    except safetensors.SafetensorError as error:
        raise WrongInput(f"{path} is no safetensors file; nothing in it was run.") from error


def check_table(file: Path, name: str, path: str, classes: int = 0, train: int = 0, test: int = 0) -> int:
    """Its rows. Raises WrongInput where it is no table of plain numbers and texts, each as its column's rule says.

    name: what a run calls it, '' where none does. classes, train, test: as in RunFiles.
    """
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
            table = TABLES.get(name, Table({}))
            known = {**table.columns, **table.more}
            if missing := [column for column in table.columns if column not in found.schema_arrow.names]:
                raise WrongInput(f"{path} lacks the column {missing[0]!r}, which a table {name!r} has.")
            for field in found.schema_arrow:
                text = arrow.types.is_string(field.type) or arrow.types.is_large_string(field.type)
                whole = arrow.types.is_integer(field.type)
                number = whole or arrow.types.is_floating(field.type) or arrow.types.is_boolean(field.type)
                rule = known.get(field.name, Column(text=text and not name))  # of a file that no run names nothing is read
                nothing = arrow.types.is_null(field.type) and not found.metadata.num_rows  # a table without rows has no other types
                if not (nothing or (text if rule.text else whole if rule.whole else number)):
                    raise WrongInput(f"{path} has a column {field.name[:40]!r} of {str(field.type)[:40]}, which no table of ours has.")
            frame = found.read(use_threads=False).to_pandas(use_threads=False)
            if len(frame):
                _check_rows(frame, table, path, classes, train, test)
            return len(frame)
    except WrongInput:
        raise
    except MemoryError as error:  # Arrow's own is one
        raise WrongInput(f"{path} needs more memory than a table of its size may.") from error
    except (arrow.ArrowException, OSError, ValueError, TypeError, LookupError) as error:
        raise WrongInput(f"{path} is no table in parquet that can be read; nothing in it was run.") from error


def _check_rows(frame: "pd.DataFrame", table: Table, path: str, classes: int, train: int, test: int) -> None:
    """Raises WrongInput for the first column that holds what its rule does not allow, and for a row that is there twice."""
    for name, rule in {**table.columns, **table.more}.items():
        if name not in frame:
            continue
        if rule.text:
            _check_texts(frame[name], rule, path)
            continue
        low, high = rule.low - ROUNDING, rule.high + ROUNDING
        if rule.of == "class" and classes:
            high = classes - 1
        odd = ~frame[name].between(low, high)
        if rule.of == "image" and train:
            odd |= frame[name] >= frame["set"].str.startswith("test").map({True: test, False: train})
        if rule.gaps:
            odd &= frame[name].notna()
        if odd.any():
            raise WrongInput(f"{path} has {said_of(frame[name][odd].iloc[0].item())} in its column {name!r}, which no table of ours has.")
    if table.key and frame.duplicated(list(table.key)).any():
        raise WrongInput(f"{path} holds a row twice: of each {', '.join(table.key)} there is one.")


def _check_texts(column: "pd.Series[str]", rule: Column, path: str) -> None:
    for word in column.unique():
        wanted = isinstance(word, str) and (word in rule.words if rule.words else len(word) <= MOST_LETTERS and is_readable(word))
        if not wanted:
            told = said_of(word if isinstance(word, str) else None)
            raise WrongInput(f"{path} has {told} in its column {column.name!r}, which no table of ours has.")


if __name__ == "__main__":
    main(sys.argv[1])
