"""The papers' own settings as studies that ship (`assets/papers/*.toml`), and their published numbers beside ours."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Any

from core.data.paths import data_folder
from core.domain.errors import WrongInput
from core.domain.formatting import percent
from core.domain.info import DatasetInfo
from core.domain.presets import preset_for
from core.domain.requests.names import folded
from core.domain.requests.published import NamedSet
from core.domain.requests.registry import parse_request
from core.domain.run import Recipe
from core.domain.study import StudyPlan, Variant
from core.domain.training.own_recipe import with_own
from core.jobs.catalogue import Catalogue
from core.jobs.studies.plan import as_shipped
from core.jobs.studies.progress import Standing
from core.jobs.studies.table import StudySummary
from core.jobs.studies.toml_file import parsed, plan_from, text_of
from core.reports.intervals import Spread
from core.reports.published_numbers import Compared, Difference, PublishedNumber, compared, differences

FOLDER = Path(__file__).resolve().parents[3] / "assets" / "papers"
COLUMNS = (
    *("paper", "row", "metric", "published", "where", "source", "evidence", "ours", "half_width", "n", "difference", "covered", "absent"),
    *("study", "dataset"),
)  # fmt: skip
AT_HAND = " (at hand)"  # behind the title of a study on another dataset than the paper's
AUGMENTS = {"none": "none", "flip": "flips", "move": "moves by up to an eighth", "crop": "flips and moves by up to an eighth"}


@dataclass(frozen=True)
class Paper:
    """A file of `FOLDER`. study: its entries for `plan_from`. setting: what the paper or its code states, by the names of `run_setting`.

    files: what lies in the data folder where the dataset is there; '' of one that a user adds. get: how one comes by the dataset.
    shown: metrics of which every row is shown, also without a published number. notes: sentences on what is known to differ, and on
    what could not be verified.
    """

    key: str
    title: str
    authors: str
    arxiv: str
    setting_from: str
    get: str
    files: str
    shown: tuple[str, ...]
    notes: tuple[str, ...]
    study: Mapping[str, Any]
    setting: Mapping[str, Any]
    numbers: tuple[PublishedNumber, ...]

    def study_title(self, data: DatasetInfo) -> str:
        """Of its study on a dataset: by the title the study is found again."""
        return self.title + (AT_HAND if self.files and data.key != self.study["dataset"] else "")

    @property
    def study_titles(self) -> tuple[str, str]:
        """Of its studies, on the paper's own dataset and on another."""
        return self.title, self.title + AT_HAND


@cache
def papers() -> dict[str, Paper]:
    """Every paper that ships, by the name of its file."""
    return {path.stem: _paper(path) for path in sorted(FOLDER.glob("*.toml"), key=lambda path: path.stem)}


def paper_of(key: str) -> Paper:
    """Raises WrongInput with the names that there are."""
    if key not in papers():
        raise WrongInput(f"There is no paper {key!r:.60}; choose one of: {', '.join(papers())}.")
    return papers()[key]


def _paper(path: Path) -> Paper:
    said = parsed(text_of(path))
    about = said["paper"]
    numbers = tuple(PublishedNumber(**row) for row in said.get("published", []))
    return Paper(
        path.stem, said["title"], about["authors"], about["arxiv"], about["setting_from"], about["get"], about.get("files", ""),
        tuple(about["shown"]), tuple(about.get("notes", [])), said, about["setting"], numbers,
    )  # fmt: skip


def dataset_of(paper: Paper, shelves: Catalogue, *, subset: bool = False, download: bool = False) -> DatasetInfo:
    """The paper's dataset where its images are here; subset: else `stand_in`. download: its runs may fetch it.

    Raises WrongInput with what is missing and how one comes by it.
    """
    own = shelves.datasets.get(paper.study["dataset"])
    if own is not None and (own.embedded or download or _is_here(paper.files)):
        return own
    other = stand_in(paper, shelves)
    if other is not None and (subset or own is None):
        return other
    where = f"which is not in {data_folder()}" if own else "which has not been added here"
    raise WrongInput(f"{paper.title} needs {needed(paper, shelves)}, {where}; {paper.get}.")


def needed(paper: Paper, shelves: Catalogue) -> str:
    """What its study's dataset is called."""
    own = shelves.datasets.get(paper.study["dataset"])
    return own.title if own else str(paper.setting["dataset"])


def stand_in(paper: Paper, shelves: Catalogue) -> DatasetInfo | None:
    """The largest other dataset that has the classes of the paper's, or that its published forget set is of; None where there is none."""
    own = shelves.datasets.get(paper.study["dataset"])
    found = (data for data in shelves.datasets.values() if data is not own and _serves(paper, own, data))
    return max(found, key=lambda data: data.train_count, default=None)


def _is_here(files: str) -> bool:
    folder = data_folder()
    try:
        return bool(files) and ((folder / files).exists() or any(folder.glob(f"*/{files}")))
    except OSError:
        return False


def _serves(paper: Paper, own: DatasetInfo | None, data: DatasetInfo) -> bool:
    """Whether the paper's request can be asked of another dataset, which has the classes of the paper's."""
    try:
        request = parse_request(paper.study["forget"], data)
        request.check(data)
    except WrongInput:
        return False
    return isinstance(request, NamedSet) if own is None else sorted(map(folded, data.classes)) == sorted(map(folded, own.classes))


