"""Many finished runs side by side: one row a run, one column a number."""

from collections.abc import Mapping, Sequence
from math import nan
from typing import TYPE_CHECKING, Any

from core.domain.code_version import shared_part
from core.domain.evaluation import Evaluation
from core.domain.formatting import duration
from core.domain.hyperparameters import used
from core.domain.info import MethodInfo
from core.domain.methods.ablations import SECOND_REFERENCE_METHOD, control_title
from core.domain.methods.judged import with_short_hashes
from core.domain.run import model_text, settings_text
from core.reports.compare.runs_by_seed import once_keys, scenarios
from core.storage.finished_runs import Finished, all_values, finished_runs
from core.storage.runs import ResultStore

if TYPE_CHECKING:
    import pandas as pd

ABOUT = (
    *("id", "dataset", "model", "request", "draw", "kind", "method", "settings", "control", "seed", "reference"),
    *("finished", "engine", "device", "evaluation"),
)  # fmt: skip
TIME = ("seconds", "speedup")
MEASURED = "metric versions"  # of a comparison's `attrs`: run -> the file that says by which versions of extensions metrics were measured
# Each run compared with its own reference: these compare methods across requests.
TO_OWN_REFERENCE = ("js_to_reference", "activation_distance", "average_gap", "tow", "tow_attack", "anamnesis_index")


def comparison(
    store: ResultStore, run_ids: Sequence[str] | None = None, methods: Mapping[str, MethodInfo] | None = None
) -> "pd.DataFrame":
    """One row a finished run, in the order of `run_ids` (unfinished ones left out); without ids all, newest first.

    methods: the registered ones, so that `settings` leaves out parameters of another mode, which had no effect.
    Columns: ABOUT (`request` and `settings` as text, `draw` the seed that draws the forget set, '' where none does,
    `control` which ablation it is, '' for none, `finished` an aware time, `evaluation` in words, '' for the usual), TIME
    (`seconds` of the method alone, `speedup` over retraining), then the unlearned model's metrics by key, and `original.<key>`,
    `reference.<key>`; nan where a run has no such number. One SQL query for all numbers.
    """
    import pandas as pd  # noqa: PLC0415  # half a second that commands which compare nothing need not pay

    runs = finished_runs(store, run_ids)
    numbers = all_values(store, [run.id for run in runs])
    columns = _columns(runs, methods)
    for model, prefix in (("unlearned", ""), ("original", "original."), ("reference", "reference.")):
        columns |= {prefix + metric: values for (whose, metric), values in numbers.items() if whose == model}
    frame = pd.DataFrame(columns).astype(dict.fromkeys(TIME, float))
    if measured := {run.id: run.measured for run in runs if run.measured}:
        frame.attrs[MEASURED] = measured
    return frame


def about(store: ResultStore, methods: Mapping[str, MethodInfo] | None = None) -> "pd.DataFrame":
    """The columns ABOUT of all finished runs, newest first, without reading any metric. methods: as in `comparison`."""
    import pandas as pd  # noqa: PLC0415  # as above

    columns = _columns(finished_runs(store), methods)
    return pd.DataFrame({name: columns[name] for name in ABOUT})


def second_retrainings(everything: "pd.DataFrame", frame: "pd.DataFrame") -> list[str]:
    """The ids of those runs of `about` that trained a second reference of a request and seed of the frame's, in their order."""
    retrainings = everything[(everything["method"] == SECOND_REFERENCE_METHOD) & everything["reference"].astype(bool)]
    wanted = set(once_keys(frame))
    there = zip(retrainings["id"], once_keys(retrainings), strict=True)
    return [run_id for run_id, key in there if key in wanted]


def _columns(runs: Sequence[Finished], methods: Mapping[str, MethodInfo] | None) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {name: [] for name in (*ABOUT, *TIME)}
    for run in runs:
        for name, value in _about(run, (methods or {}).get(run.spec.method)).items():
            columns[name].append(value)
    return columns


def _about(run: Finished, method: MethodInfo | None) -> dict[str, Any]:
    spec = run.spec
    params = used(spec.params, method.params if method else ())
    return {
        "id": run.id, "dataset": spec.dataset, "model": model_text(spec), "request": spec.request.text,
        "draw": str(spec.request.seed) if spec.request.drawn else "",
        "kind": spec.request.kind, "method": spec.method, "settings": settings_text(with_short_hashes(params)),
        "control": control_title(spec), "seed": spec.seed, "reference": spec.reference, "finished": run.finished_at,
        "engine": spec.engine, "device": run.device, "evaluation": _evaluated(run.evaluation),
        "seconds": run.seconds, "speedup": nan if run.speedup is None else run.speedup,
    }  # fmt: skip


def _evaluated(how: Evaluation) -> str:
    parts = ["all training images"] if how.whole else []
    parts += [f"without {' and '.join(how.without)}"] if how.without else []
    return " ".join([*parts, *([f"within {duration(how.budget)}"] if how.budget is not None else [])])


