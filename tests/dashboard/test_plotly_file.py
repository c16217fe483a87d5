"""`/plotly/<version>.js`: the installed version's script alone, kept by the browser, under the gate of every other address."""

from plotly.offline import get_plotlyjs
from starlette.applications import Starlette
from starlette.middleware import Middleware

from core.figures.plotly_script import VERSION
from dashboard.http_gate import HEADERS, Gate
from dashboard.plotly_file import ROUTE
from tests.dashboard.test_stage import get

APP = Starlette(routes=[ROUTE], middleware=[Middleware(Gate)])


def test_plotly_s_script_is_served_to_this_origin_and_kept():
    status, headers, text = get(f"/plotly/{VERSION}.js", APP)
    assert status == 200
    assert text == get_plotlyjs()
    assert f"plotly.js v{VERSION}" in text[:200]
    assert (headers["content-type"], headers["cache-control"]) == (
        "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"
    )  # fmt: skip
    assert {name: headers[name] for name in HEADERS} == HEADERS
    assert get(f"/plotly/{VERSION}.js", APP, host="elsewhere.example")[0] == 403
    assert get(f"/plotly/{VERSION}.js", APP, origin="https://elsewhere.example")[0] == 403


def test_another_version_is_not_there_and_is_not_kept():
    status, headers, text = get("/plotly/0.1.0.js", APP)
    assert (status, text) == (404, f"This server has Plotly {VERSION}; reload the page.\n")
    assert "cache-control" not in headers
