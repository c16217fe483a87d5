"""Refuses requests of foreign hosts and origins before Streamlit handles them, and adds security headers.

Streamlit 1.67 serves its frame to any host name and leaves the page blank when the websocket is then refused, asks a server
outside for this machine's address when a foreign page tries to connect, and sends no Content-Security-Policy.
"""

from collections.abc import Iterable
import logging
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import config
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

from dashboard.login.sessions import is_on, why_closed, without_orders

LOG = logging.getLogger(__name__)
# 'unsafe-inline' and 'unsafe-eval': Streamlit's own page, its components and Plotly need them. Nothing is loaded
# from other servers: no image, script, font or connection. `blob:` and `data:` are made inside the page.
POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "frame-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
LONGEST = 100  # letters of a header that a response repeats
HOST_HELP = (
    "This dashboard answers only to the names in server.allowedHosts ({allowed}); it was asked as {host}.\n\n"
    "On another machine, the simplest and safest way is a tunnel: run\n\n"
    "    ssh -L 8501:localhost:8501 {host}\n\n"
    "on your own machine (with the dashboard's port in place of both 8501) and open http://localhost:8501.\n"
    "Else start it with --server.allowedHosts {host}; whoever reaches it can then use it. README, On another machine, says more.\n"
)
ORIGIN_HELP = (
    "A page of {origin} asked, which is not where this dashboard lives. Where that is a proxy of yours, start the dashboard with "
    "--server.corsAllowedOrigins {origin}. README, On another machine, says more.\n"
)


class Gate:
    """ASGI middleware: refuses foreign hosts and origins, and where a login is on what is not for who asks; adds `HEADERS` to responses."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI's own signature; `lifespan` and other messages that are no requests pass."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = with_headers(message.get("headers", ()))
            await send(message)

        refused = why_refused(scope)
        if not refused and (closed := why_closed(scope)):
            await PlainTextResponse(f"{closed}\n", 403)(scope, receive, answer)
            return
        if not refused:
            await self.app(scope, self._heard(scope, receive), answer)
            return
        LOG.warning("%s", refused.splitlines()[0])
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "host or origin not allowed"})
        else:
            await PlainTextResponse(refused, 403)(scope, receive, answer)

    def _heard(self, scope: Scope, receive: Receive) -> Receive:
        """What Streamlit hears: where a login is on, no orders to the whole server."""
        if scope["type"] != "websocket" or not is_on():
            return receive

        async def hear() -> Message:
            return without_orders(await receive())

        return hear


def with_headers(given: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The response's headers and ours, which replace its own of the same names."""
    ours = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
    return [*(pair for pair in given if pair[0].lower().decode("latin-1") not in HEADERS), *ours]


def why_refused(scope: Scope) -> str:
    """'' for an allowed request, else sentences that name the host or origin and how to allow it."""
    headers = {name.lower().decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    host, origin = headers.get("host"), headers.get("origin")
    if not is_host_allowed(host):
        name = _printable(_hostname(f"//{host or ''}"))
        return HOST_HELP.format(allowed=", ".join(config.get_option("server.allowedHosts")), host=name)
    if origin is not None and not _may_ask(origin, host or ""):
        return ORIGIN_HELP.format(origin=_printable(origin))
    return ""


def _may_ask(origin: str, host: str) -> bool:
    """The same host and port, or one that the settings name; Streamlit would also take any port of this machine."""
    if not config.get_option("server.enableCORS"):
        return True
    if _netloc(origin) == host.lower():
        return True
    return origin.rstrip("/").lower() in {str(one).rstrip("/").lower() for one in config.get_option("server.corsAllowedOrigins")}


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:  # an address with half a bracket
        return ""


def _hostname(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _printable(text: str) -> str:
    """The printable letters, at most LONGEST of them."""
    return "".join(letter for letter in text if letter.isprintable())[:LONGEST] or "no name"
