"""Serves `/stage/<deck>`: a deck's one HTML file, without Streamlit's frame. The same file that Present downloads."""

from contextlib import nullcontext

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from core.domain.errors import WrongInput
from core.storage.access.actors import Forbidden, acting_as
from core.storage.home import open_home
from core.storage.runs import ResultStore
from dashboard.login.sessions import of_request


def stage(request: Request) -> Response:
    """Starlette calls it in a thread of its own; a deck that is not there is a sentence."""
    from core.export.html_deck import deck_of  # noqa: PLC0415  # a second that the server's start need not wait for

    try:
        actor = of_request(request.scope)
    except Forbidden as forbidden:
        return PlainTextResponse(f"{forbidden}\n", 403)
    try:
        with nullcontext() if actor is None else acting_as(actor), ResultStore(open_home().database) as store:
            _, text = deck_of(store, request.path_params["deck"])
    except WrongInput as wrong:
        return PlainTextResponse(f"{wrong}\n", 404)
    return HTMLResponse(text, headers={"cache-control": "no-store"})


ROUTE = Route("/stage/{deck}", stage)
