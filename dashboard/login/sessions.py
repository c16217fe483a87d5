"""Who acts in a page's script and behind a request: one answer for both, asked anew at each action."""

from collections.abc import Callable
import json
import logging
from typing import Any, TypeVar
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.types import Message, Scope
import streamlit as st
from streamlit import config
from streamlit.auth_util import get_cookie_with_chunks, get_origin_from_redirect_uri, get_secrets_auth_section
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.web.server.server_util import get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from core.domain.errors import WrongInput
from core.storage.access import actors
from core.storage.access.actors import Actor, Forbidden, acting_as
from dashboard.login import access_file, identity
from dashboard.login.access_file import Access

LOG = logging.getLogger(__name__)
_decided: list[bool] = []  # whether a login is on, once that was asked; it stays so while the server runs
# Under these names the server hands out what pages hold, or takes files; its other addresses are code and signs of life.
CLOSED = ("media", "component", "stage", "app")
OPEN = ("health", "host-config", "stream")  # below _stcore
UPLOADS = "upload_file"
ORDERS = ("clear_cache", "set_run_on_save", "load_git_info")  # messages that clear everybody's caches, or tell of the server's folder
T = TypeVar("T")


def install() -> bool:
    """Whether a login is on; from then on who acts is asked of the session. Harmless at any time."""
    if not _decided:
        _decided.append(access_file.is_asked_for() or bool(get_secrets_auth_section()))
        if _decided[0]:
            actors.install(acting)
            origin = urlsplit(get_origin_from_redirect_uri() or "")
            if origin.scheme == "http" and origin.hostname not in access_file.HERE:
                LOG.warning("redirect_uri begins with http://: whoever listens on the network can take over a login. Use HTTPS.")
    return _decided[0]


def is_on() -> bool:
    """Whether a login is on."""
    return bool(_decided) and _decided[0]


def acting() -> Actor:
    """Who acts in this script. Raises Forbidden."""
    claims = _claims()
    return identity.actor_of(claims, _access())


def of_request(scope: Scope) -> Actor | None:
    """Who asks; None where no login is on. Raises Forbidden."""
    return identity.actor_of(_of_cookies(scope), _access()) if is_on() else None


def why_closed(scope: Scope) -> str:
    """'' where this request may pass, else a sentence: what is not code alone is for those who are logged in."""
    if not is_on() or scope["type"] != "http":
        return ""
    parts = _below_base(str(scope["path"]))
    if parts == ["auth", "logout"]:
        _end(_of_cookies(scope))
        return ""
    core = parts[:1] == ["_stcore"]
    if not parts or not (parts[0] in CLOSED or (core and (len(parts) != 2 or parts[1] not in OPEN))):
        return ""
    try:
        actor = identity.actor_of(_of_cookies(scope), _access())
    except Forbidden as forbidden:
        return str(forbidden)
    if UPLOADS in parts and actor.member is None and scope["method"] not in ("GET", "OPTIONS"):
        return actors.CHANGES_NOTHING
    return "The agent API is off where a login is on." if core and parts[1:2] == ["agent"] else ""


def _below_base(path: str) -> list[str]:
    """Its parts, without the path that the server is below: some addresses are asked with it and some without."""
    parts = [part for part in path.split("/") if part]
    base = [part for part in str(config.get_option("server.baseUrlPath") or "").split("/") if part]
    return parts[len(base) :] if base and parts[: len(base)] == base else parts


def later(make: Callable[[], T]) -> Callable[[], T]:
    """What a page leaves to be made when it is asked for, outside of its script: as who drew the page, where he may then still look."""
    if not is_on():
        return make
    claims = _claims()

    def made() -> T:
        with acting_as(identity.actor_of(claims, _access())):
            return make()

    return made


def without_orders(message: Message) -> Message:
    """Of a websocket's message: a sign of life in place of orders to the whole server, which any window may send, logged in or not."""
    content = message.get("bytes")
    if not is_on() or message["type"] != "websocket.receive" or not content:
        return message
    try:
        kind = BackMsg.FromString(content).WhichOneof("type")
    except Exception:  # protobuf's word for what is no message: Streamlit ends the connection
        return message
    if kind not in ORDERS:
        return message
    alive = BackMsg()
    alive.app_heartbeat = True
    return {**message, "bytes": alive.SerializeToString()}


def log_out() -> None:
    """A callback: the login ends in every window that has it, and at the provider where that can be."""
    _end(_claims())
    st.logout()


def providers() -> Access:
    """What the login page shows. Raises Forbidden."""
    return _access()


def claims_are_of_somebody() -> bool:
    """Whether this session has logged in, let in or not."""
    try:
        return _claims().get("is_logged_in") is True
    except Forbidden:
        return False


def _access() -> Access:
    try:
        return access_file.read()
    except WrongInput as wrong:
        raise Forbidden(str(wrong)) from None


def _claims() -> dict[str, Any]:
    context = get_script_run_ctx(suppress_warning=True)
    if context is None:
        raise Forbidden(identity.NOT_LOGGED_IN)  # a thread that belongs to nobody's page
    return dict(context.user_info)


def _end(claims: dict[str, Any]) -> None:
    try:
        hours = _access().hours
    except Forbidden:
        hours = access_file.HOURS[1]
    identity.end(claims, hours)


def _of_cookies(scope: Scope) -> dict[str, Any]:
    """What Streamlit's signed cookie says; nothing where there is none that is whole, signed by this server and for its own address."""
    cookies, secret = HTTPConnection(scope).cookies, get_cookie_secret()

    def one(name: str) -> bytes | None:
        value = cookies.get(name)
        try:
            return None if value is None else decode_signed_value(secret, name, value.encode("latin-1"))
        except UnicodeEncodeError:
            return None

    try:
        found = json.loads(get_cookie_with_chunks(one, USER_COOKIE_NAME) or b"{}")
    except ValueError:
        return {}
    whole = isinstance(found, dict) and found.get("origin") == get_origin_from_redirect_uri()
    return found if whole else {}
