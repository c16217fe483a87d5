"""How to repeat a run or a study: the shell command, and the study's file."""

import json
import shlex
from typing import Any

import numpy as np

from core.domain.evaluation import Evaluation
from core.domain.hyperparameters import used
from core.domain.info import MethodInfo
from core.domain.methods.judged import METHOD, brought
from core.domain.run import RunSpec, WeightsAs
from core.domain.study import StudyPlan
from core.domain.training.own_recipe import said_recipe

LINE = 88  # letters of a line of a command
OWN_WEIGHTS = "WEIGHTS_FILE"  # stands for the file that a user brought, whose name is not stored


def run_command(
    spec: RunSpec, method: MethodInfo | None = None, evaluation: Evaluation | None = None, *, floor: bool = False,
    limit: float | None = None,
) -> str:  # fmt: skip
    """The command that asks for this run, word for word; a run with the same spec has the same id where the code is the same.

    method: so that parameters of another mode, which had no effect, are left out. floor: with a second reference. limit: seconds.
    """
    if spec.method == METHOD:
        return _judge_command(spec, floor)
    how, read = evaluation or Evaluation(), WeightsAs.parse(spec.weights_as) if spec.weights_as else None
    options: list[tuple[str, ...]] = [("--dataset", spec.dataset), ("--model", spec.model)]
    options += [("--forget", spec.request.text), ("--method", spec.method)]
    options += [("--set", f"{name}={_value(value)}") for name, value in used(spec.params, method.params if method else ()).items()]
    options += [recipe_words(spec)]
    options += [("--seed", str(spec.seed))] + [("--no-reference", "")] * (not spec.reference)
    options += [("--weights", OWN_WEIGHTS)] * bool(spec.weights) + ([("--normalisation", read.normalisation)] if read else [])
    options += [("--class-order", read.order_name)] if read and read.order_name else []
    options += [("--all-images", "")] * how.whole + [("--without", part) for part in how.without]
    options += [] if how.budget is None else [("--budget", f"{_exact(how.budget)}s")]
    options += [("--floor", "")] * floor + ([] if limit is None else [("--limit", f"{_exact(limit)}")])
    return _wrapped("python -m core run", [" ".join(shlex.quote(word) for word in option if word) for option in options])


def _judge_command(spec: RunSpec, floor: bool) -> str:
    read = WeightsAs.parse(spec.weights_as) if spec.weights_as else None
    options: list[tuple[str, ...]] = [("--original", OWN_WEIGHTS), ("--unlearned", "UNLEARNED_FILE")]
    options += [("--reference", "REFERENCE_FILE")] * ("reference" in brought(spec)) + [("--no-reference", "")] * (not spec.reference)
    options += [("--dataset", spec.dataset), ("--model", spec.model), ("--forget", spec.request.text), ("--seed", str(spec.seed))]
    options += [("--normalisation", read.normalisation)] if read and read.normalisation != "file" else []
    options += [("--class-order", read.order_name)] if read and read.order_name else []
    trained = spec.reference and "reference" not in brought(spec)
    options += [recipe_words(spec)] * trained + [("--floor",)] * floor
    return _wrapped("python -m core judge", [" ".join(shlex.quote(word) for word in option if word) for option in options])


def recipe_words(spec: RunSpec) -> tuple[str, ...]:
    """The option of a command that asks for the run's recipe, in words; none where that is usual for every dataset."""
    said = said_recipe(spec.dataset, spec.model, spec.recipe)
    return ("--recipe", *(f"{name}={_value(value)}" for name, value in sorted(said.items()))) if said else ()


def check_command(run_id: str) -> str:
    """The commands that write everything a run stored into one file, and check that file, its numbers computed once more."""
    return f"python -m core export {run_id} {run_id}.zip\npython -m core verify {run_id}.zip --rerun"


def study_file(plan: StudyPlan) -> str:
    """The plan as a study's file in TOML: `core.jobs.studies.toml_file.plan_from_toml` gives the same plan."""
    lines = [f"title = {_toml(plan.title)}"] if plan.title else []
    lines += [f"dataset = {_toml(plan.dataset)}", f"model = {_toml(plan.model)}", f"forget = {_toml(_request_text(plan))}"]
    lines += [f"seeds = {_toml(list(plan.seeds))}"] + ([f"draws = {_toml(list(plan.draws))}"] if plan.draws not in ((), plan.seeds) else [])
    lines += [] if plan.reference else ["reference = false"]
    lines += ["floor = false"]  # the second reference, where there is one, stands among the methods
    lines += [f'limit = "{_exact(plan.limit)}s"'] if plan.limit else []
    recipe = said_recipe(plan.dataset, plan.model, plan.recipe)
    lines += ["", "[recipe]", *(f"{name} = {_toml(value)}" for name, value in sorted(recipe.items()))] if recipe else []
    for variant in plan.variants:
        lines += ["", "[[methods]]", f"name = {_toml(variant.method)}"]
        lines += [f"{name} = {_toml(value)}" for name, value in variant.settings.items()]
    return "\n".join(lines) + "\n"


def _request_text(plan: StudyPlan) -> str:
    """With the draw where all seeds share it; without it where each seed has its own."""
    text = plan.request.text.partition("@")[0]
    return f"{text}@{plan.request.seed}" if plan.request.drawn and not plan.draws else text


def _value(value: Any) -> str:
    """As `--set` reads it back to the same value."""
    return str(value).lower() if isinstance(value, bool) else repr(value) if isinstance(value, float) else str(value)


def _exact(seconds: float) -> str:
    """To the last digit, without an exponent."""
    return np.format_float_positional(seconds, trim="-")


def _toml(value: Any) -> str:
    """A text, number, switch or list, which TOML writes as JSON does."""
    return json.dumps(value, ensure_ascii=False)


def _wrapped(command: str, options: list[str]) -> str:
    """On lines that the shell takes for one."""
    lines = [command]
    for option in filter(None, options):
        if len(lines[-1]) + len(option) > LINE:
            lines.append("   ")
        lines[-1] += f" {option}"
    return " \\\n".join(lines)
