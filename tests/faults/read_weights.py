"""Reads each file of a folder as the process for weights does: python -m tests.faults.read_weights FOLDER; a JSON line for each.

In a forked process for each, so that torch is imported once: {"file", "said", "status", "mb", "seconds"}.
"""

import json
import os
from pathlib import Path
import sys
from time import monotonic

import torch

from core.domain.errors import WrongInput
from core.training.uploaded_weights.read_checkpoint import read_checkpoint
from core.training.uploaded_weights.resource_limits import bounded


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    for path in sorted(folder.iterdir()):
        began, (out, into) = monotonic(), os.pipe()
        child = os.fork()
        if not child:
            os.write(into, said(path).encode()[:4000])
            os._exit(0)
        os.close(into)
        _, status, used = os.wait4(child, 0)
        with open(out, encoding="utf-8", errors="replace") as pipe:
            told = pipe.read()
        print(json.dumps({"file": path.name, "said": told, "status": status, "mb": used.ru_maxrss / 1024, "seconds": used.ru_utime
                          + used.ru_stime, "wall": monotonic() - began}), flush=True)  # fmt: skip


def said(path: Path) -> str:
    try:
        with bounded(path):
            return f"read {len(read_checkpoint(path).tensors)}"
    except WrongInput as wrong:
        return f"refused {wrong}"
    except BaseException as error:
        return f"broke {type(error).__name__}: {error}"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
