"""`/stage/<deck>`: the deck's file itself, under the gate of every other address."""

from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware

from core.export.html_deck import deck_of
from core.storage.audience import decks
from core.storage.audience.decks import Slide
from core.storage.home import open_home
from core.storage.runs import ResultStore
from dashboard.http_gate import HEADERS, Gate
from dashboard.stage import ROUTE
from tests.dashboard.conftest import apart

APP = Starlette(routes=[ROUTE], middleware=[Middleware(Gate)])


def get(path: str, app: Starlette = APP, **headers: str) -> tuple[int, dict[str, str], str]:
    """Status, headers and text, as a server asks an ASGI app; no socket is opened."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    given = [(name.encode(), value.encode()) for name, value in {"host": "localhost:8501", **headers}.items()]
    scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "root_path": "", "query_string": b"",
             "headers": given, "http_version": "1.1", "scheme": "http", "server": ("localhost", 8501)}  # fmt: skip
    apart(app(scope, receive, send))
    text = b"".join(message.get("body", b"") for message in sent[1:]).decode()
    return sent[0]["status"], {name.decode(): value.decode() for name, value in sent[0]["headers"]}, text


def test_the_stage_is_the_deck_s_file_and_the_gate_stands_before_it(tmp_path, monkeypatch):
    monkeypatch.setenv("FORGETSCOPE_HOME", str(tmp_path / "home"))
    with ResultStore(open_home().database) as store:
        deck = decks.make(store, "Talk", [Slide("text", "One <b>idea</b>")])
        file = deck_of(store, deck)[1]
    status, headers, text = get(f"/stage/{deck}")
    assert (status, text) == (200, file)
    assert "One &lt;b&gt;idea&lt;/b&gt;" in text
    assert {name: headers[name] for name in HEADERS} == HEADERS
    assert (headers["content-type"], headers["cache-control"]) == ("text/html; charset=utf-8", "no-store")
    status, headers, text = get("/stage/nothing")
    assert (status, headers["content-type"]) == (404, "text/plain; charset=utf-8")
    assert text == "There is no deck 'nothing'; the page Present lists those that are there.\n"
    assert get(f"/stage/{deck}", host="elsewhere.example")[0] == 403
    assert get(f"/stage/{deck}", origin="https://elsewhere.example")[0] == 403
