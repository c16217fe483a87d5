"""Checks a bundle: which of its digests hold, and, computed here once more, which of its numbers."""

from collections.abc import Callable
from dataclasses import dataclass
import multiprocessing
import os
from pathlib import Path
import shutil
from tempfile import TemporaryDirectory
from typing import Any

from core.domain.errors import WrongInput
from core.domain.methods.judged import brought
from core.domain.run import ACTIVE, Measurement, RunSpec, RunStatus
from core.export.bundle.read import check_whole, digests_hold, opened, records
from core.jobs.catalogue import Catalogue
from core.jobs.submit import PIPELINE
from core.jobs.validation import again
from core.jobs.worker import work
from core.storage.home import Home, open_home
from core.storage.portable import PortableRun
from core.storage.processes import ProcessId
from core.storage.queues.lifecycle import RUN
from core.storage.runs import ResultStore

Say = Callable[[str], None]
POLL = 0.5  # seconds


@dataclass(frozen=True)
class Digests:
    """What a bundle's digests come to. files: path -> '' where it holds, else what is wrong. wrong: why its runs cannot be read, or ''.

    sha256: of its list of contents. Whoever changes a file can change the list too: the bundle is the one that somebody else has where
    both have this digest.
    """

    sha256: str
    files: dict[str, str]
    runs: tuple[PortableRun, ...]
    asked: tuple[str, ...]
    wrong: str = ""

    @property
    def broken(self) -> dict[str, str]:
        """The files whose digests do not hold."""
        return {path: what for path, what in self.files.items() if what}

    @property
    def holds(self) -> bool:
        """Whether every file is what was written."""
        return not self.broken and not self.wrong


@dataclass(frozen=True)
class Compared:
    """One number of a bundle, and what it is here. difference: None where either is none, or both agree that there is none."""

    metric: str
    model: str
    there: float | None
    here: float | None

    @property
    def holds(self) -> bool:
        """Whether both are equal, to the last digit."""
        return self.there == self.here

    @property
    def difference(self) -> float | None:
        """Here less there."""
        return None if self.there is None or self.here is None else self.here - self.there


@dataclass(frozen=True)
class Rerun:
    """A run of a bundle, computed here once more. engine: the version of the code that computed it here."""

    run: PortableRun
    engine: str
    device: str
    numbers: tuple[Compared, ...]

    @property
    def differing(self) -> list[Compared]:
        """Those that do not hold."""
        return [number for number in self.numbers if not number.holds]

    def to_plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "id": self.run.id, "engine": self.run.spec.engine, "engine_here": self.engine, "device": self.run.device,
            "device_here": self.device, "numbers": len(self.numbers), "hold": len(self.numbers) - len(self.differing),
            "differ": [{"metric": one.metric, "model": one.model, "there": one.there, "here": one.here, "difference": one.difference}
                       for one in self.differing],
        }  # fmt: skip


def verify(path: Path) -> Digests:
    """Raises WrongInput where the file is no bundle."""
    with opened(path) as bundle:
        files = digests_hold(bundle)
        try:
            check_whole(bundle)
            runs, _ = records(bundle)
        except WrongInput as wrong:
            return Digests(bundle.sha256, files, (), bundle.asked, str(wrong))
        return Digests(bundle.sha256, files, tuple(runs), bundle.asked)


def rerun(home: Home, run: PortableRun, shelves: Catalogue, say: Say) -> Rerun:
    """Compute the run's specification here, by the code as it is now, in an empty home of its own: nothing stored is read or written.

    home: has the datasets that the user added, and uploaded weights. Raises WrongInput where it cannot be computed here.
    """
    spec = again(run.spec, shelves, reference=run.spec.reference)
    with TemporaryDirectory(prefix="forgetscope-") as folder:
        own = open_home(Path(folder) / "home")
        if home.datasets_folder.is_dir():
            own.datasets_folder.symlink_to(home.datasets_folder, target_is_directory=True)
        for digest in filter(None, (spec.weights, *(weights for weights, _ in brought(spec).values()))):
            if (file := home.artifacts_folder / f"{digest}.safetensors").is_file():
                shutil.copyfile(file, own.artifacts_folder / file.name)
        numbers, device = _computed(own, spec, run, say)
    return Rerun(run, spec.engine, device, compared(run.numbers, numbers))


def compared(there: tuple[Measurement, ...], here: list[Measurement]) -> tuple[Compared, ...]:
    """Every number of the bundle beside ours, then those that we alone have."""
    theirs, ours = ({(m.metric, m.model): m.value for m in some} for some in (there, here))
    return tuple(Compared(*name, theirs.get(name), ours.get(name)) for name in dict.fromkeys((*theirs, *ours)))


def _computed(home: Home, spec: RunSpec, run: PortableRun, say: Say) -> tuple[list[Measurement], str]:
    """The numbers of the spec, computed in a process with as many threads as the bundle's run had; and the device."""
    with ResultStore(home.database) as store:
        run_id = store.add(spec, evaluation=run.evaluation)
        claimed = store.claim(ProcessId.of_this_process())
        assert claimed is not None, "an empty home has no other run"
        before, told = os.environ.get("OMP_NUM_THREADS"), ""
        if run.threads:
            os.environ["OMP_NUM_THREADS"] = str(run.threads)
        try:
            process = multiprocessing.get_context("spawn").Process(target=work, args=(str(home.root), RUN, run_id, claimed[1], PIPELINE))
            process.start()
        finally:
            os.environ.pop("OMP_NUM_THREADS", None)
            if before is not None:
                os.environ["OMP_NUM_THREADS"] = before
        try:
            while process.is_alive():
                process.join(POLL)
                stage = store.existing(run_id).stage
                if stage and stage != told:
                    told = stage
                    say(f"{run.id}  computing again: {stage}")
        finally:
            process.kill()
        process.join()
        ended = store.existing(run_id)
        if ended.status != RunStatus.DONE:
            why = ended.error_line if ended.status not in ACTIVE else "its process ended without a word."
            raise WrongInput(f"Run {run.id} could not be computed again: {why}")
        return store.measurements(run_id), ended.device
