"""`subclass:7`: every image of a kind that is finer than the classes."""

from core.domain.info import Column, DatasetInfo
from core.domain.requests.column_values import ValueRequest


class SubclassRequest(ValueRequest):
    """picks: values of the dataset's column that is finer than its classes."""

    kind = "subclass"
    about = "every image of a kind that is finer than the classes"
    examples = "subclass:7"
    noun = ("subclass", "subclasses")

    @classmethod
    def columns(cls, data: DatasetInfo) -> tuple[Column, ...]:
        """The finer one."""
        return tuple(column for column in data.columns if column.name == data.subclass)
