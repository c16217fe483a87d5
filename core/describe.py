"""Write down what is on the shelves, for those who must not import torch: python -m core.describe FOLDER."""

from pathlib import Path
import shutil
import sys
import tempfile

from core import pictures
from core.catalogue import IMAGES, Catalogue
from core.data.catalog import DATASETS
from core.descriptions import MethodInfo
from core.methods import METHODS
from core.methods.base import UnlearningMethod
from core.metrics import METRICS
from core.models import MODEL_INFOS
from core.params import params_of


def describe() -> Catalogue:
    """The shelves as plain data."""
    return Catalogue(
        {key: module.INFO for key, module in DATASETS.items()},
        {info.key: info for info in MODEL_INFOS},
        {key: describe_method(method) for key, method in METHODS.items()},
        {key: metric.info for key, metric in METRICS.items()},
    )


def describe_method(method: type[UnlearningMethod]) -> MethodInfo:
    """A method's fields as plain data."""
    kinds, uses, keeps = (tuple(sorted(names)) for names in (method.kinds, method.uses, method.keeps))
    params = tuple(params_of(method).values())
    return MethodInfo(
        method.key, method.title, method.about, method.paper, kinds, uses, keeps, params, method.reconstruction,
        method.explorable, method.multi, "" if method.multi else method.not_multi,
    )  # fmt: skip


def write(folder: Path) -> None:
    """The catalogue and the embedded datasets' images, whole or not at all: a folder made beside, then renamed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=".tmp-", dir=folder.parent))
    try:
        (beside / "catalogue.json").write_text(describe().to_json())
        for key, module in DATASETS.items():
            if module.INFO.embedded:
                pictures.write(beside / IMAGES / key, key)
        if not folder.exists():  # else another process was quicker, with the same content
            beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
