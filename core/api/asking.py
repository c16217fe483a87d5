"""Ask for runs and studies and wait for their end: what `core run`, `core judge` and `core sweep` do."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from core.api.results import RunResult, StudyResult, home_at
from core.cli.judge import spec_of_files
from core.cli.run import aloud, follow_all, with_own_weights
from core.cli.study import follow as follow_study
from core.domain.errors import WrongInput
from core.domain.evaluation import Evaluation
from core.domain.methods.chains import chain_of
from core.domain.requests.base import ForgetRequest
from core.domain.requests.registry import parse_request
from core.domain.run import RunSpec, RunStatus
from core.domain.training.own_recipe import asked_recipe
from core.jobs import submit
from core.jobs.catalogue import Catalogue, catalogue
from core.jobs.forecast import check_memory, forecast, unknown
from core.jobs.studies import submit as studies
from core.jobs.studies.toml_file import plan_from, plan_from_toml, text_of
from core.jobs.validation import dataset_of, limit_of, make_spec
from core.storage.home import Home
from core.storage.runs import ResultStore

if TYPE_CHECKING:
    from torch import nn

    Weights = str | PathLike[str] | nn.Module | Mapping[str, Any]

Say = Callable[[str], None] | None
Forget = str | Sequence[int]


class NotDone(RuntimeError):
    """A run or a study came to no end: it failed, or was cancelled. The message says why."""


def run(
    dataset: str, model: str, forget: Forget, method: str, *, then: str | Sequence[str] = (),
    settings: Mapping[str, Any] | None = None, recipe: Mapping[str, Any] | None = None, seed: int = 0, reference: bool = True,
    weights: "Weights | None" = None, normalisation: str = "best", class_order: str = "here",
    accept_mapping: bool = False, without: Sequence[str] = (), budget: str = "", all_images: bool = False, limit: str = "",
    home: str | Path | None = None, say: Say = aloud,
) -> RunResult:  # fmt: skip
    """Train, unlearn and evaluate; returns when it is done. What is stored already is not computed again.

    dataset, model, method: keys, as `core list` prints them. forget: as --forget of the command line (`"class:3"`,
    `"random:0.1"`), or indices of training images. then: methods that go on from the network that it leaves.
    settings: of the method, by name (of a later one as "finetune.epochs"), the others stand at their preset. recipe: of
    training, what is not to be as usual, such as {"epochs": 30}. weights: the original's, a file or a network, instead of training
    it; normalisation, class_order, accept_mapping: as of `core run`.
    without, budget, all_images: of the evaluation. limit: the longest that it may take, such as "15min". home: a folder; by default
    FORGETSCOPE_HOME or the user's. say: told each line of progress; None: nobody.

    Raises WrongInput, a sentence, where it cannot be asked so, and NotDone where it fails or is cancelled. An interrupt (Ctrl-C) cancels.
    """
    at_most, how = limit_of(limit), Evaluation(all_images, tuple(without), limit_of(budget, "An evaluation's budget"))
    place = home_at(home)
    shelves = catalogue(place.root)
    asked = (shelves, dataset, model, _request(forget, shelves, dataset), chain_of(method, then), dict(settings or {}))
    trained_by = asked_recipe(dataset_of(shelves, dataset), model, recipe or {})
    spec = make_spec(*asked, seed=seed, reference=reference, weights_follow=weights is not None, recipe=trained_by)
    if weights is not None:
        with _as_files(weights) as (file,):
            spec = with_own_weights(place, shelves, spec, str(file), normalisation, class_order, accept_mapping, say or _silent)
    return _carried_out(place, spec, how, at_most, say)


def judge(
    original: "Weights", unlearned: "Weights", *, dataset: str, model: str, forget: Forget, reference: "Weights | bool" = True,
    normalisation: str = "best", class_order: str = "here", accept_mapping: bool = False, recipe: Mapping[str, Any] | None = None,
    seed: int = 0, home: str | Path | None = None, say: Say = aloud,
) -> RunResult:  # fmt: skip
    """Evaluate a network that was unlearned elsewhere: a run like any other, with all metrics, checks and maps.

    original, unlearned: weights, as files (see `core judge`) or as networks or their state dicts. reference: the retrained network's
    weights; True: it is trained here; False: there is none. The rest is as of `run`, and so are the errors.
    """
    place = home_at(home)
    shelves = catalogue(place.root)
    request = _request(forget, shelves, dataset)
    brought = [] if isinstance(reference, bool) else [reference]
    with _as_files(original, unlearned, *brought) as files:
        names = str(files[0]), str(files[1]), str(files[2]) if brought else None
        spec = spec_of_files(place, shelves, (dataset, model), request, names, seed=seed, reference=reference is not False,
                             read_as=(normalisation, class_order, accept_mapping), recipe=recipe or {}, say=say or _silent)  # fmt: skip
    return _carried_out(place, spec, Evaluation(), None, say)


def study(what: str | Path | Mapping[str, Any], *, home: str | Path | None = None, say: Say = aloud) -> StudyResult:
    """Several methods, settings and seeds about one request; returns when all runs have ended.

    what: the TOML file of `core sweep`, or its entries: {"dataset": ..., "model": ..., "forget": "class:3", "seeds": [0, 1, 2],
    "methods": [{"name": "ssd", "alpha": 2.0}, ...]}. Raises WrongInput, and NotDone where a run failed; an interrupt cancels.
    """
    place = home_at(home)
    shelves = catalogue(place.root)
    plan = plan_from(dict(what), shelves) if isinstance(what, Mapping) else plan_from_toml(text_of(Path(what)), shelves)
    study_id = studies.submit(place, plan, shelves)
    try:
        ended = follow_study(place, study_id, say or _silent)
    except KeyboardInterrupt:
        studies.cancel(place, study_id)
        raise
    if ended.done < ended.total:
        raise NotDone(f"Of the study {study_id}, {ended.done} of {ended.total} runs are done, {ended.failed} failed; `load` shows them.")
    return StudyResult(study_id, place)


def _carried_out(home: Home, spec: RunSpec, how: Evaluation, limit: float | None, say: Say) -> RunResult:
    with ResultStore(home.database) as store:
        check_memory(forecast(store, spec, unknown, how=how), spec)
    (ended,) = follow_all(home, [submit.submit(home, spec, limit=limit, evaluation=how)], say or _silent)
    if (ended.anew or ended.status) != RunStatus.DONE:
        raise NotDone(f"Run {ended.id} is {ended.status}. {ended.error_line}".strip())
    return RunResult(ended.id, home)


def _silent(_line: str) -> None:
    pass


def _request(forget: Forget, shelves: Catalogue, dataset: str) -> ForgetRequest:
    text = forget if isinstance(forget, str) else f"samples:{','.join(str(int(index)) for index in forget)}"
    return parse_request(text, dataset_of(shelves, dataset))


@contextmanager
def _as_files(*given: "Weights") -> Iterator[list[Path]]:
    """The files of weights; those of networks and state dicts are written, as safetensors, and removed afterwards. Raises WrongInput."""
    with ExitStack() as stack:
        files = []
        for number, one in enumerate(given):
            if isinstance(one, str | PathLike):
                files.append(Path(one))
            else:
                folder = Path(stack.enter_context(TemporaryDirectory(prefix="forgetscope-")))
                files.append(_written(one, folder / f"network-{number + 1}.safetensors"))
        yield files


def _written(network: Any, file: Path) -> Path:
    from safetensors.torch import save_file  # noqa: PLC0415  # torch, which only weights from memory need

    state = network.state_dict() if hasattr(network, "state_dict") else network
    if not isinstance(state, Mapping):
        raise WrongInput(f"Weights must be a file, a network or its state dict, but are a {type(network).__name__}.")
    try:
        save_file({str(name): values.detach().cpu().clone().contiguous() for name, values in state.items()}, file)
    except (AttributeError, ValueError, TypeError):
        raise WrongInput("Weights must be a file, a network or its state dict of tensors.") from None
    return file