def plan_for(paper: Paper, shelves: Catalogue, *, subset: bool = False, download: bool = False) -> StudyPlan:
    """The paper's study. Raises WrongInput as `dataset_of` does."""
    data = dataset_of(paper, shelves, subset=subset, download=download)
    plan = plan_from({**paper.study, "dataset": data.key}, as_shipped(shelves))
    return replace(plan, title=paper.study_title(data))


def run_setting(plan: StudyPlan, shelves: Catalogue) -> dict[str, Any]:
    """What the plan's runs use, by the names that papers' files use; less where the dataset or the model is no longer there."""
    whole, model = shelves.datasets.get(plan.dataset), shelves.models.get(plan.model)
    recipe = with_own(preset_for(plan.dataset, plan.model).recipe, plan.recipe)
    data = None if whole is None else whole.trained_on(recipe.validation)
    about_data = {} if data is None else {
        "dataset": data.title, "training images": data.train_count, "test images": data.test_count, "pixels": min(data.height, data.width),
        "forgotten images": plan.request.count(whole if plan.request.drawn and whole else data),
    }  # fmt: skip
    network = {} if model is None else {"network": f"{model.title}: {model.about.rstrip('.')}"}
    return {**about_data, **network, **_recipe_setting(recipe), "seeds": len(plan.seeds)}


def _recipe_setting(recipe: Recipe) -> dict[str, Any]:
    momentum = f", momentum {recipe.momentum:g}" if recipe.optimiser == "sgd" else ""
    return {
        "epochs": recipe.epochs, "batch size": recipe.batch_size, "learning rate": recipe.learning_rate,
        "optimiser": {"sgd": "SGD", "adamw": "AdamW"}.get(recipe.optimiser, recipe.optimiser) + momentum,
        "weight decay": recipe.weight_decay, "schedule": "one cycle" if recipe.one_cycle else "constant",
        "augmentation": AUGMENTS.get(recipe.augment, recipe.augment),
        **({"held out to validate": f"{percent(recipe.validation)}"} if recipe.validation else {}),
        **({"early stopping": f"{recipe.patience} epochs without a lower validation loss"} if recipe.patience else {}),
    }  # fmt: skip


@dataclass(frozen=True)
class Reproduction:
    """A paper's numbers beside those of a study: `rows`, why they may differ, and what must be said of either."""

    paper: Paper
    study: str
    dataset: str
    covers: str
    rows: tuple[Compared, ...]
    differences: tuple[Difference, ...]
    cautions: tuple[str, ...]

    def table(self) -> list[dict[str, Any]]:
        """One record a number, by COLUMNS; what is not there, or is no finite number, is None."""
        records = []
        for row in self.rows:
            ours = {"ours": row.ours.mean, "half_width": row.ours.half_width, "n": row.ours.n} if row.ours else {}
            record = {
                "paper": self.paper.key, **asdict(row.published), "published": row.published.value, **ours, "difference": row.difference,
                "covered": row.covered, "absent": row.absent, "study": self.study, "dataset": self.dataset,
            }  # fmt: skip
            records.append({name: _finite(record.get(name)) for name in COLUMNS})
        return records

    def to_plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "paper": self.paper.key, "title": self.paper.title, "arxiv": self.paper.arxiv, "setting_from": self.paper.setting_from,
            "study": self.study, "dataset": self.dataset, "covers": self.covers, "rows": self.table(),
            "differences": [asdict(one) for one in self.differences], "notes": list(self.paper.notes), "cautions": list(self.cautions),
        }  # fmt: skip


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not isfinite(value) else value


def study_of(paper: Paper, standings: Iterable[Standing]) -> Standing | None:
    """The newest of the paper's studies, by its title; standings: newest first."""
    return next((study for study in standings if study.plan.title in paper.study_titles), None)


def row_name(variant: Variant, first: Variant) -> str:
    """The method, of its first variant; of others what they have otherwise than that: `weight_perturbation · variant=C`."""
    apart = {name: value for name, value in variant.settings.items() if first.settings.get(name) != value}
    return Variant(variant.method, apart).text


def reproduction(paper: Paper, told: StudySummary, shelves: Catalogue) -> Reproduction:
    """told: of the paper's study, as far as its runs are done."""
    ours: dict[str, Mapping[str, Spread]] = {"original": told.original, "reference": told.reference}
    absent: dict[str, Mapping[str, str]] = {}
    first: dict[str, Variant] = {}
    for row in told.variants:
        if not row.variant.is_floor:
            for name in (row_name(row.variant, first.setdefault(row.variant.method, row.variant)), row.variant.text):
                ours.setdefault(name, row.numbers)
                absent.setdefault(name, row.absent)
    known = {(number.row, number.metric) for number in paper.numbers}
    tried = [row.variant for row in told.variants if not row.variant.is_floor]
    rows = ["original", "reference", *(row_name(variant, first[variant.method]) for variant in tried)]
    more = [PublishedNumber(row, metric) for row in rows for metric in paper.shown if (row, metric) not in known]
    data = shelves.datasets.get(told.plan.dataset)
    return Reproduction(
        paper, told.id, data.title if data else told.plan.dataset, told.plan.covers,
        tuple(compared([*paper.numbers, *more], ours, absent)),
        tuple(differences(paper.setting, run_setting(told.plan, shelves))), tuple(filter(None, [told.older, told.caution])),
    )  # fmt: skip
