"""What a bundle holds, under which names, and how much of it is read at most: all limits stand here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
import re

from core.domain.run import MODELS

FORMAT, VERSION = "forgetscope bundle", 1
MANIFEST, METADATA = "forgetscope.json", "ro-crate-metadata.json"  # the first and the second member
RUN_ID, STUDY_ID = r"[0-9a-f]{12}", r"[A-Za-z0-9_-]{1,64}"
RUN, STUDY = re.compile(rf"runs/({RUN_ID})\.json"), re.compile(rf"studies/({STUDY_ID})\.json")
DATA = re.compile(r"files/[A-Za-z0-9_.+-]{1,120}\.(safetensors|parquet)")
FOLDERS = ("files/", "runs/", "studies/")

MOST_MEMBERS = 50_000
MOST_RUNS, MOST_STUDIES = 10_000, 100
MOST_BYTES = 2**35  # of all members together
MOST_TIMES = 100  # what members may claim of the file's own size; ours are not compressed at all
UNCHECKED = 2**24  # bytes up to which that is not checked
MOST_TEXT = 2**25  # bytes of what a bundle says of itself (the manifest, the metadata), each
MOST_RECORD, MOST_RECORDS = 2**21, 2**25  # bytes of the JSON of one run or study, and of all of them together
MOST_VALUES = 2_000_000  # in a JSON, and in all of the records together: a value of two bytes takes sixty in memory
MOST_TABLE, MOST_ROWS = 2**28, 20_000_000  # bytes and rows of a table
MOST_TENSORS = 200_000  # of a file
MOST_NUMBERS, MOST_FILES = 10_000, 1000  # of a run
MOST_HELD = 2**30  # bytes of a bundle that a page takes or gives: the server's process has it in memory
BLOCK = 2**20  # bytes that are read at once

NETWORKS = ("original", "unlearned", "reference")  # what `--without-weights` leaves out, with the statistics
STATISTIC = "statistic/"


@dataclass(frozen=True)
class Column:
    """What a column of a table may hold. words: the texts, () for any. Of numbers both ends; whole: they are indices or counts; gaps: one
    may be missing; of: what they are indices of, `class` or `image`.
    """

    low: float = 0.0
    high: float = 1.0
    whole: bool = False
    gaps: bool = False
    of: str = ""
    text: bool = False
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """columns: those that pages read. more: those that some runs' tables have besides. key: columns that together name a row, once."""

    columns: Mapping[str, Column]
    key: tuple[str, ...] = ()
    more: Mapping[str, Column] = field(default_factory=dict)


def _one_of(*words: str) -> Column:
    return Column(text=True, words=words)


TEXT, MODEL, SHARE, MAYBE_SHARE = Column(text=True), _one_of(*MODELS), Column(), Column(gaps=True)
COUNT, CLASS, IMAGE = Column(high=1e12, whole=True), Column(high=1e6, whole=True, of="class"), Column(high=1e9, whole=True, of="image")
LENGTH = Column(high=inf, gaps=True)  # missing where a network diverged
OF_MODEL = {"loss": LENGTH, "entropy": LENGTH, "confidence": Column(-1000.0, 1000.0, gaps=True), "answer": CLASS}
TABLES = {
    "per_class": Table(
        {"split": _one_of("train", "test"), "model": MODEL, "class": CLASS, "accuracy": MAYBE_SHARE, "count": COUNT},
        ("split", "model", "class"), {"positives": COUNT, "answered": COUNT},
    ),
    "confusion": Table(
        {"split": _one_of("train", "test", "forget"), "model": MODEL, "true": CLASS, "predicted": CLASS, "count": COUNT},
        ("split", "model", "true", "predicted"), {"confidence": MAYBE_SHARE},
    ),
    "layers": Table(
        {"layer": TEXT, "weights": COUNT, "changed": MAYBE_SHARE, "distance": LENGTH}, ("layer",), {"reference_distance": LENGTH}
    ),
    "examples": Table(
        {"set": _one_of("forget", "retain", "test_forget", "test_retain"), "index": IMAGE, "label": CLASS,
         **{f"unlearned_{name}": column for name, column in OF_MODEL.items()}},
        (), {"truth": CLASS, **{f"{model}_{name}": column for model in MODELS for name, column in OF_MODEL.items()}},
    ),
    "cka": Table(
        {"layer": TEXT, "set": _one_of("forget", "retain"), "model": MODEL, "other": MODEL, "cka": Column(-1.0, gaps=True)},
        ("layer", "set", "model", "other"),
    ),
    "relearn": Table({"model": MODEL, "step": COUNT, "accuracy": SHARE, "target": SHARE}, ("model", "step"), {"limit": COUNT}),
    "probes": Table({"model": MODEL, "layer": TEXT, "accuracy": SHARE}, ("model", "layer")),
    "graft": Table(
        {"model": MODEL, "direction": _one_of("model_below", "original_below"), "k": COUNT, "layer": TEXT, "forget": MAYBE_SHARE,
         "retain": MAYBE_SHARE},
        ("model", "direction", "k"),
    ),
    "training": Table({"model": MODEL, "epoch": COUNT, "loss": LENGTH, "accuracy": SHARE}, ("model", "epoch"),
                      {"validation_loss": LENGTH, "validation_accuracy": MAYBE_SHARE}),
    "costs": Table({"part": TEXT, "model": TEXT, "seconds": Column(-1.0, 1e9)}),  # of inner parts' sums a hair may be taken too much
    "metric_versions": Table({"metric": TEXT, "version": TEXT}, ("metric",)),
}  # fmt: skip
ARRAYS = (*NETWORKS, "answers", "touched", "recorded")  # and any statistic


def is_weights(name: str) -> bool:
    """Whether a run's file is as large as its network, and tells as much."""
    return name in NETWORKS or name.startswith(STATISTIC)


def kind_of(name: str) -> str:
    """The ending of a run's file of that name; '' where runs have none."""
    return "parquet" if name in TABLES else "safetensors" if name in ARRAYS or name.startswith(STATISTIC) else ""
