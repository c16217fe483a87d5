"""Who may do what, as `[auth]` and `[forgetscope]` in Streamlit's secrets.toml say it: whole or not at all, and anew when it changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
import os
from pathlib import Path
import re
import tomllib
from typing import Any
from urllib.parse import urlsplit

from streamlit import config

from core.domain.errors import WrongInput
from core.domain.json_checks import is_readable
from core.storage.access.actors import ADMIN, MEMBER, READER

WANTED = "FORGETSCOPE_LOGIN"  # 1: without a login nobody is let in
LISTS = {"admins": ADMIN, "members": MEMBER, "readers": READER}
REFUSED = "refused"
KEYS = (*LISTS, "others", "hours", "name", "contact")
PROVIDER = ("client_id", "client_secret", "server_metadata_url")
LARGEST = 2**20  # bytes of the file
SECRET, TEXT, ENTRIES = 32, 200, 10_000  # letters of a cookie_secret at least, of a name at most; people that are listed
HOURS = (0.1, 24 * 30)  # for which a login may hold; Streamlit's cookie ends after 30 days
# ASCII alone: letters that only look alike, or become one another when they are made small, are another's address.
ADDRESS = re.compile(r"[a-z0-9.!#$%&'+/=?^_`{|}~-]{1,64}@[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?", re.IGNORECASE | re.ASCII)
HERE = ("127.0.0.1", "localhost", "::1")
Stamps = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class Access:
    """roles: address, or `*@domain`, in small letters -> role. others: role of who else logs in; '' for none. hours: a login holds so long.

    name, contact: who runs this server. providers: name of each in Streamlit's own terms -> as people call it.
    """

    roles: Mapping[str, str]
    others: str = ""
    hours: float = 12.0
    name: str = "Forgetscope"
    contact: str = ""
    providers: tuple[tuple[str, str], ...] = ()

    def role_of(self, address: str) -> str:
        """Of an address in small letters; '' where it has none."""
        return self.roles.get(address) or self.roles.get(f"*@{address.rpartition('@')[2]}") or self.others


def is_asked_for() -> bool:
    """Whether a login is on: anything of it is configured, or wanted, or a file that may do so cannot be read."""
    try:
        plain, _ = _merged(_stamps())
    except WrongInput:
        return True
    return os.environ.get(WANTED, "") not in ("", "0") or not {"auth", "forgetscope"}.isdisjoint(plain)


def read() -> Access:
    """As the files are now. Raises WrongInput, in one sentence, for anything that is not as it must be."""
    return _read(_stamps(), str(config.get_option("server.trustedUserHeaders") or ""))


@lru_cache(maxsize=4)
def _read(stamps: Stamps, headers: str) -> Access:
    plain, places = _merged(stamps)
    if headers:
        raise _wrong("server.trustedUserHeaders is set, by which any proxy could say who somebody is; take it out")
    for table in ("auth", "forgetscope"):
        if not isinstance(plain.get(table), dict):
            raise _wrong(f"a login is wanted, but there is no table [{table}] in {places or 'secrets.toml'}")
    return _access(plain["forgetscope"], _providers(plain["auth"]))


def _stamps() -> Stamps:
    """The files that there are, and when they changed."""
    found = []
    for path in config.get_option("secrets.files"):
        try:
            about = os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise _wrong(f"{path} cannot be read ({error.strerror})") from None
        found.append((str(path), about.st_mtime_ns, about.st_size))
    return tuple(found)


def _merged(stamps: Stamps) -> tuple[dict[str, Any], str]:
    """As Streamlit puts them together: the later file's tables in place of the earlier's. And where they lie."""
    plain = dict[str, Any]()
    for path, _, size in stamps:
        try:
            if size > LARGEST:
                raise _wrong(f"{path} is larger than {LARGEST // 2**20} MB")
            plain |= tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
            why = f"{error.strerror}" if isinstance(error, OSError) else "it is no TOML"
            raise _wrong(f"{path} cannot be read ({why})") from None
    return plain, " and ".join(path for path, _, _ in stamps)


def _providers(auth: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Each that is whole. Raises WrongInput."""
    if len(_text(auth, "[auth]", "cookie_secret", most=10_000)) < SECRET:
        raise _wrong(f"cookie_secret in [auth] has fewer than {SECRET} letters; `openssl rand -hex 32` makes one")
    address = urlsplit(_text(auth, "[auth]", "redirect_uri", most=2000))
    if address.scheme not in ("http", "https") or not address.netloc or not address.path.endswith("/oauth2callback"):
        raise _wrong("redirect_uri in [auth] is not an address of this server that ends in /oauth2callback")
    tables = {name: table for name, table in auth.items() if isinstance(table, dict) and name != "client_kwargs"}
    if any(key in auth for key in PROVIDER):
        tables = {"default": auth, **tables}
    if not tables:
        raise _wrong(f"[auth] names no identity provider ({', '.join(PROVIDER)})")
    for name, table in tables.items():
        if "_" in name:
            raise _wrong(f"the provider [auth.{name}] has a name with an underscore, which Streamlit does not take")
        for key in PROVIDER:
            _text(table, "[auth]" if table is auth else f"[auth.{name}]", key, most=2000)
        where = urlsplit(table["server_metadata_url"])
        if where.scheme != "https" and not (where.scheme == "http" and where.hostname in HERE):
            raise _wrong("server_metadata_url in [auth] does not begin with https://")
    return tuple((name, "" if name == "default" else str(name).capitalize()) for name in tables)


