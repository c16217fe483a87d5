"""Write down a dataset's images and labels for those who must not import torch: python -m core.data.write_image_arrays FOLDER KEY."""

import json
import os
from pathlib import Path
import shutil
import sys

import numpy as np

from core.data.datasets.idx import arrays_of
from core.data.paths import LOOKING, OFFLINE, data_folder
from core.domain.errors import WrongInput
from core.storage.atomic import folder_beside

CONTENTS = "contents.json"  # names the arrays; the file of each is its place in the list
SENTENCE = 2  # exit status: the last line on stderr is for the user


def write(folder: Path, key: str) -> None:
    """The arrays as `core.jobs.catalogue.dataset_images` reads them, whole or not at all: a folder made beside, then renamed.

    Raises WrongInput where the dataset is not to be had.
    """
    arrays = arrays_of(key, data_folder())
    save(folder, _loaded(key) if arrays is None else arrays)


def save(folder: Path, arrays: dict[str, np.ndarray]) -> None:
    """One file an array, so that each can be mapped into memory."""
    with folder_beside(folder.parent) as beside:
        for index, array in enumerate(arrays.values()):
            np.save(beside / f"{index}.npy", np.ascontiguousarray(array), allow_pickle=False)
        (beside / CONTENTS).write_text(json.dumps(list(arrays)))
        if folder.exists():  # damaged, or another process was quicker
            shutil.rmtree(folder)
        beside.rename(folder)


def _loaded(key: str) -> dict[str, np.ndarray]:
    from core.data.registry import load_dataset  # noqa: PLC0415  # torch costs two seconds that the quick way need not pay

    data = load_dataset(key)
    arrays = {"peak": np.array(data.train.peak)}
    for half, examples, columns in (("train", data.train, data.train_columns), ("test", data.test, data.test_columns)):
        arrays |= {f"{half}_images": examples.images.numpy(), f"{half}_labels": examples.labels.numpy()}
        arrays |= {f"{half}_column/{name}": values.numpy() for name, values in columns.items()}
    return arrays


if __name__ == "__main__":
    os.environ.setdefault(OFFLINE, LOOKING)  # who only wants to look does not start a download of minutes
    try:
        write(Path(sys.argv[1]), sys.argv[2])
    except WrongInput as wrong:
        print(wrong, file=sys.stderr)
        sys.exit(SENTENCE)
