"""Serves `/plotly/<version>.js`: Plotly's script, for pages that make a file of a figure. Streamlit keeps its own copy to itself."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

KEPT = "public, max-age=31536000, immutable"  # the address names the version: what it stands for never changes


def script(request: Request) -> Response:
    """Starlette calls it in a thread of its own; another version than the installed one is not there."""
    from core.figures.plotly_script import VERSION, whole_script  # noqa: PLC0415  # Plotly need not be there when the server starts

    if request.path_params["version"] != VERSION:
        return PlainTextResponse(f"This server has Plotly {VERSION}; reload the page.\n", 404)
    return Response(whole_script(), media_type="text/javascript", headers={"cache-control": KEPT})


ROUTE = Route("/plotly/{version}.js", script)
