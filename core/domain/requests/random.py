"""`random:0.05`, `random:100@7`: training images drawn by a seed, as many as a share (below 1) or a count says."""

from math import isfinite
from typing import Self

from core.domain.errors import WrongInput
from core.domain.info import DatasetInfo
from core.domain.requests.base import ForgetRequest


class RandomRequest(ForgetRequest):
    """amount: a share of the training set when below 1, else a count; `seed` decides which, by a permutation's first."""

    kind = "random"
    about = "a random part of the training set"
    examples = "random:0.05 (a share), random:100@7 (a count, drawn by seed 7)"
    drawn = True

    @classmethod
    def parse(cls, value: str, data: DatasetInfo | None = None) -> Self:
        """`AMOUNT` or `AMOUNT@SEED`."""
        amount, _, seed = value.partition("@")
        if "." in amount and float(amount) == 1:
            text = f"{cls.kind}:{value}"
            raise WrongInput(f"{text!r:.100} would forget everything as a share; write {cls.kind}:1 for a single example.")
        return cls(amount=float(amount), seed=int(seed or 0))

    @property
    def text(self) -> str:
        """The amount exactly, and a seed that is not 0."""
        return f"{self.kind}:{str(float(self.amount)).removesuffix('.0')}" + (f"@{self.seed}" if self.seed else "")

    def words(self, data: DatasetInfo | None) -> str:
        """How many; a share where the dataset's size is not known."""
        if data is None and self.amount < 1:
            return f"{100 * self.amount:g} % of the training images, {self.kind}"
        count = str(self.count(data)) if data and isfinite(self.amount) else f"{self.amount:g}"
        return f"{count} {self.kind} image{'s' * (count != '1')}"

    def count(self, data: DatasetInfo) -> int:
        """The share, rounded, or the count."""
        return round(self.amount * data.train_count) if self.amount < 1 else int(self.amount)

    def check(self, data: DatasetInfo) -> None:
        """Raises WrongInput, too, where the amount or the seed is none."""
        super().check(data)
        amount, total = self.amount, data.train_count
        wanted = f"a share between 0 and 1 or a whole count from 1 to {total - 1}"
        if not (amount > 0 and (amount < 1 or amount % 1 == 0)):
            raise WrongInput(f"A {self.kind} request needs {wanted}; got {amount:g}.")
        if not self.count(data):
            raise WrongInput(f"The forget set is empty: {amount:g} of {total} examples is less than one; give {wanted}.")
        if self.count(data) >= total:
            raise WrongInput(f"The request would forget everything; {data.key} has {total} training examples, give {wanted}.")
        if not 0 <= self.seed < 2**31:
            raise WrongInput(f"The seed of a {self.kind} request must be a whole number from 0 to {2**31 - 1}; got {self.seed}.")
