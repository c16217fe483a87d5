"""Runs and studies of a bundle as JSON, and back: whatever comes back is checked, and refused in a sentence."""

from collections.abc import Mapping
from dataclasses import asdict
import json
from math import isfinite
import re
from typing import Any

from core.domain.errors import WrongInput
from core.domain.evaluation import Evaluation
from core.domain.json_checks import check_plain, said_of
from core.domain.run import MODELS, Measurement, RunSpec
from core.domain.study import StudyPlan
from core.export.bundle.layout import MOST_FILES, MOST_NUMBERS, RUN_ID, kind_of
from core.export.private_paths import without_paths
from core.storage.portable import PortableRun, PortableStudy
from core.storage.record_types import Forecast
from core.storage.rows import checked_info, forecast_of, seconds_of, time_of

LONGEST = 2000  # letters of a text
LONGEST_TIME, MOST_MEMORY = 1e9, 2**50  # seconds and bytes of a run
OF_RUN = frozenset((
    *("id", "spec", "created_at", "started_at", "finished_at", "device", "threads", "peak_bytes", "seconds", "speedup"),
    *("precompute_seconds", "evaluation", "forecast", "libraries", "dataset", "numbers", "files", "left_out"),
))  # fmt: skip
OF_STUDY = frozenset(("id", "title", "plan", "created_at", "runs"))
_ENDLESS = {"inf": float("inf"), "-inf": float("-inf")}  # numbers that JSON does not have, as the bundle writes them


def run_to_plain(run: PortableRun, paths: Mapping[str, str], left_out: list[str]) -> dict[str, Any]:
    """paths: file of Artifacts -> its path in the bundle. left_out: names of the run's files that are not in it."""
    return {
        "id": run.id, "spec": json.loads(run.spec.to_json()), "created_at": run.created_at, "started_at": run.started_at,
        "finished_at": run.finished_at, "device": run.device, "threads": run.threads, "peak_bytes": run.peak_bytes,
        "seconds": run.seconds, "speedup": run.speedup, "precompute_seconds": run.precompute_seconds,
        "evaluation": asdict(run.evaluation), "forecast": asdict(run.forecast) if run.forecast else None,
        "libraries": run.libraries, "dataset": asdict(run.dataset) if run.dataset else None,
        "numbers": [_number_to_plain(one) for one in run.numbers],
        "files": [[name, paths[file]] for name, file in run.files.items()], "left_out": left_out,
    }  # fmt: skip


def study_to_plain(study: PortableStudy) -> dict[str, Any]:
    """As the bundle writes it."""
    runs = [{"run": run_id, "variant": variant, "stands_in": stands_in} for run_id, variant, stands_in in study.runs]
    return {"id": study.id, "title": study.title, "plan": json.loads(study.plan), "created_at": study.created_at, "runs": runs}


