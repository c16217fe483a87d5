"""A forget request: which training examples are to be unlearned."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar, Self

from core.domain.errors import WrongInput
from core.domain.info import DatasetInfo

SETS = ("forget", "retain", "test_forget", "test_retain")  # as a background analysis' `set` numbers them
UNSEEN = SETS.index("test_forget")  # from here on images are of the test set


@dataclass(frozen=True)
class ForgetRequest(ABC):
    """Which training examples must go. A subclass is a kind of request, and alone knows it; `registry.py` lists them.

    A kind names its examples in one of three forms, and derives from the class that has it: by values of a column (`ValueRequest`), by
    a seeded draw (`RandomRequest`), or by their indices (`SamplesRequest`). The fields are what is stored, alike for all kinds.
    """

    kind: str = field(default="", init=False)  # a class attribute of the subclass
    picks: tuple[int, ...] = ()
    amount: float = 0.0
    seed: int = 0
    column: str = ""

    about: ClassVar[str]  # what goes, as the page's help says it
    examples: ClassVar[str]  # of texts
    note: ClassVar[str] = ""  # what must be known by who asks for it, in Markdown
    by_class: ClassVar[bool] = False  # names whole classes
    by_rule: ClassVar[bool] = False  # the same rule splits test data too
    drawn: ClassVar[bool] = False  # a seed decides which examples go
    flips_labels: ClassVar[bool] = False  # the examples get wrong labels before the original is trained
    needs_classes: ClassVar[bool] = False  # every example must have one class, not several attributes

    @classmethod
    @abstractmethod
    def parse(cls, value: str, data: DatasetInfo | None = None) -> Self:
        """From what follows `KIND:`; with a dataset, names may stand for indices. Raises ValueError, or WrongInput that says more."""

    @property
    def text(self) -> str:
        """The request as the command line and the address bar write it; `parse` gives the same request back."""
        return f"{self.kind}:{self.column and self.column + '='}{','.join(map(str, self.picks))}"

    @abstractmethod
    def words(self, data: DatasetInfo | None) -> str:
        """`class ankle boot`, `100 mislabelled images`. data: None where it is no longer there: then numbers stand for names."""

    def title(self, data: DatasetInfo | None) -> str:
        """For a line that names a run: as `text` where that is short, else in words."""
        return self.text

    @property
    def classes(self) -> tuple[int, ...]:
        """Those that it names whole."""
        return self.picks if self.by_class else ()

    @abstractmethod
    def count(self, data: DatasetInfo) -> int:
        """How many training examples it names (k), once it has been checked."""

    @classmethod
    def offered(cls, data: DatasetInfo) -> bool:
        """Whether the dataset has what such a request names."""
        return not (cls.needs_classes and data.multi)

    def check(self, data: DatasetInfo) -> None:
        """Raises WrongInput where it names something that is not there, nothing, or everything."""
        if self.needs_classes and data.multi:
            raise WrongInput(
                f"An example of {data.key} has several attributes and no class; ask for an attribute, random images or chosen ones."
            )

    def check_picks(self, data: DatasetInfo, picks: tuple[int, ...], limit: int, noun: str, plural: str) -> None:
        """The same of indices below `limit`, one and several of which are called `noun` and `plural`."""
        if not picks:
            raise WrongInput(f"The forget set is empty; name at least one {noun} of {data.key}, 0 to {limit - 1}.")
        for pick in picks:
            if not 0 <= pick < limit:
                raise WrongInput(f"{data.key} has no {noun} {pick}; its {plural} go from 0 to {limit - 1}.")
        if not self.count(data):
            raise WrongInput(f"The forget set is empty; no training example of {data.key} has that {noun}, choose another.")
        if self.count(data) >= data.train_count:
            raise WrongInput(f"The request would forget everything; leave at least one {noun} of {data.key} to keep.")
