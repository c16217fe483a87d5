"""A forget request: which training examples are to be unlearned."""

from dataclasses import dataclass
from typing import Any, Self

from core.domain.errors import WrongInput
from core.domain.stored_json import check_plain, said_of

KINDS = ("class", "classes", "subclass", "attribute", "random", "samples", "mislabelled")


@dataclass(frozen=True)
class ForgetRequest:
    """Which training examples must go.

    kind `class`, `classes`: `picks` are class indices. `samples`: `picks` are training indices. `random`: `amount` is a
    share of the training set when below 1, else a count; `seed` decides which. `subclass`: `picks` are values of the
    dataset's column that is finer than its classes. `attribute`: `picks` are values of `column`. `mislabelled`: as
    `random`, and the drawn examples get wrong labels before the original is trained. Written as text: `class:3`,
    `classes:3,5`, `random:0.05`, `random:100@7` (seed 7), `samples:12,90,401`, `subclass:7`, `attribute:identity=17`,
    `mislabelled:0.05@7`.
    """

    kind: str
    picks: tuple[int, ...] = ()
    amount: float = 0.0
    seed: int = 0
    column: str = ""

    @property
    def text(self) -> str:
        """The request as the command line and the address bar write it."""
        if self.drawn:
            amount = str(float(self.amount)).removesuffix(".0")  # exact: `parse` gives the same request back
            return f"{self.kind}:{amount}" + (f"@{self.seed}" if self.seed else "")
        return f"{self.kind}:{self.column and self.column + '='}{','.join(map(str, self.picks))}"

    @property
    def by_class(self) -> bool:
        """Whether it names whole classes."""
        return self.kind in ("class", "classes")

    @property
    def by_rule(self) -> bool:
        """Whether the same rule splits test data too."""
        return self.by_class or self.kind in ("subclass", "attribute")

    @property
    def drawn(self) -> bool:
        """Whether a seed decides which examples go."""
        return self.kind in ("random", "mislabelled")

    def random_count(self, total: int) -> int:
        """How many of `total` examples a drawn request names: a share below 1, else a count."""
        return round(self.amount * total) if self.amount < 1 else int(self.amount)

    @classmethod
    def parse(cls, text: str) -> Self:
        """From `KIND:VALUE`, the inverse of `text`; where names stand for indices, `core.jobs.validation.request_of`. Raises WrongInput."""
        kind, _, value = text.partition(":")
        column, equals, values = value.rpartition("=")  # indices have no =, so the last one ends the column's name
        if kind not in KINDS or (kind == "attribute") != bool(equals and column.strip()):
            raise WrongInput(f"What to forget must be written {_FORMS}; got {text!r:.100}.")
        try:
            if kind in ("random", "mislabelled"):
                amount, _, seed = value.partition("@")
                if "." in amount and float(amount) == 1:
                    raise WrongInput(f"{text!r:.100} would forget everything as a share; write {kind}:1 for a single example.")
                return cls(kind, amount=float(amount), seed=int(seed or 0))
            picks = tuple(sorted({int(v) for v in values.split(",") if v.strip()}))
        except WrongInput:
            raise
        except ValueError:
            raise WrongInput(f"What to forget must be written {_FORMS}; got {text!r:.100}.") from None
        if kind == "class" and len(picks) > 1:
            raise WrongInput(f"'class' takes one class; write classes:{','.join(map(str, picks))} for several.")
        return cls(kind, picks, column=column.strip())


_FORMS = (
    "class:3, classes:3,5, subclass:7, attribute:identity=17, random:0.05 (a share), random:100 (a count), "
    "mislabelled:0.05 or samples:12,90,401"
)
_OF_REQUEST: dict[str, type] = {"kind": str, "picks": list, "amount": float, "seed": int, "column": str}


def request_from(raw: dict[str, Any]) -> ForgetRequest:
    """From the plain data of a stored spec. Raises WrongInput, without a full stop."""
    known = {name: value for name, value in raw.items() if name in _OF_REQUEST}
    for name, value in known.items():
        check_plain(name, value, _OF_REQUEST[name])
    if known.get("kind") not in KINDS:
        raise WrongInput(f"request.kind should be one of {', '.join(KINDS)}, but is {said_of(known.get('kind'))}")
    for pick in known.get("picks", ()):
        check_plain("a pick", pick, int)
    return ForgetRequest(**{**known, "picks": tuple(known.get("picks", ()))})


SETS = ("forget", "retain", "test_forget", "test_retain")  # as a look's `set` numbers them
UNSEEN = SETS.index("test_forget")  # from here on images are of the test set
