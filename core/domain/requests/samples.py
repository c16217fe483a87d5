"""`samples:12,90,401`: training images by their indices."""

from typing import ClassVar, Self

from core.domain.info import DatasetInfo
from core.domain.requests.base import ForgetRequest
from core.domain.requests.names import indices_in


class SamplesRequest(ForgetRequest):
    """picks: what `indices` are computed from; here, the indices themselves.

    label, wanted, placeholder: of the line that a page asks for, what its text should be in words, and an example of it.
    """

    kind = "samples"
    about = "training images that you pick, or a file of indices"
    examples = "samples:12,90,401"
    label: ClassVar[str] = "Training indices"
    wanted: ClassVar[str] = "whole numbers"
    placeholder: ClassVar[str] = "12, 90, 401"
    listed: ClassVar[bool] = True  # whether images may be ticked and files uploaded, too

    @classmethod
    def parse(cls, value: str, data: DatasetInfo | None = None) -> Self:
        """Indices parted by commas."""
        return cls(indices_in(value))

    @property
    def indices(self) -> tuple[int, ...]:
        """Of the training examples that go."""
        return self.picks

    def words(self, data: DatasetInfo | None) -> str:
        """How many."""
        return f"{len(self.indices)} chosen image{'s' * (len(self.indices) != 1)}"

    def count(self, data: DatasetInfo) -> int:
        """One for each index."""
        return len(self.indices)

    def check(self, data: DatasetInfo) -> None:
        """Raises WrongInput, too, where there is no such training example."""
        super().check(data)
        self.check_picks(data, self.indices, data.train_count, "training index", "training indices")
