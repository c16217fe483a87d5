"""`published:mufac`, `published_people:mucac`: the forget sets of published benchmarks, by name."""

from dataclasses import dataclass
from typing import ClassVar, Self

from core.domain.errors import WrongInput
from core.domain.info import Column, DatasetInfo
from core.domain.requests.base import ForgetRequest
from core.domain.requests.column_values import ValueRequest
from core.domain.requests.samples import SamplesRequest


@dataclass(frozen=True)
class ForgetSet:
    """What a publication forgets, of the dataset whose classes (or attributes) and column are these.

    members: indices of training examples; of a set of people, the numbers that they have as values of the column.
    """

    title: str
    source: str
    dataset: str  # in words, with how it is added
    classes: tuple[str, ...]
    column: str
    members: range

    def belongs(self, data: DatasetInfo) -> bool:
        """Whether the dataset is the one whose examples it names."""
        return data.classes == self.classes and any(column.name == self.column for column in data.columns)


MUFAC = ForgetSet(
    "MUFAC: the first 1,500 rows of custom_train_dataset.csv", "arXiv:2311.02240, the authors' notebooks",
    "MUFAC with age groups as classes (data add FOLDER --layout mufac)",
    ("0-6 years", "7-12 years", "13-19 years", "20-30 years", "31-45 years", "46-55 years", "56-66 years", "67-80 years"),
    "family", range(1500),
)  # fmt: skip
MUCAC = ForgetSet(
    "MUCAC: every image of the identities 190 to 1249", "arXiv:2311.02240, the authors' notebooks",
    "MUCAC (data add FOLDER --layout mucac)", ("Male", "Smiling", "Young"), "identity", range(190, 1250),
)  # fmt: skip
FILES = {  # published as lists of indices into torchvision's CIFAR-10: what each is, and where its list lies
    "neurips2023": "NeurIPS 2023 challenge, starting kit: forget_idx.npy, which unlearning-CIFAR10.ipynb of "
    "unlearning-challenge/starting-kit downloads; written as text, one index a line",
    "mubench": "MU-Bench (arXiv:2406.14796): mubench/df/cifar10.txt of CLU-UML/MU-Bench, 5,000 indices; its 2 % are the first 1,000",
    "amun": "AMUN (arXiv:2503.00917): unlearn_indices/cifar/5000/seed_1.csv and five more of Ali-E/AMUN",
}


class NamedSet(ForgetRequest):
    """column: the name of one of `sets`, from which everything follows."""

    sets: ClassVar[dict[str, ForgetSet]]
    heading: ClassVar[str] = "Published forget set"  # above their names

    @classmethod
    def belonging(cls, data: DatasetInfo) -> list[str]:
        """Names of the sets that are of this dataset."""
        return [name for name, one in cls.sets.items() if one.belongs(data)]

    @classmethod
    def offered(cls, data: DatasetInfo) -> bool:
        """Whether one of the sets is of this dataset."""
        return bool(cls.belonging(data))

    @property
    def text(self) -> str:
        """By the set's name."""
        return f"{self.kind}:{self.column}"

    def title(self, data: DatasetInfo | None) -> str:
        """As text."""
        return self.text

    def words(self, data: DatasetInfo | None) -> str:
        """The set by its name."""
        return f"published forget set {self.column or '–'}"

    def set_of(self, data: DatasetInfo) -> ForgetSet:
        """Raises WrongInput where it names no set, or one of another dataset."""
        if self.column not in self.sets:
            raise WrongInput(f"The forget set is empty; name one that is published: {', '.join(self.sets)}.")
        found = self.sets[self.column]
        if not found.belongs(data):
            raise WrongInput(f"{self.text} is a forget set of {found.dataset}, and {data.key} is another dataset.")
        return found

    @classmethod
    def known(cls, value: str) -> str:
        """The name of a set. Raises WrongInput where there is none of that name."""
        name = value.strip().lower()
        if name in FILES:
            raise WrongInput(f"The forget set {name} is a file, {FILES[name]}; fetch it and give it by --forget-file.")
        if name and name not in cls.sets:
            raise WrongInput(f"There is no {cls.kind} forget set {value.strip()!r:.60}; there are: {', '.join(cls.sets)}.")
        return name


class PublishedRequest(NamedSet, SamplesRequest):
    """Rows of the training set."""

    kind = "published"
    about = "the training images that a published benchmark forgets, by its name"
    examples = "published:mufac"
    sets: ClassVar[dict[str, ForgetSet]] = {"mufac": MUFAC}

    @classmethod
    def parse(cls, value: str, data: DatasetInfo | None = None) -> Self:
        """A set's name."""
        return cls(column=cls.known(value))

    @property
    def indices(self) -> tuple[int, ...]:
        """Of the training examples that go."""
        return tuple(self.sets[self.column].members) if self.column in self.sets else ()

    def check(self, data: DatasetInfo) -> None:
        """Raises WrongInput, too, where the dataset has too few examples."""
        found = self.set_of(data)
        if len(found.members) >= data.train_count:
            raise WrongInput(f"{self.text} names {len(found.members)} training images, and {data.key} has no more than {data.train_count}.")
        super().check(data)


class PublishedPeopleRequest(NamedSet, ValueRequest):
    """picks: indices of the people among the values of the set's column."""

    kind = "published_people"
    about = "every image of the people whom a published benchmark forgets, by its name"
    examples = "published_people:mucac"
    noun = ("person", "people")
    sets: ClassVar[dict[str, ForgetSet]] = {"mucac": MUCAC}

    @classmethod
    def columns(cls, data: DatasetInfo) -> tuple[Column, ...]:
        """That of the people, of each set of this dataset."""
        wanted = {cls.sets[name].column for name in cls.belonging(data)}
        return tuple(column for column in data.columns if column.name in wanted)

    def column_of(self, data: DatasetInfo) -> Column:
        """The set's. Raises WrongInput."""
        name = self.set_of(data).column
        return next(column for column in data.columns if column.name == name)

    @classmethod
    def parse(cls, value: str, data: DatasetInfo | None = None) -> Self:
        """A set's name; without a dataset, its people count as numbered from 0, as published."""
        name = cls.known(value)
        picks = tuple(cls.sets[name].members) if name else ()
        if name and data and cls.sets[name].belongs(data):
            wanted = {str(number) for number in picks}
            picks = tuple(index for index, person in enumerate(cls(column=name).column_of(data).values) if person in wanted)
        return cls(picks, column=name)

    def check(self, data: DatasetInfo) -> None:
        """Raises WrongInput, too, where some of the people are not in the dataset."""
        found = self.set_of(data)
        if len(self.picks) < len(found.members):
            raise WrongInput(f"{self.text} names {len(found.members)} people, and {data.key} has {len(self.picks)} of them.")
        super().check(data)
