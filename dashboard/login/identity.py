"""From what an identity provider said of a person to who acts: refused wherever anything is missing, old or not known."""

from collections.abc import Mapping
import hashlib
import json
from threading import Lock
import time
from typing import Any

from core.domain.json_checks import is_readable
from core.storage.access.actors import Actor, Forbidden
from dashboard.login.access_file import ADDRESS, Access

NOT_LOGGED_IN = "Log in to look at this server's runs."
AHEAD = 300.0  # seconds by which a provider's clock may be ahead
NAME = 80  # letters of a person's name
_OF_LOGIN = ("iss", "sub", "aud", "iat", "nonce", "at_hash", "jti", "sid", "email")  # what tells one login from the next
_lock = Lock()
_ended: dict[str, float] = {}  # logins that were ended here -> when
Claims = Mapping[str, Any]


def actor_of(claims: Claims, access: Access) -> Actor:
    """claims: as Streamlit's signed cookie has them. Raises Forbidden, in one sentence."""
    if claims.get("is_logged_in") is not True:
        raise Forbidden(NOT_LOGGED_IN)
    address = claims.get("email")
    if not isinstance(address, str) or not ADDRESS.fullmatch(address.strip()) or not is_readable(address):
        raise Forbidden("Your identity provider names no e-mail address, by which this server knows people; ask its admin.")
    address = address.strip().lower()
    if claims.get("email_verified") not in (True, "true"):
        raise Forbidden(f"Your identity provider does not say that it has verified {address}; verify it there and log in again.")
    issued, now = claims.get("iat"), time.time()
    if isinstance(issued, bool) or not isinstance(issued, int | float) or not now - access.hours * 3600 <= issued <= now + AHEAD:
        raise Forbidden(f"This login is older than {access.hours:g} hours, or says of no time; log in again.")
    if _key(claims) in _ended:
        raise Forbidden("You have logged out; log in again to go on.")
    role = access.role_of(address)
    if not role:
        ask = f"; ask {access.contact}" if access.contact else "; ask its admin"
        raise Forbidden(f"{address} is not among those whom this server lets in{ask}.")
    name = claims.get("name")
    shown = name.strip()[:NAME] if isinstance(name, str) and name.strip() and is_readable(name) else address
    return Actor(address, role, shown)


def end(claims: Claims, hours: float) -> None:
    """That login is over, in every window that has it. hours: for which one holds; older ones need not be remembered."""
    if claims.get("is_logged_in") is not True:
        return
    with _lock:
        before = time.time() - hours * 3600 - AHEAD
        for key in [key for key, when in _ended.items() if when < before]:
            del _ended[key]
        _ended[_key(claims)] = time.time()


def _key(claims: Claims) -> str:
    said = json.dumps([claims.get(name) for name in _OF_LOGIN], sort_keys=True, default=str)
    return hashlib.sha256(said.encode(errors="replace")).hexdigest()
