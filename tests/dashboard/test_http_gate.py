"""What the server refuses before Streamlit sees it, asked as a server asks an ASGI app; no socket is opened."""

import socket
from typing import Any

import pytest
from streamlit import config
from streamlit.web.server import server_util

from dashboard.http_gate import HEADERS, Gate, why_refused
from tests.dashboard.conftest import apart

HOSTS = ["127.0.0.1", "localhost"]


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """As .streamlit/config.toml has them; a test changes what it is about."""
    told: dict[str, Any] = {"server.allowedHosts": HOSTS, "server.enableCORS": True, "server.corsAllowedOrigins": []}
    monkeypatch.setattr(config, "get_option", told.__getitem__)
    return told


def asked(kind: str = "http", **headers: str) -> list[dict[str, Any]]:
    """The messages that a request with these headers gets; `inner` stands for Streamlit and answers 200."""
    sent: list[dict[str, Any]] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"X-Frame-Options", b"ALLOWALL"), (b"etag", b"1")]})

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    given = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    scope = {"type": kind, "method": "GET", "path": "/", "headers": given}
    apart(Gate(inner)(scope, None, send))  # type: ignore[arg-type]
    return sent


def test_every_answer_tells_the_browser_what_a_page_may_do():
    for host in ("localhost:8501", "elsewhere.example"):
        [start, *_] = asked(host=host)
        told = {name.decode().lower(): value.decode() for name, value in start["headers"]}
        assert {name: told[name] for name in HEADERS} == HEADERS
        assert [name for name, _ in start["headers"]].count(b"X-Frame-Options") == 0  # ours took its place
    policy = dict(part.split(" ", 1) for part in HEADERS["content-security-policy"].split("; "))
    assert policy["frame-ancestors"] == "'none'"
    assert policy["object-src"] == "'none'"
    assert not [value for value in policy.values() if "http" in value or "*" in value]  # no address but this server's


@pytest.mark.parametrize(
    "host, passes",
    [("localhost:8501", True), ("127.0.0.1", True), ("LOCALHOST:1", True), ("gpubox.example:8501", False), ("", False),
     ("localhost.evil.example", False), ("[::1", False), ("evil@localhost", False), ("\xff", False)],
)  # fmt: skip
def test_only_the_names_in_the_settings_are_answered_to(host, passes):
    [start, *rest] = asked(host=host)
    assert (start["status"] == 200) == passes
    if not passes:
        text = rest[0]["body"].decode()
        assert start["status"] == 403
        assert "ssh -L" in text
        assert "server.allowedHosts (127.0.0.1, localhost)" in text


def test_the_sentence_names_the_host_that_was_asked_for_and_repeats_no_endless_one():
    assert "ssh -L 8501:localhost:8501 gpubox.example" in asked(host="gpubox.example")[1]["body"].decode()
    assert len(asked(host="x" * 60_000)[1]["body"]) < 2000


@pytest.mark.parametrize(
    "origin, passes",
    [("http://localhost:8501", True), ("http://localhost:8502", False), ("https://elsewhere.example", False), ("null", False),
     ("http://[::1", False), ("https://localhost:8501.evil.example", False)],
)  # fmt: skip
def test_a_page_of_elsewhere_gets_no_connection(origin, passes):
    [start, *_] = asked("websocket", host="localhost:8501", origin=origin)
    if passes:
        assert start["type"] == "http.response.start"  # of the app that stands for Streamlit
    else:
        assert (start["type"], start["code"]) == ("websocket.close", 1008)


def test_a_proxy_in_the_settings_passes(settings):
    settings["server.corsAllowedOrigins"] = ["https://hub.example/"]
    assert asked("websocket", host="localhost:8501", origin="https://HUB.example")[0]["type"] == "http.response.start"
    assert asked("websocket", host="localhost:8501", origin="https://other.example")[0]["type"] == "websocket.close"


def test_nobody_asks_a_server_outside_for_this_machines_address(monkeypatch):
    def outside(*_: Any, **__: Any) -> Any:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", outside)
    monkeypatch.setattr(server_util.net_util, "get_external_ip", outside)  # which Streamlit's own check falls back on
    asked("websocket", host="localhost:8501", origin="https://elsewhere.example")
    asked(host="elsewhere.example")


def test_what_is_no_request_passes():
    scope = {"type": "http", "headers": [(b"host", b"localhost"), (b"origin", b"http://localhost")]}
    assert why_refused(scope) == ""  # type: ignore[arg-type]
    assert asked("lifespan")[0]["status"] == 200
