"""A checked plan of a sequence of forget requests, from what somebody asks for."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from core.domain.errors import WrongInput
from core.domain.hyperparameters import as_given
from core.domain.info import DatasetInfo
from core.domain.requests.base import ForgetRequest
from core.domain.requests.classes import ClassesRequest
from core.domain.requests.column_values import ValueRequest
from core.domain.requests.random import RandomRequest
from core.domain.requests.samples import SamplesRequest
from core.domain.run import RunSpec
from core.jobs.catalogue import Catalogue
from core.jobs.validation import dataset_of, make_spec, preset_values
from core.sequences.plan import FEWEST, MOST, USUAL_SEEDS, SequencePlan, parts_of, request_of, unfit


def make_plan(
    shelves: Catalogue, dataset: str, model: str, method: str, settings: dict[str, Any], *, requests: Sequence[str] = (),
    count: int = 0, of: str = "", seeds: Sequence[int] = USUAL_SEEDS, retrain: bool = True, recipe: Mapping[str, Any] | None = None,
) -> SequencePlan:  # fmt: skip
    """A checked plan. Raises WrongInput with one sentence.

    requests: texts of requests, in order; or count requests, each a part of one random draw that `of` names (`random:1%`). settings: of
    the method, for every request; what they leave out is the preset's for that request and what is left of the data by then.
    """
    data = dataset_of(shelves, dataset)
    if bool(requests) == bool(of):
        raise WrongInput("What a sequence forgets is said once: by a list of requests, or by the draw of which they are parts.")
    if method in shelves.methods and (why := unfit(shelves.methods[method])):
        raise WrongInput(why)
    if of and not FEWEST <= count <= MOST:
        raise WrongInput(f"A sequence has {FEWEST} to {MOST} requests; got {count}.")
    make = partial(make_spec, shelves, dataset, model, method=method, recipe=recipe)
    own_draws = False
    if requests:
        asked = [request_of(text, data) for text in requests]
        for request in asked:
            request.check(data)
    else:
        part, own_draws = parts_of(of, data)
        asked = [part] * count
    SequencePlan(tuple(RunSpec(dataset, model, request, method) for request in asked), parts=bool(of), seeds=tuple(seeds)).check()
    if (images := sum(request.count(data) for request in asked)) >= data.train_count:
        raise WrongInput(f"These requests name {images} images in all, and {data.key} has {data.train_count} to train on; name fewer.")
    specs, left = list[RunSpec](), data
    for request in asked[:1] if of else asked:
        spec = make(request=request, settings=settings)
        if request.by_class and left is not data:
            usual = preset_values(shelves.methods[method], left, model, request, shelves.presets, spec.recipe)
            spec = make(request=request, settings=usual | as_given(settings, shelves.methods[method].params))
        specs.append(spec)
        left = without(left, request)
    whole = None
    if all_of := in_one(asked, data, parts=bool(of)):
        with suppress(WrongInput):  # a method that serves one class at a time
            whole = make(request=all_of, settings=settings)
    plan = SequencePlan(tuple(specs * count if of else specs), whole, bool(of), own_draws, tuple(seeds), retrain)
    plan.check()
    return plan


def without(data: DatasetInfo, request: ForgetRequest) -> DatasetInfo:
    """The counts of a dataset once a request has left it; as they are where it names no classes, and what it draws is not known here."""
    if not request.by_class:
        return data
    return replace(data, train_counts=tuple(0 if index in request.classes else n for index, n in enumerate(data.train_counts)))


def in_one(requests: Sequence[ForgetRequest], data: DatasetInfo, *, parts: bool) -> ForgetRequest | None:
    """The one request that names what these name together, None where there is none. parts: they are parts of one draw."""
    first = requests[0]
    if parts:
        return RandomRequest(amount=float(len(requests) * first.count(data)), seed=first.seed)
    picks = tuple(sorted({pick for request in requests for pick in request.picks}))
    if all(request.by_class for request in requests):
        return ClassesRequest(picks)
    alike = all(type(request) is type(first) and request.column == first.column for request in requests)
    if alike and (type(first) is SamplesRequest or (isinstance(first, ValueRequest) and first.several)):
        return type(first)(picks, column=first.column)
    return None