def to_text(plain: Any) -> bytes:
    """JSON that is the same for the same data, and without a path of this machine."""
    return (json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def run_from_plain(raw: dict[str, Any], files: Mapping[str, str]) -> PortableRun:
    """files: path in the bundle -> file of Artifacts. Raises WrongInput, without a full stop, for anything but a run."""
    _check_keys("a run", raw, OF_RUN)
    for name, wanted in (("id", str), ("spec", dict), ("device", str), ("seconds", dict), ("precompute_seconds", float),
                         ("evaluation", dict), ("libraries", dict), ("numbers", list), ("files", list)):  # fmt: skip
        check_plain(name, raw.get(name), wanted)
    if not re.fullmatch(RUN_ID, raw["id"]):
        raise WrongInput(f"id should be twelve hexadecimal digits, but is {said_of(raw['id'])}")
    spec = RunSpec.from_json(json.dumps(raw["spec"]))
    _check_short(spec.to_json(), 100_000)
    for name, kind, most in (("threads", int, 2**16), ("peak_bytes", int, MOST_MEMORY), ("speedup", float, 1e12),
                             ("precompute_seconds", float, LONGEST_TIME)):  # fmt: skip
        if raw.get(name) is not None:
            check_plain(name, raw[name], kind)
            _check_between(name, raw[name], most)
    for name in ("created_at", "finished_at", *(["started_at"] if raw.get("started_at") is not None else [])):
        time_of(name, raw.get(name))
    libraries = raw["libraries"]
    for name, said in libraries.items():
        check_plain("a library", name, str)
        check_plain(f"the version of {name}", said, str)
        _check_short(name + said)
    _check_short(raw["device"])
    return PortableRun(
        raw["id"], spec, raw["created_at"], raw.get("started_at"), raw["finished_at"], raw["device"], raw.get("threads"),
        raw.get("peak_bytes"), _seconds(raw["seconds"]), raw.get("speedup") and float(raw["speedup"]), float(raw["precompute_seconds"]),
        _evaluation(raw["evaluation"]), _forecast(raw.get("forecast")),
        _numbers(raw["numbers"]), _files(raw["files"], files), libraries,
        checked_info(raw["dataset"]) if raw.get("dataset") else None,
    )  # fmt: skip


def study_from_plain(raw: dict[str, Any], runs: Mapping[str, PortableRun]) -> PortableStudy:
    """runs: those of the bundle. Raises WrongInput, without a full stop, for anything but a study."""
    _check_keys("a study", raw, OF_STUDY)
    for name, wanted in (("id", str), ("title", str), ("plan", dict), ("runs", list)):
        check_plain(name, raw.get(name), wanted)
    _check_short(raw["title"])
    time_of("created_at", raw.get("created_at"))
    plan = StudyPlan.from_json(json.dumps(raw["plan"]))
    members = list[tuple[str, int, bool]]()
    for one in raw["runs"]:
        check_plain("a run of a study", one, dict)
        for name, kind in (("run", str), ("variant", int), ("stands_in", bool)):
            check_plain(name, one.get(name), kind)
        if one["run"] not in runs or not 0 <= one["variant"] < len(plan.variants):
            raise WrongInput(f"a study's runs should be those of the bundle, but one is {said_of(one)}")
        members.append((one["run"], one["variant"], one["stands_in"]))
    if len({run_id for run_id, *_ in members}) < len(members):
        raise WrongInput("a study should name each of its runs once, but names one twice")
    return PortableStudy(raw["id"], raw["title"], plan.to_json(), raw["created_at"], tuple(members))


def _number_to_plain(one: Measurement) -> list[Any]:
    endless = one.value is not None and not isfinite(one.value)
    return [one.metric, one.model, str(one.value) if endless else one.value, without_paths(one.reason)]


def _numbers(raw: list[Any]) -> tuple[Measurement, ...]:
    found = dict[tuple[str, str], Measurement]()
    for one in map(_number, _bounded("numbers", raw, MOST_NUMBERS)):
        if (one.metric, one.model) in found:
            raise WrongInput(f"each number should be there once, but {one.metric} of the {one.model} network is there twice")
        found[one.metric, one.model] = one
    return tuple(found.values())


def _number(raw: Any) -> Measurement:
    check_plain("a number", raw, list)
    if len(raw) != 4 or raw[1] not in MODELS:
        raise WrongInput(f"a number should say its metric, its model, its value and a reason, but is {said_of(raw)}")
    for name, value in (("a metric", raw[0]), ("a reason", raw[3])):
        check_plain(name, value, str)
        _check_short(value)
    value = _ENDLESS.get(raw[2]) if isinstance(raw[2], str) else raw[2]
    if value is None and raw[2] is not None:
        raise WrongInput(f"the value of {raw[0]} should be a number, but is {said_of(raw[2])}")
    if value is not None and not isinstance(raw[2], str):
        check_plain(f"the value of {raw[0]}", value, float)
    return Measurement(raw[0], raw[1], None if value is None else float(value), raw[3])


def _seconds(raw: dict[str, Any]) -> dict[str, float]:
    found = seconds_of(json.dumps(raw))
    for stage, seconds in found.items():
        _check_between(f"seconds of {stage}", seconds, LONGEST_TIME)
    return {stage: float(seconds) for stage, seconds in found.items()}


def _forecast(raw: Any) -> Forecast | None:
    found = forecast_of(json.dumps(raw)) if raw else None
    for name, value, most in (("seconds", found.seconds, LONGEST_TIME), ("bytes", found.bytes, MOST_MEMORY)) if found else ():
        _check_between(f"{name} of a forecast", value or 0, most)
    return found


def _files(raw: list[Any], known: Mapping[str, str]) -> dict[str, str]:
    found = dict[str, str]()
    for pair in _bounded("files", raw, MOST_FILES):
        check_plain("a file", pair, list)
        if len(pair) != 2 or not all(type(part) is str for part in pair) or pair[0] in found:
            raise WrongInput(f"a file should be a name and a path, each once, but is {said_of(pair)}")
        name, path = pair
        check_plain("a file's name", name, str)
        _check_short(name)
        if path not in known or not path.endswith(f".{kind_of(name) or 'none'}"):
            raise WrongInput(f"a run's files should be those of the bundle, but one is {said_of(pair)}")
        found[name] = known[path]
    return found


def _evaluation(raw: dict[str, Any]) -> Evaluation:
    check_plain("whole", raw.get("whole"), bool)
    check_plain("without", raw.get("without"), list)
    for part in raw["without"]:
        check_plain("a part that is left out", part, str)
    if raw.get("budget") is not None:
        check_plain("budget", raw["budget"], float)
    try:
        return Evaluation(raw["whole"], tuple(raw["without"]), raw.get("budget"))
    except WrongInput as wrong:
        raise WrongInput(str(wrong).rstrip(".")) from None


def _bounded(name: str, values: list[Any], most: int) -> list[Any]:
    if len(values) > most:
        raise WrongInput(f"{name} should be {most:,} at most, but are {len(values):,}")
    return values


def _check_keys(what: str, raw: dict[str, Any], known: frozenset[str]) -> None:
    if other := sorted(raw.keys() - known):
        raise WrongInput(f"{what} has no {said_of(other[0])}")


def _check_between(name: str, value: float, most: float) -> None:
    if not 0 <= value <= most:
        raise WrongInput(f"{name} should lie between 0 and {most:g}, but is {said_of(value)}")


def _check_short(text: str, most: int = LONGEST) -> None:
    if len(text) > most:
        raise WrongInput(f"a text should have {most:,} letters at most, but has {len(text):,}")
