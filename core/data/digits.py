"""Real handwritten digits, 8x8, 17 levels of grey; they come with scikit-learn, so no network is needed.

E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998, CC BY 4.0.
"""

import torch

from core.data.dataset import Dataset
from core.data.examples import Examples
from core.descriptions import DatasetInfo

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
    from sklearn.datasets import load_digits  # noqa: PLC0415  # a second to import; the catalogue lists without loading

    raw = load_digits()
    images = torch.from_numpy(raw.images).to(torch.uint8).unsqueeze(1)  # (1797, 1, 8, 8), levels 0 to 16
    whole = Examples(images, torch.from_numpy(raw.target).to(torch.int64), peak=16)
    order = torch.randperm(len(whole), generator=torch.Generator().manual_seed(SPLIT_SEED))
    return Dataset(INFO, whole.subset(order[: INFO.train_count]), whole.subset(order[INFO.train_count :]))
