"""The finished examples that ship with Forgetscope: bundles in `assets/examples`, brought into a home once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
import json
from pathlib import Path
from typing import Any

from core.domain.info import DatasetInfo, dataset_from
from core.domain.json_checks import is_readable
from core.export.bundle.bring import bring
from core.storage.access import actors
from core.storage.atomic import write
from core.storage.disk_and_memory_errors import told
from core.storage.home import Home
from core.storage.record_types import Label
from core.storage.runs import ResultStore

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "examples"
MOST_BYTES = 3_000_000  # of all that ships there
MARKER = "examples.json"  # in a home: example -> its run's id; while it is there, a deleted example does not come back by itself
TAG = "example"
LOOKS = "looks.json"  # example -> what each network predicts for the image of its picture of saliency maps
SHELVES = "shelves.json"  # of the catalogue, what the story says of the examples: it must not wait for the engine to describe itself


@dataclass(frozen=True)
class Example:
    """A finished run that ships. file: its bundle's name. forget: the request as the command line takes it. name, note: its label."""

    key: str
    file: str
    dataset: str
    model: str
    forget: str
    method: str
    name: str
    note: str

    @property
    def bundle(self) -> Path:
        """The file."""
        return FOLDER / self.file

    @property
    def wall(self) -> Path:
        """A picture of training images."""
        return FOLDER / f"{self.dataset}.png"

    @property
    def look(self) -> Path:
        """One forgotten image and the saliency maps of the three networks, side by side."""
        return FOLDER / f"{self.key}-look.png"

    @property
    def words(self) -> tuple[str, ...]:
        """The arguments of `python -m core run` that make it."""
        return "--dataset", self.dataset, "--model", self.model, "--forget", self.forget, "--method", self.method


EXAMPLES = (
    Example(
        "digits", "digits.zip", "digits", "small_cnn", "class:3", "ssd", "Example: digit 3, forgotten by SSD",
        "Shipped with Forgetscope. Accuracy says forgotten; relearning says that part of it is still there.",
    ),
    Example(
        "retrained", "digits.zip", "digits", "small_cnn", "class:3", "retrain", "Example: digit 3, retrained without it",
        "Shipped with Forgetscope. The honest but slow way: train again without the forget set. Second reference of the run by SSD.",
    ),
    Example(
        "faces", "faces.zip", "faces", "small_cnn", "attribute:identity=101", "finetune", "Example: one person's face, by fine-tuning",
        "Shipped with Forgetscope. Accuracy is the same before, after and retrained, so it tells nothing; an attack by entropy "
        "still recognises this person's images, more of them than under both retrained networks. The person was searched for: of "
        "100 people, most show nothing, since an attack on 16 images is mostly chance. The AUC lies below 0.5 because these images "
        "are harder than most.",
    ),
)  # fmt: skip


def wall_of(dataset: str) -> Path | None:
    """A picture of training images of any dataset that has one here. Of digits, row n shows digit n."""
    path = FOLDER / f"{dataset}.png"
    return path if path in {example.wall for example in EXAMPLES} else None


def by_key() -> Mapping[str, Example]:
    """Example's key -> example."""
    return {example.key: example for example in EXAMPLES}


def ensure(home: Home) -> dict[str, str]:
    """Bring the examples in where that was never done; example -> the id of its run, of those that are here.

    Nothing is brought into a home that cannot be written to. Raises WrongInput where a bundle is damaged or the disk is full.
    """
    if not (home.root / MARKER).exists() and not home.unwritable:
        with actors.as_system():  # part of a new home, whoever looks first
            return restore(home)
    return here(home)


def restore(home: Home) -> dict[str, str]:
    """Bring the examples in, those too that were deleted; as `ensure`. They are nobody's. Raises Forbidden for a reader."""
    actors.require_member("bring the examples back")
    with actors.as_system():
        return _restored(home)


def _restored(home: Home) -> dict[str, str]:
    found = {}
    for file in dict.fromkeys(example.file for example in EXAMPLES):
        brought = bring(home, FOLDER / file, ours=True)
        with ResultStore(home.database) as store:
            for one in brought.runs:
                run = store.existing(one.id)
                example = next((e for e in EXAMPLES if e.file == file and e.method == run.spec.method), None)
                if example is None:
                    continue
                found[example.key] = one.id
                if run.label == Label():
                    store.write_label(one.id, Label(example.name, (TAG,), example.note))
    remember(home, found)
    return found


def remember(home: Home, found: Mapping[str, str]) -> None:
    """Note that the examples were brought in, under these ids; with none, that this home does without them."""
    actors.require_admin("decide what examples this home has")
    with told(home.root):
        write(home.root / MARKER, json.dumps(dict(found)).encode())


def here(home: Home) -> dict[str, str]:
    """Example -> the id of its run, of those that were brought in and are still there. Damaged notes are as none."""
    with ResultStore(home.database) as store:
        return {key: run_id for key, run_id in _noted(home) if store.row(run_id)}


def _noted(home: Home) -> Iterator[tuple[str, str]]:
    try:
        found = json.loads((home.root / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    if isinstance(found, dict):
        yield from ((key, found[key]) for key in by_key() if isinstance(found.get(key), str) and is_readable(found[key]))


@cache
def datasets() -> Mapping[str, DatasetInfo]:
    """Those of the examples, as the catalogue describes them; none where the file is missing or damaged."""
    try:
        return {key: dataset_from(plain) for key, plain in _shelves("datasets").items()}
    except (LookupError, TypeError, ValueError, AttributeError):
        return {}


@cache
def titles() -> Mapping[str, str]:
    """Of the examples' methods, as the catalogue has them; none where the file is missing or damaged."""
    return _shelves("titles")


def _shelves(part: str) -> dict[str, Any]:
    try:
        return dict(json.loads((FOLDER / SHELVES).read_text(encoding="utf-8"))[part])
    except (OSError, ValueError, LookupError, TypeError):
        return {}


def looks() -> dict[str, dict[str, dict[str, object]]]:
    """Example -> network (and `image`) -> the prediction and its probability, of the example's picture of saliency maps."""
    found: dict[str, dict[str, dict[str, object]]] = json.loads((FOLDER / LOOKS).read_text(encoding="utf-8"))
    return found