def _access(table: dict[str, Any], providers: tuple[tuple[str, str], ...]) -> Access:
    """Raises WrongInput."""
    if unknown := sorted(set(table) - set(KEYS)):
        raise _wrong(f"[forgetscope] has {unknown[0]!r:.60}, which is none of {', '.join(KEYS)}")
    roles = dict[str, str]()
    for name, role in LISTS.items():
        listed = table.get(name, [])
        if not isinstance(listed, list) or len(listed) > ENTRIES:
            raise _wrong(f"{name} in [forgetscope] is no list of at most {ENTRIES:,} e-mail addresses")
        for entry in listed:
            found = _entry(entry, name)
            if roles.setdefault(found, role) != role:
                raise _wrong(f"{found} has two roles in [forgetscope]")
    others = table.get("others", REFUSED)
    if others not in (REFUSED, READER):
        raise _wrong(f"others in [forgetscope] is neither {REFUSED!r} nor {READER!r}")
    hours = table.get("hours", Access.hours)
    if type(hours) not in (int, float) or not HOURS[0] <= hours <= HOURS[1]:
        raise _wrong(f"hours in [forgetscope] is no number from {HOURS[0]:g} to {HOURS[1]:g}")
    words = {key: _text(table, "[forgetscope]", key) for key in ("name", "contact") if key in table}
    return Access(roles, "" if others == REFUSED else READER, float(hours), providers=providers, **words)


def _entry(entry: object, name: str) -> str:
    """In small letters. Raises WrongInput where it is neither an address nor `*@domain`."""
    text = entry.strip().lower() if isinstance(entry, str) else ""
    if not ADDRESS.fullmatch(text.replace("*", "anybody", 1) if text.startswith("*@") else text):
        raise _wrong(f"{name} in [forgetscope] has {entry!r:.80}, which is neither an e-mail address nor *@ and a domain")
    return text


def _text(table: dict[str, Any], where: str, key: str, most: int = TEXT) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value.strip() or len(value) > most or not is_readable(value):
        raise _wrong(f"{key} in {where} is missing, or no readable text")
    return value


def _wrong(what: str) -> WrongInput:
    return WrongInput(f"Nobody is let in, because the configuration of this server's login is not right: {what}.")
