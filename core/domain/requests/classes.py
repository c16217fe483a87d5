"""`class:3`, `classes:3,5`: every image of a class, or of several."""

from typing import Self

from core.domain.errors import WrongInput
from core.domain.info import Column, DatasetInfo
from core.domain.requests.column_values import ValueRequest


class ClassesRequest(ValueRequest):
    """picks: indices of classes."""

    kind = "classes"
    about = "every image of several classes"
    examples = "classes:3,5"
    noun = ("class", "classes")
    by_class = needs_classes = True

    @classmethod
    def columns(cls, data: DatasetInfo) -> tuple[Column, ...]:
        """The class."""
        return (Column("", data.classes, data.train_counts),)

    def title(self, data: DatasetInfo | None) -> str:
        """As text, by name."""
        return f"{self.kind}:{','.join(self.names(data))}"


class ClassRequest(ClassesRequest):
    """picks: the index of one class."""

    kind = "class"
    about = "every image of one class"
    examples = "class:3"
    several = False

    @classmethod
    def parse(cls, value: str, data: DatasetInfo | None = None) -> Self:
        """One class."""
        request = super().parse(value, data)
        if len(request.picks) > 1:
            raise WrongInput(f"'class' takes one class; write classes:{','.join(map(str, request.picks))} for several.")
        return request
