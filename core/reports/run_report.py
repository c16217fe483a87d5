"""A run as one plain object: what the command line prints and what a page reads."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from math import isnan
from typing import TYPE_CHECKING, Any

from core.domain.code_version import version_of
from core.domain.info import MetricInfo
from core.domain.methods.judged import METHOD, brought
from core.domain.run import MODELS, NORMALISATIONS, ORDERS, STAGES, RunSpec, RunStatus, WeightsAs, recipe_text
from core.domain.training.own_recipe import recipe_for
from core.reports.early_stopping import stopping_words
from core.reports.settings_search import search_outcome
from core.reports.verdict import Numbers
from core.storage.artifacts import Artifacts, Damaged
from core.storage.home import Home
from core.storage.record_types import DamagedRun, Run
from core.storage.related_runs import beside, precompute_seconds
from core.storage.runs import ResultStore

if TYPE_CHECKING:
    import pandas as pd


def numbers_of(store: ResultStore, run_id: str) -> Numbers:
    """model -> metric -> value (None where the metric does not apply)."""
    numbers: Numbers = {model: {} for model in MODELS}
    for taken in store.measurements(run_id):
        numbers[taken.model][taken.metric] = taken.value
    return numbers


def summary(run: Run) -> dict[str, Any]:
    """A run in a list: id, status, spec, progress."""
    return {
        "id": run.id,
        "status": str(run.status),
        "spec": spec_of(run),
        "share": run.share,
        "stage": run.stage,
        "created_at": run.created_at.isoformat(),
        "error": run.error_line,
        "label": asdict(run.label),
        "imported": run.imported.file if run.imported else None,
    }


def damaged_summary(row: DamagedRun) -> dict[str, Any]:
    """As `summary`, of a row of the database that is no run."""
    return {"id": row.id, "status": "damaged", "spec": None, "share": 0.0, "stage": "", "created_at": None, "error": row.wrong,
            "imported": None}  # fmt: skip


def spec_of(run: Run) -> dict[str, Any]:
    """The spec as plain data, the request also as the command line writes it."""
    return asdict(run.spec) | {"forget": run.spec.request.text}


def full_report(home: Home, store: ResultStore, run: Run) -> dict[str, Any]:
    """All numbers of a run; lists by class index. A run that is not done has no numbers.

    `floor`: the numbers of the second reference's run, None while there is none; `controls`: those of the method's ablations,
    by title.
    `search`: what a search of settings chose, None where there was none.
    `elsewhere`: the stages whose network came as a file.
    `metric_versions`: of metrics that extensions brought, the digests of these.
    `stopping`: where early stopping ended training; '' where it could not.
    `lost`: a sentence for each file that is gone or damaged, whose numbers are therefore missing.
    `speedup` leaves out what is precomputed once, `speedup_with_precompute` does not.
    """
    numbers = numbers_of(store, run.id)
    files = store.artifacts(run.id)
    others = beside(store, run.spec)
    second_reference = others.floor if others.floor and others.floor.status == RunStatus.DONE else None
    per_class, evaluated, lost = None, None, []
    try:
        if "per_class" in files:
            table = Artifacts(home.artifacts_folder).get_table(files["per_class"])
            per_class, evaluated = _per_class(table), evaluated_images(table)
    except Damaged as damaged:
        lost.append(str(damaged))
    return {
        **summary(run),
        "metrics": numbers["unlearned"],
        "original": numbers["original"],
        "reference": numbers["reference"] or None,
        "reasons": {f"{m.model}/{m.metric}": m.reason for m in store.measurements(run.id) if m.value is None},
        "per_class": per_class,
        "lost": lost,
        "seconds": {stage: run.seconds.get(stage, 0.0) for stage in STAGES},
        "speedup": run.speedup,
        **_with_precompute(store, run, files),
        "floor": numbers_of(store, second_reference.id) if second_reference else None,
        "controls": {title: numbers_of(store, other.id) for title, other in others.controls.items()},
        "took": (run.finished_at - run.started_at).total_seconds() if run.finished_at and run.started_at else None,
        "forecast": asdict(run.forecast) if run.forecast else None,
        "peak_bytes": run.peak_bytes,
        "threads": run.threads,
        "device": run.device,
        "node": run.node,
        "evaluated_train": evaluated,
        "relearn_limit": _relearn_limit(home, files),
        "evaluation": asdict(store.evaluated(run.id)),
        "costs": _costs(home, files),
        "metric_versions": _metric_versions(home, files),
        "search": _search(home, run, files),
        "own_weights": own_weights(run.spec),
        "elsewhere": made_elsewhere(run.spec),
        "own_recipe": own_recipe(run.spec),
        "stopping": _stopping(home, run.spec, files),
    }


def _stopping(home: Home, spec: RunSpec, files: dict[str, str]) -> str:
    """Of a run whose training could stop early, where it did; '' of any other, and where its curves are gone."""
    with suppress(Damaged):
        if recipe_for(spec).patience and "training" in files:
            return stopping_words(spec, Artifacts(home.artifacts_folder).get_table(files["training"]))
    return ""


def _costs(home: Home, files: dict[str, str]) -> list[dict[str, Any]] | None:
    """Seconds of the parts of the evaluation: part, model ('' for all), seconds; None where they are not stored."""
    with suppress(Damaged):
        if "costs" in files:
            table = Artifacts(home.artifacts_folder).get_table(files["costs"])
            return [dict(zip(map(str, table.columns), row, strict=True)) for row in table.itertuples(index=False)]
    return None


def _metric_versions(home: Home, files: dict[str, str]) -> dict[str, str]:
    """Metric of an extension -> the digest of the extension that measured it."""
    with suppress(Damaged):
        if "metric_versions" in files:
            table = Artifacts(home.artifacts_folder).get_table(files["metric_versions"])
            return dict(zip(map(str, table["metric"]), map(str, table["version"]), strict=True))
    return {}


def other_versions(report: dict[str, Any], metrics: Mapping[str, MetricInfo]) -> list[str]:
    """Sentences about metrics of extensions that were edited, or added, since the run was evaluated. metrics: as they are now."""
    stored, measured = report["metric_versions"], {*report["metrics"], *(name.rpartition("/")[2] for name in report["reasons"])}
    by = "measured by an {} version of the extension".format
    said: dict[str, list[str]] = {by("earlier"): [], by("unknown"): [], "added since this run was evaluated": []}
    edited, unknown, added = said.values()
    for key, info in metrics.items():
        if info.extension and stored.get(key) != info.extension:
            (edited if key in stored else unknown if key in measured else added).append(info.title)
    return [f"{', '.join(titles)}: {what}." for what, titles in said.items() if titles]


def _search(home: Home, run: Run, files: dict[str, str]) -> dict[str, Any] | None:
    """See `search_outcome`; None, too, where it is not stored."""
    with suppress(Damaged):
        auto = any(name.rpartition(".")[2] == "settings" and value == "auto" for name, value in run.spec.params.items())
        if auto and "recorded" in files:
            return search_outcome(Artifacts(home.artifacts_folder).get_arrays(files["recorded"]))
    return None


def own_recipe(spec: RunSpec) -> str:
    """A sentence about a run whose networks were trained by another recipe than the preset's; '' where by that."""
    if not spec.recipe:
        return ""
    if spec.weights and not spec.reference:
        return f"Nothing was trained here; what methods take from the training recipe is {recipe_text(spec.recipe)}, else the preset's."
    who = "The reference was" if spec.weights else "The original and the reference were" if spec.reference else "The original was"
    return f"{who} trained with {recipe_text(spec.recipe)}; the rest of the training recipe is the preset's."


