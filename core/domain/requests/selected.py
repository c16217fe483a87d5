"""`selected:hardest`: the training images that a rule of a user's own names; an extension brings the rule, the engine applies it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
import hashlib
from itertools import islice
from typing import Any, ClassVar, Self

from core.domain.errors import WrongInput
from core.domain.info import DatasetInfo
from core.domain.requests.published import NamedSet
from core.domain.requests.samples import SamplesRequest


@dataclass(frozen=True)
class Rule:
    """What an extension declares in `REQUESTS`. key: the request's name, in `selected:KEY`; dataset: the key of the one it is for.

    select: gets the Dataset (core.data.dataset) and gives indices of training examples.
    """

    key: str
    title: str
    dataset: str
    select: Callable[[Any], Iterable[int]]


@dataclass(frozen=True)
class Selection:
    """What a rule named: indices of training examples, in order. dataset: its key; source: the extension's name."""

    title: str
    dataset: str
    members: tuple[int, ...]
    source: str = "an extension"

    def belongs(self, data: DatasetInfo) -> bool:
        """Whether it is of this dataset."""
        return data.key == self.dataset

    @property
    def digest(self) -> str:
        """Six hexadecimal digits of the members: a rule that names others makes another request."""
        return hashlib.sha256(",".join(map(str, self.members)).encode()).hexdigest()[:6]


def applied(rule: Rule, dataset: Any, count: int) -> Selection:
    """What a rule names of a dataset of so many training examples. Raises WrongInput where that is none of them, all, or no indices.

    Of what it gives no more is read than twice as many as there are, each may come twice.
    """
    try:
        members = tuple(sorted({int(index) for index in islice(rule.select(dataset), 2 * count + 1)}))
    except (TypeError, ValueError):
        raise WrongInput(f"The forget request {rule.key} must name indices, and gave something else.") from None
    if not members or len(members) >= count or members[0] < 0 or members[-1] >= count:
        ends = f"{len(members)} indices from {members[0]} to {members[-1]}" if members else "none"
        raise WrongInput(f"The forget request {rule.key} must name some of the indices 0 to {count - 1}, not all; it named {ends}.")
    return Selection(rule.title, rule.dataset, members)


class SelectedRequest(NamedSet, SamplesRequest):
    """column: the rule's key and the digest of what it named, `hardest@1f3a9c`; picks: that.

    A stored request needs no extension. `sets` is what the catalogue that was read last holds, by key.
    """

    kind = "selected"
    about = "the training images that a rule of your own names: see the guide's chapter on extensions"
    examples = "selected:hardest"
    heading: ClassVar[str] = "Rule"
    sets: ClassVar[dict[str, Selection]] = {}  # type: ignore[assignment]  # what is asked of a set is the same

    @classmethod
    def parse(cls, value: str, data: DatasetInfo | None = None) -> Self:
        """A rule's key, with or without the digest. Without a dataset any is read: of a stored run, whose rule may be gone."""
        key, _, digest = value.strip().partition("@")
        found = cls.sets.get(key)
        if found and digest in ("", found.digest):
            return cls(found.members, column=f"{key}@{found.digest}")
        if data is None and key:
            return cls(column=value.strip())
        if found:
            raise WrongInput(f"The rule {key} names other images than it did: {key}@{found.digest} now, not {digest[:12]}.")
        raise WrongInput(f"There is no rule {key!r:.60} for a forget request; there are: {', '.join(cls.sets) or 'none'}.")

    def words(self, data: DatasetInfo | None) -> str:
        """The rule by its key, and how many."""
        key, many = self.column.partition("@")[0], len(self.picks)
        return f"{many} images of the rule {key}" if many else f"the images of the rule {key}"

    def check(self, data: DatasetInfo) -> None:
        """Raises WrongInput, too, where the rule is another dataset's."""
        found = self.sets.get(self.column.partition("@")[0])
        if found and not found.belongs(data):
            raise WrongInput(f"The rule {self.column.partition('@')[0]} is for {found.dataset}, and {data.key} is another dataset.")
        SamplesRequest.check(self, data)
