"""`attribute:identity=17`: every image with some value of a column of the dataset."""

from typing import Self

from core.domain.errors import WrongInput
from core.domain.info import Column, DatasetInfo
from core.domain.requests.column_values import ValueRequest
from core.domain.requests.names import first_of, folded, indices_in, indices_of

MOST_EQUALS = 50  # at which a text is parted


class AttributeRequest(ValueRequest):
    """picks: values of `column`."""

    kind = "attribute"
    about = "every image of a person, or with some other mark"
    examples = "attribute:identity=17"
    any_column = True

    @classmethod
    def columns(cls, data: DatasetInfo) -> tuple[Column, ...]:
        """All."""
        return data.columns

    def column_of(self, data: DatasetInfo) -> Column:
        """The one of that name. Raises WrongInput with those that there are."""
        for column in data.columns:
            if column.name == self.column:
                return column
        known = ", ".join(column.name for column in data.columns) or "none"
        raise WrongInput(f"{data.key} has no column {self.column!r:.60}; its columns are: {known}.")

    @classmethod
    def parse(cls, value: str, data: DatasetInfo | None = None) -> Self:
        """`COLUMN=VALUES`. The column's name ends at the first = before which the dataset has one of that name: `age=>=25`."""
        if data and (ways := _parted(value, data.columns)):
            refused: list[WrongInput] = []
            for column, values in ways:
                try:
                    known = cls(column=column).column_of(data).values
                    return cls(indices_of(values, known, column.replace("_", " "), data.key), column=column)
                except WrongInput as wrong:
                    refused.append(wrong)
            raise refused[0]
        column, _, values = value.rpartition("=")  # indices have no =, so the last one ends the column's name
        if not column.strip():
            raise ValueError(value)
        return cls(indices_in(values), column=column.strip())

    def words(self, data: DatasetInfo | None) -> str:
        """`identity 17`; of a column of yes and no, `glasses`, `no glasses`."""
        column, names = self.column.replace("_", " ").strip() or self.column, self.names(data)
        yes_no = {"yes": column, "no": f"no {column}"}.get(names[0]) if len(names) == 1 else None
        return yes_no or f"{column} {first_of(names)}"


def _parted(value: str, columns: tuple[Column, ...]) -> list[tuple[str, str]]:
    """(column's name as the dataset has it, its values) for each = that ends a column's name, else for the first."""
    names = {folded(column.name): column.name for column in reversed(columns)}
    parts = value.split("=")
    ways = [("=".join(parts[:count]).strip(), "=".join(parts[count:])) for count in range(1, min(len(parts), MOST_EQUALS))]
    ways = [(column, values) for column, values in ways if column]
    return [(names[folded(column)], values) for column, values in ways if folded(column) in names] or ways[:1]
