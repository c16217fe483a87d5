"""What a backup holds, under which names, and how much of it is read at most: all limits stand here."""

import re

from core.data.importing.store import KEY
from core.storage.home import DATABASE, EXAMPLES, EXTENSIONS, PRESETS

FORMAT, VERSION = "forgetscope backup", 1
MANIFEST = "forgetscope-backup.json"  # the last member
ARTIFACT = re.compile(r"artifacts/([0-9a-f]{64})\.(safetensors|parquet)")
LINES = re.compile(r"(tuning|sequences)/[0-9a-f]{12}\.jsonl")
LOG = re.compile(r"logs/[A-Za-z0-9_-][A-Za-z0-9_.-]{0,119}\.log")
DATASET = re.compile(rf"datasets/{KEY.pattern}/[A-Za-z0-9_-][A-Za-z0-9_.-]{{0,119}}")
EXTENSION = re.compile(rf"{EXTENSIONS}/.+")
SINGLE = (DATABASE, PRESETS, EXAMPLES)
KINDS = (ARTIFACT, LINES, LOG, DATASET, EXTENSION)

MOST_MEMBERS = 500_000
MOST_MANIFEST, MOST_VALUES = 2**27, 4 * MOST_MEMBERS  # bytes of the list of contents, and values in it: three for each file
MOST_EXTENSION_FILES, MOST_EXTENSION_BYTES = 20_000, 2**30  # of all extensions together
BLOCK = 2**20  # bytes that are read at once


def has_a_place(path: str) -> bool:
    """Whether a backup may hold a file of that name."""
    return path in SINGLE or any(kind.fullmatch(path) for kind in KINDS)
