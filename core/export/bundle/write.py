"""Writes runs and studies into one file: the same ones always into the same bytes, and nothing of this machine but what they found."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
import hashlib
from pathlib import Path
import re
from typing import BinaryIO, Literal
import zipfile

from core.data.importing import store as added_sets
from core.domain.errors import WrongInput
from core.domain.info import DatasetInfo
from core.domain.run import RunSpec, RunStatus
from core.export.bundle.contents import run_to_plain, study_to_plain, to_text
from core.export.bundle.layout import FORMAT, MANIFEST, METADATA, MOST_RECORDS, MOST_TEXT, VERSION, is_weights
from core.export.bundle.metadata import metadata
from core.storage import studies as stored
from core.storage.artifacts import Artifacts
from core.storage.atomic import place_beside, place_new, there_already
from core.storage.disk_and_memory_errors import told
from core.storage.home import Home
from core.storage.portable import PortableRun, PortableStudy, portable
from core.storage.record_types import Run
from core.storage.related_runs import beside
from core.storage.runs import ResultStore

ENDING = ".zip"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip has: when a bundle was written is no part of it
MODE = 0o100644  # of every member: a file


@dataclass(frozen=True)
class Written:
    """What went into a bundle. along: runs that stand beside those that were asked for. left: runs of studies that are not done.

    sha256: of its list of contents, which has the digest of everything else.
    """

    runs: tuple[str, ...]
    along: tuple[str, ...]
    studies: tuple[str, ...]
    left: int
    sha256: str


def export(home: Home, ids: Sequence[str], path: Path, *, weights: bool = True) -> Written:
    """The runs and studies of these ids as the file `path`; weights: with networks and statistics.

    Raises WrongInput where one is not there or not done, a file of it is gone, or `path` is there or has another ending.
    """
    if path.suffix.lower() != ENDING:
        raise WrongInput(f"A bundle is written to a file that ends in {ENDING}; got {path.name!r:.120}.")
    with told(path):
        if path.exists():
            raise there_already(path)
        if not path.parent.is_dir():
            raise WrongInput(f"There is no folder {str(path.parent)!r:.200} to write {path.name} into.")
        temporary = place_beside(path.parent.absolute())
        try:
            with open(temporary, "xb") as stream:
                written = write(home, ids, stream, weights=weights)
            place_new(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    return written


def write(home: Home, ids: Sequence[str], stream: BinaryIO, *, weights: bool = True, most: int | None = None) -> Written:
    """The same, into an open file. Raises WrongInput, too, before it writes, where the bundle would have more bytes than `most`."""
    with ResultStore(home.database) as store:
        asked, along, studies, left = _chosen(home, store, ids)
    runs = [run if weights else _light(run) for run in (*asked, *along)]
    left_out = {run.id: [name for name in run.files if not weights and is_weights(name)] for run in (*asked, *along)}
    files = sorted({(file, name) for run in runs for name, file in run.files.items()})
    paths = {file: _path(name, file) for file, name in reversed(files)}  # a file with several names has the first
    texts = {f"runs/{run.id}.json": to_text(run_to_plain(run, paths, left_out[run.id])) for run in runs}
    texts |= {f"studies/{study.id}.json": to_text(study_to_plain(study)) for study in studies}
    stored_files = Artifacts(home.artifacts_folder)
    members = {path: (hashlib.sha256(text).hexdigest(), len(text)) for path, text in texts.items()}
    for file, path in paths.items():
        members[path] = file.partition(".")[0], stored_files.size(file)
    members = dict(sorted(members.items()))
    texts[METADATA] = to_text(metadata(runs, studies, members, paths))
    if sum(map(len, texts.values())) - len(texts[METADATA]) > MOST_RECORDS or len(texts[METADATA]) > MOST_TEXT:
        raise WrongInput(f"{len(runs):,} runs are more than `import` reads of one bundle; export them in several.")
    members = {METADATA: (hashlib.sha256(texts[METADATA]).hexdigest(), len(texts[METADATA])), **members}
    manifest = to_text({
        "format": FORMAT, "version": VERSION, "asked": [run.id for run in asked], "studies": [study.id for study in studies],
        "files": {path: {"sha256": sha256, "bytes": size} for path, (sha256, size) in members.items()},
    })  # fmt: skip
    size = len(manifest) + sum(size for _, size in members.values())
    if most is not None and size > most:
        raise WrongInput(
            f"This bundle has {size / 2**20:,.1f} MB, and {most / 2**20:,.0f} MB at most are given here; leave the networks out, or write "
            f"it to a file: python -m core export {' '.join(dict.fromkeys(ids))} FILE{ENDING}."
        )
    files_of = {path: file for file, path in paths.items()}
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        put(archive, MANIFEST, len(manifest), iter([manifest]))
        for path, (_, size) in members.items():
            put(archive, path, size, iter([texts[path]]) if path in texts else stored_files.blocks(files_of[path]))
    said = hashlib.sha256(manifest).hexdigest()
    return Written(tuple(run.id for run in asked), tuple(run.id for run in along), tuple(study.id for study in studies), left, said)


def _chosen(
    home: Home, store: ResultStore, ids: Sequence[str]
) -> tuple[list[PortableRun], list[PortableRun], list[PortableStudy], int]:  # fmt: skip
    """The runs that were asked for, those that stand beside them, the studies, and how many of their runs are not done."""
    asked, studies, left = dict[str, Run](), list[PortableStudy](), 0
    for any_id in dict.fromkeys(ids):
        if not (study_id := study_named(store, any_id)):
            asked[any_id] = _finished(store, any_id)
            continue
        members = stored.members(store, study_id).get(study_id, [])
        done = [member for member in members if member.status == RunStatus.DONE]
        left += sum(not member.stands_in for member in members) - sum(not member.stands_in for member in done)
        if not done:
            raise WrongInput(f"None of the runs of study {study_id} is done, so there is nothing to export yet.")
        asked |= {member.run_id: _finished(store, member.run_id) for member in done}
        study = stored.existing(store, study_id)
        when = study.created_at.isoformat(timespec="milliseconds")
        runs = tuple((member.run_id, member.variant, member.stands_in) for member in done)
        studies.append(PortableStudy(study.id, study.title, study.plan, when, runs))
    if not asked:
        raise WrongInput("Name at least one run or study to export.")
    near = dict[str, Run]()
    for run in asked.values():
        others = beside(store, run.spec)
        for other in (others.floor, *others.controls.values()):
            if other and other.status == RunStatus.DONE and other.id not in asked:
                near[other.id] = other

    def describe(spec: RunSpec) -> DatasetInfo | None:
        return _described(home, spec)

    def taken(runs: dict[str, Run]) -> list[PortableRun]:
        return [portable(store, runs[run_id], describe) for run_id in sorted(runs)]

    return taken(asked), taken(near), sorted(studies, key=lambda study: study.id), left


def study_named(store: ResultStore, name: str) -> str:
    """The id of the study of that id, or of that title where one alone has it; '' where there is none. Raises WrongInput."""
    if stored.is_study(store, name):
        return name
    if store.row(name):
        return ""
    titled = [study.id for study in stored.studies(store) if study.title and study.title == name]
    if len(titled) > 1:
        raise WrongInput(f"{len(titled)} studies are called {name!r:.80}; name one by its id: {', '.join(titled[:5])}.")
    return titled[0] if titled else ""


def _finished(store: ResultStore, run_id: str) -> Run:
    run = store.existing(run_id)
    if run.status != RunStatus.DONE:
        raise WrongInput(f"Run {run_id} is {run.status}; only a finished run can be exported.")
    return run


def _described(home: Home, spec: RunSpec) -> DatasetInfo | None:
    """A set that the user added, as far as figures of the run need it: no columns but the request's, and of these no names but the
    forgotten ones, which may be people's. None for built-in sets, and for one that was removed.
    """
    try:
        if not added_sets.KEY.fullmatch(spec.dataset):
            return None
        info = added_sets.info_of(home.datasets_folder, spec.dataset)
    except WrongInput:
        return None
    named = spec.request.column or (info.subclass if spec.request.kind == "subclass" else "")
    columns = tuple(
        replace(column, values=tuple(value if at in spec.request.picks else str(at) for at, value in enumerate(column.values)))
        for column in info.columns if column.name == named
    )  # fmt: skip
    return replace(info, about="", columns=columns, subclass=info.subclass if info.subclass == named else "")


def _light(run: PortableRun) -> PortableRun:
    return replace(run, files={name: file for name, file in run.files.items() if not is_weights(name)})


def _path(name: str, file: str) -> str:
    """`files/per_class-f656250c1b2a.parquet`."""
    sha256, _, ending = file.partition(".")
    return f"files/{re.sub(r'[^A-Za-z0-9_.+-]+', '-', name)[:90]}-{sha256[:12]}.{ending}"


def put(archive: zipfile.ZipFile, path: str, size: int, blocks: Iterator[bytes]) -> None:
    """One member, not compressed. size: about how many bytes it will have."""
    member = zipfile.ZipInfo(path, EPOCH)
    member.external_attr, member.create_system, member.file_size = MODE << 16, 3, size
    mode: Literal["w"] = "w"
    with archive.open(member, mode, force_zip64=size >= 2**31) as target:
        for block in blocks:
            target.write(block)
