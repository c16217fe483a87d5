"""Real handwritten digits, 8x8, 17 levels of grey; they come with scikit-learn, so no network is needed.

E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998, CC BY 4.0.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from core.data.dataset import Dataset, Examples
from core.domain.info import DatasetInfo

SPLIT_SEED = 0

INFO = DatasetInfo(
    key="digits",
    title="Handwritten digits",
    about="1,797 real digits written by 43 people, 8x8 pixels; from scikit-learn (UCI, CC BY 4.0).",
    channels=1,
    height=8,
    width=8,
    classes=tuple("0123456789"),
    train_counts=(150, 145, 147, 147, 142, 144, 147, 137, 136, 142),
    test_count=360,
    mean=(0.305,),
    deviation=(0.376,),
    embedded=True,
)


def load() -> Dataset:
    """1,437 training and 360 test digits, by one fixed shuffle."""
    rows = torch.from_numpy(np.loadtxt(_file(), delimiter=",", dtype=np.uint8))  # (1797, 65): 64 pixels and the digit
    images = rows[:, :-1].reshape(-1, 1, 8, 8)  # levels 0 to 16
    whole = Examples(images, rows[:, -1].long(), peak=16)
    order = torch.randperm(len(whole), generator=torch.Generator().manual_seed(SPLIT_SEED))
    return Dataset(INFO, whole.subset(order[: INFO.train_count]), whole.subset(order[INFO.train_count :]))


def _file() -> Path:
    """scikit-learn's file of digits. To import scikit-learn for it costs 1.5 s, which a fresh home's first page waits for."""
    spec = find_spec("sklearn")
    assert spec is not None, "requirements.txt names scikit-learn"
    assert spec.origin is not None  # a package has an __init__.py
    return Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz"