def metric_columns(frame: "pd.DataFrame") -> list[str]:
    """The columns of numbers: TIME, then every metric of every model."""
    return [name for name in frame.columns if name not in ABOUT]


def comparable(frame: "pd.DataFrame") -> list[str]:
    """The columns of numbers that can be compared among these runs; `why_fewer` says why not all."""
    columns = metric_columns(frame)
    if one_network(frame):
        return columns
    fair = TIME if frame["dataset"].nunique() > 1 else (*TIME, *TO_OWN_REFERENCE)
    return [name for name in columns if name in fair]


def one_subject(frame: "pd.DataFrame") -> bool:
    """Whether all runs are about the same dataset, model and request, whatever their draws."""
    return not _other_subject(frame)


def one_network(frame: "pd.DataFrame") -> bool:
    """Whether all runs are about the same dataset, network and request, whatever their draws and the recipes that trained the network."""
    return frame["dataset"].nunique() < 2 and scenarios(frame).nunique() < 2 and frame["model"].map(network_of).nunique() < 2


def network_of(model: str) -> str:
    """Of a model as `model_text` writes it all but the recipe: `small_cnn` of `small_cnn (epochs=30)`."""
    key, _, said = model.partition(" (")
    own = [part for part in said.removesuffix(")").split("; ") if part.startswith("own weights ")]
    return f"{key} ({own[0]})" if own else key


def why_fewer(frame: "pd.DataFrame") -> str:
    """A sentence for each way in which these runs are not comparable: dataset, request, model, draws, engines, devices, evaluation or
    versions of metrics; '' where they are alike."""
    sentences = [_other_subject(frame), _other_draws(frame), _other_engine(frame), _other_device(frame), other_evaluation(frame),
                 other_metrics(frame)]  # fmt: skip
    return " ".join(filter(None, sentences))


def _other_draws(frame: "pd.DataFrame") -> str:
    """Where draws differ, and not every method has run on each of them."""
    drawn = frame[frame["draw"] != ""]
    draws = list(dict.fromkeys(drawn["draw"]))
    if len(draws) < 2 or drawn.groupby(["method", "settings"], sort=False)["draw"].nunique().eq(len(draws)).all():
        return ""
    return (
        f"These runs forget {len(draws)} different draws ({_few(draws)}), and not every method has run on each of them, so they may "
        "differ for that alone."
    )


def _other_engine(frame: "pd.DataFrame") -> str:
    engines = [shared_part(engine) or "unknown" for engine in dict.fromkeys(frame["engine"])]
    if len(set(engines)) < 2:
        changed = frame.groupby("method", sort=False)["engine"].nunique()
        several = [str(method) for method in changed[changed > 1].index]
        return f"Runs of {_few(several)} were computed by several versions of it, so they may differ for that alone." if several else ""
    engines = list(dict.fromkeys(engines))
    return (
        f"These runs were computed by {len(engines)} versions of the engine ({_few(engines)}), so they may differ "
        "for that alone."
    )


def other_metrics(frame: "pd.DataFrame") -> str:
    """Where metrics of extensions were measured by several versions of these; files are named by their content."""
    measured = frame.attrs.get(MEASURED, {})
    if len({measured[run_id] for run_id in frame["id"] if run_id in measured}) < 2:
        return ""
    return "Metrics of extensions were measured by several versions or sets of them, so these may differ for that alone."


def _other_device(frame: "pd.DataFrame") -> str:
    devices = [device for device in dict.fromkeys(frame["device"]) if device]
    if len(devices) < 2:
        return ""
    return f"These runs were computed on different devices ({_few(devices)}), so seconds and speed-up do not compare the methods."


def other_evaluation(frame: "pd.DataFrame") -> str:
    """A sentence where not the same of each run was evaluated; '' else."""
    kinds = [how or "as usual" for how in dict.fromkeys(frame["evaluation"])]
    if len(kinds) < 2:
        return ""
    return (
        f"These runs were not evaluated alike ({_few(kinds, longest=100)}), so metrics over training images may differ for that alone, "
        "and some runs may lack metrics that others have."
    )


def _other_subject(frame: "pd.DataFrame") -> str:
    for column, noun in (("dataset", "datasets"), ("request", "requests"), ("model", "models")):
        values = list(dict.fromkeys(scenarios(frame) if column == "request" else frame[column]))
        if len(values) > 1:
            if one_network(frame):
                return (
                    f"These runs are about {len(values)} different {noun} ({_few(values, longest=60)}), which are one network trained by "
                    "several recipes: hold each against its own original and reference, and choose one of them for a conclusion."
                )
            shown = "seconds and speed-up are" if noun == "datasets" else (
                "seconds, speed-up and closeness to each run's own reference are"
            )  # fmt: skip
            return f"These runs are about {len(values)} different {noun} ({_few(values)}), so only {shown} shown side by side."
    return ""


def _few(values: list[str], most: int = 4, longest: int = 24) -> str:
    short = [value if len(value) <= longest else value[: longest - 1] + "…" for value in values[:most]]
    return ", ".join(short) + (", …" if len(values) > most else "")