def made_elsewhere(spec: RunSpec) -> list[str]:
    """Of STAGES, those whose network came as a file."""
    files = brought(spec)
    return ["train"] * bool(spec.weights) + ["reference"] * ("reference" in files) + ["unlearn"] * ("unlearned" in files)


def own_weights(spec: RunSpec) -> str:
    """A sentence about a run whose original was not trained here; '' where it was.

    The recipe's numbers are named where the code is still the run's: a later one may have another recipe.
    """
    if not spec.weights:
        return ""
    read_as = weights_read(spec)
    if spec.method == METHOD:
        return f"The original and the unlearned network were made elsewhere and brought; {_reference_of(spec)}{read_as}"
    if not spec.reference:
        return f"The original's weights were uploaded, not trained here.{read_as}"
    return f"The original's weights were uploaded; {_reference_of(spec)}{read_as}"


def _reference_of(spec: RunSpec) -> str:
    """Where the reference of a run with own weights comes from: the end of a sentence."""
    if "reference" in brought(spec):
        return "the reference was brought, too."
    if not spec.reference:
        return "a reference was left out, so nothing can be held against retraining."
    recipe = recipe_for(spec)
    in_short = f"the recipe ({recipe.epochs} epochs of {recipe.optimiser}, learning rate {recipe.learning_rate:g})"
    by = in_short if spec.engine == version_of(spec) else "the recipe of its version"
    return f"the reference was trained here by {by}, so differences include the recipe's."


def weights_read(spec: RunSpec) -> str:
    """A sentence about the normalisation and the order of classes that the weights were read with; '' where none was chosen."""
    if not spec.weights_as:
        return ""
    chosen = WeightsAs.parse(spec.weights_as)
    order = f", and their classes in the order {chosen.order_name}: {ORDERS[chosen.order_name]}" if chosen.order else ""
    return f" They were read with the normalisation {chosen.normalisation}: {NORMALISATIONS[chosen.normalisation]}{order}."


def _with_precompute(store: ResultStore, run: Run, files: dict[str, str]) -> dict[str, float | None]:
    """Seconds of precomputing, perhaps by an earlier run, and the speed-up with these counted in."""
    took = precompute_seconds(store, run, files)
    own = run.seconds.get("unlearn", 0.0)
    whole = run.speedup * own / (own + took) if run.speedup and own + took else run.speedup
    return {"precompute_seconds": took, "speedup_with_precompute": whole}


def evaluated_images(table: "pd.DataFrame") -> int:
    """Training images that were evaluated, from the table by class (by attribute each row counts all); 0 where it has none."""
    counts = table[(table["split"] == "train") & (table["model"] == "unlearned")]["count"]
    return int(counts.max() if len(counts) and "positives" in table else counts.sum())


def _relearn_limit(home: Home, files: dict[str, str]) -> int:
    """Steps after which relearning was given up as the network is costly; 0 where it had as many as any, or it is not known."""
    with suppress(Damaged):
        if "relearn" in files:
            table = Artifacts(home.artifacts_folder).get_table(files["relearn"])
            return int(table["limit"].max()) if len(table) and "limit" in table else 0
    return 0


def _per_class(table: "pd.DataFrame") -> dict[str, dict[str, list[float | None] | None]]:
    """split -> model -> accuracy by class index; None where a class has no examples, or for a whole missing reference."""
    lists: dict[str, dict[str, list[float | None] | None]] = {}
    for (split, model), rows in table.groupby(["split", "model"], sort=False):
        ordered = rows.sort_values("class")["accuracy"]
        lists.setdefault(str(split), dict.fromkeys(MODELS))[str(model)] = [
            None if isnan(value) else float(value) for value in ordered
        ]
    return lists
