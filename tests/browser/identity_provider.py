"""A small identity provider on this machine, for tests: OpenID Connect's code flow with PKCE, RS256 tokens, over plain HTTP on loopback.

At its page of names one click logs in as that person. It believes everybody; what it says of each is what the test gave it.
"""

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
import hashlib
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import json
import secrets
from threading import Thread
import time
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "forgetscope-tests", "a secret of the tests"


@dataclass
class Provider:
    """people: name -> claims beside those of every token. log: the paths that were asked."""

    people: dict[str, dict[str, Any]]
    url: str = ""
    log: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"use": "sig", "kid": "tests", "alg": "RS256"}))

    def discovery(self) -> dict[str, Any]:
        """What a client must know."""
        ways = {name: f"{self.url}/{name}" for name in ("authorize", "token", "jwks", "userinfo", "end_session")}
        return {
            "issuer": self.url, "authorization_endpoint": ways["authorize"], "token_endpoint": ways["token"], "jwks_uri": ways["jwks"],
            "userinfo_endpoint": ways["userinfo"], "end_session_endpoint": ways["end_session"], "response_types_supported": ["code"],
            "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"], "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        }  # fmt: skip

    def claims(self, name: str, nonce: str = "") -> dict[str, Any]:
        """Of a person's ID token."""
        now = int(time.time())
        usual = {"iss": self.url, "sub": f"sub-{name}", "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": nonce, "name": name.title()}
        said = usual | {"email": f"{name}@lab.example", "email_verified": True} | self.people[name]
        return {key: value for key, value in said.items() if value is not None}

    def token(self, code: str, verifier: str) -> dict[str, Any] | None:
        """None for a code that is not known, was used, or whose verifier is another."""
        asked = self.codes.pop(code, None)
        if asked is None:
            return None
        proof = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        if asked.get("code_challenge", proof) != proof:
            return None
        token = jwt.encode({"alg": "RS256", "kid": "tests"}, self.claims(asked["person"], asked.get("nonce", "")), self.key)
        return {"access_token": secrets.token_hex(16), "token_type": "Bearer", "expires_in": 300, "id_token": token}


@contextmanager
def identity_provider(people: dict[str, dict[str, Any]]) -> Iterator[Provider]:
    """Served on a free port until the block ends."""
    provider = Provider(people)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(provider))
    server.daemon_threads = True
    provider.url = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, name="identity-provider", daemon=True).start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()


def secrets_toml(provider: Provider, url: str, roles: str) -> str:
    """Of a dashboard at that address. roles: the lines of [forgetscope]."""
    return f"""
[auth]
redirect_uri = "{url}/oauth2callback"
cookie_secret = "{hashlib.sha256(url.encode()).hexdigest()}"
client_id = "{CLIENT}"
client_secret = "{SECRET}"
server_metadata_url = "{provider.url}/.well-known/openid-configuration"

[forgetscope]
{roles}
"""


def _handler(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # its name in the library
            asked = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(asked.query).items()}
            provider.log.append(asked.path)
            if asked.path == "/.well-known/openid-configuration":
                self._json(provider.discovery())
            elif asked.path == "/jwks":
                self._json({"keys": [provider.key.as_dict(private=False)]})
            elif asked.path == "/authorize" and "person" in query:
                code = secrets.token_hex(16)
                provider.codes[code] = query
                self._to(f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}")
            elif asked.path == "/authorize":
                ways = [(name, f"/authorize?{asked.query}&{urlencode({'person': name})}") for name in provider.people]
                links = "".join(f'<p><a href="{escape(way)}">{escape(name)}</a></p>' for name, way in ways)
                page = f"<!doctype html><html lang=en><title>Who are you?</title><h1>Who are you?</h1>{links}"
                self._send(200, page.encode(), "text/html")
            elif asked.path == "/end_session":
                self._to(query["post_logout_redirect_uri"])
            else:
                self._send(404, b"", "text/plain")

        def do_POST(self) -> None:  # its name in the library
            body = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
            provider.log.append(self.path)
            token = provider.token(body["code"][0], body.get("code_verifier", [""])[0]) if self.path == "/token" else None
            self._json(token or {"error": "invalid_grant"}, 200 if token else 400)

        def _json(self, plain: dict[str, Any], status: int = 200) -> None:
            self._send(status, json.dumps(plain).encode(), "application/json")

        def _to(self, place: str) -> None:
            self.send_response(302)
            self.send_header("location", place)
            self.send_header("content-length", "0")
            self.end_headers()

        def _send(self, status: int, content: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Nothing on the terminal."""

    return Handler
