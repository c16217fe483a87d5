"""All kinds of forget request, and how one is made of a text or of stored data."""

from typing import Any

from core.domain.errors import WrongInput
from core.domain.info import DatasetInfo
from core.domain.json_checks import check_plain, said_of
from core.domain.requests.attribute import AttributeRequest
from core.domain.requests.base import ForgetRequest
from core.domain.requests.classes import ClassesRequest, ClassRequest
from core.domain.requests.mislabelled import MislabelledRequest
from core.domain.requests.published import PublishedPeopleRequest, PublishedRequest
from core.domain.requests.random import RandomRequest
from core.domain.requests.samples import SamplesRequest
from core.domain.requests.selected import SelectedRequest
from core.domain.requests.subclass import SubclassRequest

KINDS: dict[str, type[ForgetRequest]] = {
    kind.kind: kind
    for kind in (
        ClassRequest,
        ClassesRequest,
        SubclassRequest,
        AttributeRequest,
        RandomRequest,
        MislabelledRequest,
        SamplesRequest,
        PublishedRequest,
        PublishedPeopleRequest,
        SelectedRequest,
    )
}
CLASS_KINDS = frozenset(key for key, kind in KINDS.items() if kind.by_class)
DRAWN_KINDS = tuple(key for key, kind in KINDS.items() if kind.drawn)
FORMS = " or ".join(", ".join(kind.examples for kind in KINDS.values()).rsplit(", ", 1))  # how a request is written
_OF_REQUEST: dict[str, type] = {"kind": str, "picks": list, "amount": float, "seed": int, "column": str}


def parse_request(text: str, data: DatasetInfo | None = None) -> ForgetRequest:
    """From `KIND:VALUE`, the inverse of `text`; with a dataset, names may stand for indices: `class:ankle boot`. Raises WrongInput."""
    kind, _, value = text.partition(":")
    try:
        if kind in KINDS:
            return KINDS[kind].parse(value, data)
    except WrongInput:
        raise
    except ValueError:
        pass
    raise WrongInput(f"What to forget must be written {FORMS}; got {text!r:.100}.")


def request_from(raw: dict[str, Any]) -> ForgetRequest:
    """From the plain data of a stored spec. Raises WrongInput, without a full stop."""
    known = {name: value for name, value in raw.items() if name in _OF_REQUEST}
    for name, value in known.items():
        check_plain(name, value, _OF_REQUEST[name])
    if known.get("kind") not in KINDS:
        raise WrongInput(f"request.kind should be one of {', '.join(KINDS)}, but is {said_of(known.get('kind'))}")
    for pick in known.get("picks", ()):
        check_plain("a pick", pick, int)
    return KINDS[known.pop("kind")](**{**known, "picks": tuple(known.get("picks", ()))})
