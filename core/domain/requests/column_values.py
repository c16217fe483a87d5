"""The form of request that names values of a column: a class, a subclass, an attribute."""

from abc import abstractmethod
from contextlib import suppress
from typing import ClassVar, Self

from core.domain.errors import WrongInput
from core.domain.info import Column, DatasetInfo
from core.domain.requests.base import ForgetRequest
from core.domain.requests.names import first_of, indices_in, indices_of


class ValueRequest(ForgetRequest):
    """Every example, of the test set too, that has one of the picked values."""

    by_rule = True
    noun: ClassVar[tuple[str, str]]  # what one value and several are called
    several: ClassVar[bool] = True  # whether it may name more than one
    any_column: ClassVar[bool] = False  # whether it says by itself which column it is about

    @classmethod
    @abstractmethod
    def columns(cls, data: DatasetInfo) -> tuple[Column, ...]:
        """Those whose values it may name; one without a name is the class."""

    @classmethod
    def offered(cls, data: DatasetInfo) -> bool:
        """Whether there is such a column."""
        return super().offered(data) and bool(cls.columns(data))

    def column_of(self, data: DatasetInfo) -> Column:
        """The one whose values it names. Raises WrongInput where there is none."""
        if found := self.columns(data):
            return found[0]
        raise WrongInput(f"{data.key} has no {self.noun[1]}; a request of kind {self.kind} needs a dataset that has them.")

    @classmethod
    def parse(cls, value: str, data: DatasetInfo | None = None) -> Self:
        """Values parted by commas."""
        return cls(indices_of(value, cls().column_of(data).values, cls.noun[0], data.key) if data else indices_in(value))

    def names(self, data: DatasetInfo | None) -> list[str]:
        """What the picks are called; numbers where that is not known."""
        known: tuple[str, ...] = ()
        with suppress(WrongInput):
            known = self.column_of(data).values if data else ()
        return [known[pick] if pick < len(known) else str(pick) for pick in self.picks]

    def words(self, data: DatasetInfo | None) -> str:
        """The values' names; classes are all named."""
        names = self.names(data)
        return f"{self.noun[len(names) != 1]} {', '.join(names) if self.by_class else first_of(names)}"

    def title(self, data: DatasetInfo | None) -> str:
        """In words."""
        return self.words(data)

    def count(self, data: DatasetInfo) -> int:
        """Training examples that have one of the values."""
        counts = self.column_of(data).counts
        return sum(counts[pick] for pick in self.picks)

    def check(self, data: DatasetInfo) -> None:
        """Raises WrongInput, too, where there is no such column or value."""
        super().check(data)
        column = self.column_of(data)
        noun = (f"value of {column.name}", f"values of {column.name}") if column.name else self.noun
        self.check_picks(data, self.picks, len(column.values), *noun)
