"""CIFAR-100: small photographs of a hundred kinds of things in twenty superclasses; Krizhevsky, 2009.

On the shelf twice: the hundred kinds as classes (`cifar100`), and the superclasses as classes with the kinds as what is
finer (`cifar20`), as in the papers that forget a subclass.
"""

import torch
from torch import Tensor

from core.data.datasets.torchvision_sets import Published, halves
from core.domain.info import Column, DatasetInfo

SUPERCLASSES = {  # as published; both in alphabetical order, in which the files number them
    "aquatic mammals": ("beaver", "dolphin", "otter", "seal", "whale"),
    "fish": ("aquarium fish", "flatfish", "ray", "shark", "trout"),
    "flowers": ("orchid", "poppy", "rose", "sunflower", "tulip"),
    "food containers": ("bottle", "bowl", "can", "cup", "plate"),
    "fruit and vegetables": ("apple", "mushroom", "orange", "pear", "sweet pepper"),
    "household electrical devices": ("clock", "keyboard", "lamp", "telephone", "television"),
    "household furniture": ("bed", "chair", "couch", "table", "wardrobe"),
    "insects": ("bee", "beetle", "butterfly", "caterpillar", "cockroach"),
    "large carnivores": ("bear", "leopard", "lion", "tiger", "wolf"),
    "large man-made outdoor things": ("bridge", "castle", "house", "road", "skyscraper"),
    "large natural outdoor scenes": ("cloud", "forest", "mountain", "plain", "sea"),
    "large omnivores and herbivores": ("camel", "cattle", "chimpanzee", "elephant", "kangaroo"),
    "medium mammals": ("fox", "porcupine", "possum", "raccoon", "skunk"),
    "non-insect invertebrates": ("crab", "lobster", "snail", "spider", "worm"),
    "people": ("baby", "boy", "girl", "man", "woman"),
    "reptiles": ("crocodile", "dinosaur", "lizard", "snake", "turtle"),
    "small mammals": ("hamster", "mouse", "rabbit", "shrew", "squirrel"),
    "trees": ("maple tree", "oak tree", "palm tree", "pine tree", "willow tree"),
    "vehicles 1": ("bicycle", "bus", "motorcycle", "pickup truck", "train"),
    "vehicles 2": ("lawn mower", "rocket", "streetcar", "tank", "tractor"),
}
COARSE = tuple(SUPERCLASSES)
FINE = tuple(sorted(kind for kinds in SUPERCLASSES.values() for kind in kinds))
SUPERCLASS_OF = tuple(next(i for i, kinds in enumerate(SUPERCLASSES.values()) if kind in kinds) for kind in FINE)
FILES = "the folder cifar-100-python"
PLACES = ("", "CIFAR100", "cifar100")


def _superclass(labels: Tensor) -> Tensor:
    return torch.tensor(SUPERCLASS_OF)[labels]


CIFAR100 = Published(
    DatasetInfo(
        key="cifar100", title="CIFAR-100", about="Small photographs of a hundred kinds of things, 32x32 colour; Krizhevsky 2009.",
        channels=3, height=32, width=32, classes=FINE, train_counts=(500,) * 100, test_count=10_000,
        mean=(0.5071, 0.4865, 0.4409), deviation=(0.2673, 0.2564, 0.2762),
        columns=(Column("superclass", COARSE, (2500,) * 20),),
    ),
    halves("CIFAR100"), FILES, lambda labels: (labels, {"superclass": _superclass(labels)}), PLACES,
)  # fmt: skip

CIFAR20 = Published(
    DatasetInfo(
        key="cifar20", title="CIFAR-20", about="CIFAR-100 by its twenty superclasses, 32x32 colour; Krizhevsky 2009.",
        channels=3, height=32, width=32, classes=COARSE, train_counts=(2500,) * 20, test_count=10_000,
        mean=(0.5071, 0.4865, 0.4409), deviation=(0.2673, 0.2564, 0.2762),
        columns=(Column("class", FINE, (500,) * 100),), subclass="class",
    ),
    halves("CIFAR100"), FILES, lambda labels: (_superclass(labels), {"class": labels}), PLACES,
)  # fmt: skip

SETS = (CIFAR100, CIFAR20)
