"""A bundle's description as an RO-Crate (JSON-LD), for whoever has no Forgetscope: what each file is, who made it, and from what."""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from core.domain.run import model_text, settings_text
from core.domain.study import StudyPlan
from core.export.bundle.layout import MANIFEST, NETWORKS, RUN, STUDY
from core.storage.portable import PortableRun, PortableStudy

PROFILE = "1.3"  # of RO-Crate
SOFTWARE = "#forgetscope"
FORMATS = {".json": "application/json", ".parquet": "application/vnd.apache.parquet", ".safetensors": "application/octet-stream"}
WHAT = {
    **{name: f"Weights of the {name} network" for name in NETWORKS},
    "per_class": "Accuracy by class, or by attribute", "confusion": "Confusion matrices", "layers": "How far each layer moved",
    "examples": "Loss, entropy, confidence and prediction of each example", "cka": "CKA by layer", "relearn": "Curves of relearning",
    "probes": "Linear probes by layer", "graft": "Layer grafting", "training": "Loss and accuracy by epoch of training",
    "costs": "Seconds of each part of the evaluation", "metric_versions": "Digests of the extensions that brought metrics",
    "answers": "Probabilities of each example of the table `examples`", "touched": "Masks of the weights that changed most",
    "recorded": "What the method recorded",
}  # fmt: skip


def metadata(runs: Sequence[PortableRun], studies: Sequence[PortableStudy], members: Mapping[str, tuple[str, int]],
             paths: Mapping[str, str]) -> dict[str, Any]:  # fmt: skip
    """members: path in the bundle -> (SHA-256, bytes), the manifest left out; paths: file of Artifacts -> path."""
    from rocrate.model import ContextEntity, File  # noqa: PLC0415  # half a second with `requests`, for who exports alone
    from rocrate.rocrate import ROCrate  # noqa: PLC0415

    crate = ROCrate(version=PROFILE)
    crate.name = _title(runs, studies)
    crate.description = (
        f"{len(runs)} finished run{'s' * (len(runs) != 1)} of machine unlearning, written by Forgetscope: specifications, numbers, tables, "
        f"networks and recordings, with SHA-256 digests in {MANIFEST}. `python -m core import` reads it, and `verify` checks it."
    )
    crate.datePublished = max(run.finished_at for run in runs)
    crate.license = crate.add(ContextEntity(crate, "#licence", {"@type": "CreativeWork", "name": "No licence is stated", "description":
        "Whoever made these runs has not said under which terms they may be used; ask before you pass them on."}))  # fmt: skip
    crate.add(ContextEntity(crate, SOFTWARE, {"@type": "CreativeWork", "name": "Forgetscope", "description":
        "A dashboard and engine for machine unlearning; its version is that of the code that computed the runs.",
        "version": ", ".join(sorted({run.spec.engine for run in runs}))}))  # fmt: skip
    names, of = _names(runs, paths), _owners(runs, paths)
    crate.add(File(crate, dest_path=MANIFEST, properties=_about(MANIFEST, "What this bundle holds", "With the digest of every file")))
    for path, (sha256, size) in members.items():
        said = {"contentSize": str(size), "sha256": sha256}
        about = f"Of run {', '.join(of[path])}" if path in of else "As Forgetscope reads it"
        crate.add(File(crate, dest_path=path, properties=_about(path, names[path], about) | said))
    for run in runs:
        results = [{"@id": path} for path in sorted({paths[file] for file in run.files.values()})]
        crate.add(ContextEntity(crate, f"#run-{run.id}", {
            "@type": "CreateAction", "name": _name(run), "instrument": {"@id": SOFTWARE}, "object": {"@id": f"runs/{run.id}.json"},
            "result": results or [{"@id": f"runs/{run.id}.json"}], "startTime": run.started_at or run.created_at,
            "endTime": run.finished_at,
        }))  # fmt: skip
    found: dict[str, Any] = crate.metadata.generate()
    return found


def _title(runs: Sequence[PortableRun], studies: Sequence[PortableStudy]) -> str:
    if studies:
        return "; ".join(StudyPlan.from_json(study.plan).name for study in studies)
    return _name(runs[0]) + (f", and {len(runs) - 1} more" if len(runs) > 1 else "")


def _name(run: PortableRun) -> str:
    spec = run.spec
    parts = (spec.method, spec.dataset, model_text(spec), spec.request.text, f"seed {spec.seed}", settings_text(spec.params))
    return " · ".join(filter(None, parts))


def _names(runs: Sequence[PortableRun], paths: Mapping[str, str]) -> dict[str, str]:
    """Path -> what it is, in words."""
    found = _Words()
    for run in runs:
        for name, file in run.files.items():
            found.setdefault(paths[file], WHAT.get(name, f"Statistic of the training set: {name.partition('/')[2]}"))
    return found


def _owners(runs: Sequence[PortableRun], paths: Mapping[str, str]) -> dict[str, list[str]]:
    """Path of a table or of arrays -> the runs that share it."""
    found = dict[str, list[str]]()
    for run in runs:
        for path in dict.fromkeys(paths[file] for file in run.files.values()):
            found.setdefault(path, []).append(run.id)
    return found


class _Words(dict[str, str]):
    """Of runs and studies too, whose paths say what they are."""

    def __missing__(self, path: str) -> str:
        if run := RUN.fullmatch(path):
            return f"Run {run[1]}: its specification, numbers, and the names of its files"
        study = STUDY.fullmatch(path)
        return f"Study {study[1]}: its plan and its runs" if study else path


def _about(path: str, name: str, description: str) -> dict[str, Any]:
    return {"name": name, "description": description, "encodingFormat": FORMATS[PurePosixPath(path).suffix]}
