"""What a bundle holds, under which names, and how much of it is read at most: all limits stand here."""

import re

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
MOST_TEXT = 2**26  # bytes of a member in JSON
MOST_TABLE, MOST_ROWS = 2**28, 20_000_000  # bytes and rows of a table
MOST_TENSORS = 200_000  # of a file
MOST_NUMBERS, MOST_FILES = 10_000, 1000  # of a run
BLOCK = 2**20  # bytes that are read at once

NETWORKS = ("original", "unlearned", "reference")  # what `--without-weights` leaves out, with the statistics
STATISTIC = "statistic/"
TABLES = {  # columns that pages read of each table
    "per_class": ("split", "model", "class", "accuracy", "count"),
    "confusion": ("split", "model", "true", "predicted", "count"),
    "layers": ("layer", "weights", "changed", "distance"),
    "examples": ("set", "index", "label", "unlearned_loss", "unlearned_entropy", "unlearned_confidence", "unlearned_answer"),
    "cka": ("layer", "set", "model", "other", "cka"),
    "relearn": ("model", "step", "accuracy", "target"),
    "probes": ("model", "layer", "accuracy"),
    "graft": ("model", "direction", "k", "layer", "forget", "retain"),
    "costs": ("part", "model", "seconds"),
}
ARRAYS = (*NETWORKS, "answers", "touched", "recorded")  # and any statistic
TEXTS = ("split", "model", "layer", "set", "other", "direction", "part")  # columns that hold text; all others hold numbers


def is_weights(name: str) -> bool:
    """Whether a run's file is as large as its network, and tells as much."""
    return name in NETWORKS or name.startswith(STATISTIC)


def kind_of(name: str) -> str:
    """The ending of a run's file of that name; '' where runs have none."""
    return "parquet" if name in TABLES else "safetensors" if name in ARRAYS or name.startswith(STATISTIC) else ""
