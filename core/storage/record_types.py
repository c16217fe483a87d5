"""What the store takes in and hands out: plain frozen data."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
import json

from core.domain.errors import WrongInput
from core.domain.info import DatasetInfo
from core.domain.json_checks import is_readable
from core.domain.run import Measurement, RunSpec, RunStatus


@dataclass(frozen=True)
class Outcome:
    """What a run that came to its end brings home. `artifacts`: name -> file already put in Artifacts."""

    measurements: tuple[Measurement, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)  # stage -> seconds; 0 where it came from the store
    speedup: float | None = None
    artifacts: dict[str, str] = field(default_factory=dict)
    device: str = ""
    threads: int | None = None  # with which it computed on a CPU
    peak_bytes: int | None = None  # of memory, that its process had at once


HISTORY, PASSES = "history", "passes"


@dataclass(frozen=True)
class Forecast:
    """What a run is likely to take; None where that is not known. basis: `history`, or `passes` where a part of it was reckoned.

    stored: bytes of the networks that a recipe by shards and slices keeps; 0 for none.
    """

    seconds: float | None
    bytes: float | None
    basis: str = HISTORY
    stored: float = 0.0

    def to_json(self) -> str:
        """As the database has it."""
        return json.dumps(asdict(self))


NAME, TAG, TAGS, NOTE = 80, 30, 12, 2000  # letters of a name and of a tag, tags of a run, letters of a note


@dataclass(frozen=True)
class Label:
    """What a person wrote on a run. Raises WrongInput where that is too long or unreadable."""

    name: str = ""
    tags: tuple[str, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        for what, text, most in (("name", self.name, NAME), ("note", self.note, NOTE), *(("tag", tag, TAG) for tag in self.tags)):
            if len(text) > most:
                raise WrongInput(f"A run's {what} may have {most:,} letters; got {len(text):,}.")
            if not is_readable(text.replace("\n", " ") if what == "note" else text):
                raise WrongInput(f"A run's {what} must be readable text; got {text!r:.80}.")
        if not all(tag and tag == "".join(tag.split()) for tag in self.tags):
            raise WrongInput(f"A tag is one word; got {', '.join(map(repr, self.tags)):.200}.")
        if len(self.tags) > TAGS:
            raise WrongInput(f"A run may have {TAGS} tags; got {len(self.tags)}.")


@dataclass(frozen=True)
class Imported:
    """Where a run, or a study, that was not computed here came from.

    file: the bundle's name. id: what it is called there. precompute_seconds: what its statistics took, whichever run computed them.
    libraries: name -> version, where it is known with which the run was computed. dataset: that of the run, without its images, where
    it is no built-in one.
    """

    file: str
    at: datetime
    id: str
    precompute_seconds: float = 0.0
    libraries: dict[str, str] = field(default_factory=dict)
    dataset: DatasetInfo | None = None

    def to_json(self) -> str:
        """As the database has it."""
        return json.dumps({**asdict(self), "at": self.at.isoformat()}, sort_keys=True)


@dataclass(frozen=True)
class Run:
    """A spec's recorded execution. Times are aware, in UTC."""

    id: str
    spec: RunSpec
    status: RunStatus
    share: float  # in [0, 1]
    stage: str
    note: str
    seconds_left: float | None
    attempt: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    device: str
    error: str
    seconds: dict[str, float]
    speedup: float | None
    cancel_requested: bool
    limit_seconds: float | None = None  # it is stopped when it has run so long
    threads: int | None = None  # with which it computed on a CPU
    peak_bytes: int | None = None  # of memory, that its process had at once
    forecast: Forecast | None = None  # as it began
    anew: RunStatus | None = None  # how computing it once more ended, where it was done before and is done as it was
    label: Label = Label()
    imported: Imported | None = None  # None where it was computed here
    node: str = ""  # of a cluster, on which it is computed or was; '' for this machine
    owner: str = ""  # e-mail address; '' for what was made without a login: see `core.storage.access.actors`
    askers: tuple[str, ...] = ()  # people who asked for it by itself

    @property
    def error_line(self) -> str:
        """The last line of the error: the one that says what went wrong."""
        line = self.error.strip().rpartition("\n")[2]
        if self.anew is None:
            return line
        ended = "failed" if self.anew == RunStatus.FAILED else f"was {self.anew}"
        return f"Computing this run again {ended}, so its numbers are still those of before." + (f" {line}" if line else "")


@dataclass(frozen=True)
class DamagedRun:
    """A row of the database that is no run: what deletes it (its id, or `row-N` where it has none), and what is wrong, in a sentence."""

    id: str
    wrong: str


@dataclass(frozen=True)
class Kept:
    """A file that many runs share (a trained original, a reference, an importance), and what it took to compute."""

    file: str
    seconds: float
    kind: str
