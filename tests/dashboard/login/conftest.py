"""A server with a login, without a socket: a file of secrets, and what a provider would say of somebody."""

from collections.abc import Callable
import json
from pathlib import Path
import time
from typing import Any

import pytest
from streamlit import config
from streamlit.runtime.secrets import secrets_singleton
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from core.storage.access import actors
from dashboard.login import sessions

COOKIE_SECRET = "0123456789abcdef" * 4
URL = "https://lab.example"
AUTH = f"""
[auth]
redirect_uri = "{URL}/oauth2callback"
cookie_secret = "{COOKIE_SECRET}"
client_id = "id"
client_secret = "secret"
server_metadata_url = "https://login.example/.well-known/openid-configuration"
"""
ROLES = """
[forgetscope]
admins = ["ada@lab.example"]
members = ["ben@lab.example", "zoe@lab.example"]
readers = ["*@lab.example"]
"""
Write = Callable[[str], Path]


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes the file of secrets; the first time, and again later."""
    path = tmp_path / "secrets.toml"
    told = config.get_option

    def option(name: str) -> Any:
        return [str(path)] if name == "secrets.files" else told(name)

    monkeypatch.setattr(config, "get_option", option)

    def write(text: str) -> Path:
        path.write_text(text, encoding="utf-8")
        secrets_singleton._reset()
        return path

    return write


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Nothing was decided yet about a login, and nothing is when the test is over."""
    monkeypatch.setattr(sessions, "_decided", [])
    monkeypatch.setattr("dashboard.login.identity._ended", {})
    secrets_singleton._reset()
    yield
    actors.uninstall()
    secrets_singleton._reset()


@pytest.fixture
def login(secrets: Write, fresh: None) -> Write:
    """A login is on; what it gives writes other roles."""
    secrets(AUTH + ROLES)
    assert sessions.install()
    return secrets


def claims(who: str, **about: Any) -> dict[str, Any]:
    """Of somebody who logged in just now."""
    now = time.time()
    usual = {"is_logged_in": True, "iss": "https://login.example", "sub": who, "iat": now, "exp": now + 300, "nonce": who}
    return usual | {"name": who.title(), "email": f"{who}@lab.example", "email_verified": True} | about


def cookie(who: str, *, secret: str = COOKIE_SECRET, origin: str = URL, **about: Any) -> str:
    """As Streamlit sets it."""
    value = create_signed_value(secret, USER_COOKIE_NAME, json.dumps(claims(who, **about) | {"origin": origin, "provider": "default"}))
    return f"{USER_COOKIE_NAME}={value.decode()}"
