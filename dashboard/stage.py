"""Serves `/stage/<deck>`: a deck's one HTML file, without Streamlit's frame. The same file that Present downloads."""

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from core.domain.errors import WrongInput
from core.storage.home import open_home
from core.storage.runs import ResultStore


def stage(request: Request) -> Response:
    """Starlette calls it in a thread of its own; a deck that is not there is a sentence."""
    from core.export.html_deck import deck_of  # noqa: PLC0415  # a second that the server's start need not wait for

    try:
        with ResultStore(open_home().database) as store:
            _, text = deck_of(store, request.path_params["deck"])
    except WrongInput as wrong:
        return PlainTextResponse(f"{wrong}\n", 404)
    return HTMLResponse(text, headers={"cache-control": "no-store"})


ROUTE = Route("/stage/{deck}", stage)
