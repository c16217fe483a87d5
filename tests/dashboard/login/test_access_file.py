"""Who may do what, from a file: whole, or nobody is let in."""

import os

import pytest
from streamlit import config

from core.domain.errors import WrongInput
from dashboard.login import access_file
from tests.dashboard.login.conftest import AUTH, ROLES


def test_without_anything_there_is_no_login(secrets, tmp_path, monkeypatch):
    monkeypatch.delenv(access_file.WANTED, raising=False)
    assert not access_file.is_asked_for()  # no file
    secrets('[other]\nkey = "x"\n')
    assert not access_file.is_asked_for()


@pytest.mark.parametrize("text", [AUTH, ROLES, "[auth]\n", "[auth", "\0", AUTH + ROLES])
def test_half_a_login_is_a_login(secrets, text):
    secrets(text)
    assert access_file.is_asked_for()


def test_one_can_be_demanded(secrets, monkeypatch):
    monkeypatch.setenv(access_file.WANTED, "1")
    assert access_file.is_asked_for()
    with pytest.raises(WrongInput, match=r"Nobody is let in, .* no table \[auth\] in secrets.toml"):
        access_file.read()


def test_a_whole_file_is_read(secrets):
    more = 'others = "reader"\nhours = 2\nname = "Vision lab"\ncontact = "Ada, room 3"\n'
    secrets(AUTH + ROLES + more)
    access = access_file.read()
    assert [access.role_of(one) for one in ("ada@lab.example", "ben@lab.example", "eve@lab.example", "x@else.example")] == [
        "admin", "member", "reader", "reader"
    ]  # fmt: skip
    assert (access.hours, access.name, access.contact, access.providers) == (2.0, "Vision lab", "Ada, room 3", (("default", ""),))


def test_who_is_on_no_list_is_refused_unless_it_says_otherwise(secrets):
    secrets(AUTH + ROLES)
    access = access_file.read()
    strangers = ("x@else.example", "x@sub.lab.example", "x@lab.example.evil", "@lab.example.evil", "")
    assert [access.role_of(one) for one in strangers] == [""] * 5
    secrets(AUTH + "[forgetscope]\n")
    assert access_file.read().role_of("ada@lab.example") == ""


def test_an_address_counts_more_than_its_domain(secrets):
    secrets(AUTH + '[forgetscope]\nmembers = ["*@Lab.Example"]\nreaders = ["Guest@lab.example"]\n')
    access = access_file.read()
    assert (access.role_of("guest@lab.example"), access.role_of("ann@lab.example")) == ("reader", "member")


def test_providers_with_names(secrets):
    one = AUTH[AUTH.index("client_id") :]
    secrets(AUTH[: AUTH.index("client_id")] + f"[auth.google]\n{one}[auth.keycloak]\n{one}" + ROLES)
    assert access_file.read().providers == (("google", "Google"), ("keycloak", "Keycloak"))


def without(text, line):
    lines = text.splitlines()
    assert any(one.startswith(line) for one in lines)
    return "\n".join(one for one in lines if not one.startswith(line)) + "\n"


WRONG = {
    "no TOML": ("[auth", "it is no TOML"),
    "not UTF-8": (b"\xff\xfe".decode("latin-1").encode("latin-1"), "it is no TOML"),
    "no roles": (AUTH, "no table \\[forgetscope\\]"),
    "no auth": (ROLES, "no table \\[auth\\]"),
    "auth is no table": ("auth = 1\n" + ROLES, "no table \\[auth\\]"),
    "roles are no table": ("forgetscope = 1\n" + AUTH, "no table \\[forgetscope\\]"),
    "no cookie_secret": (without(AUTH, "cookie_secret") + ROLES, "cookie_secret in \\[auth\\] is missing"),
    "a short one": (AUTH.replace("0123456789abcdef" * 4, "short") + ROLES, "fewer than 32 letters"),
    "no redirect_uri": (without(AUTH, "redirect_uri") + ROLES, "redirect_uri in \\[auth\\] is missing"),
    "another one": (AUTH.replace("/oauth2callback", "/") + ROLES, "ends in /oauth2callback"),
    "a provider in the clear": (AUTH.replace("https://login", "http://login") + ROLES, "does not begin with https"),
    "no provider": (without(without(without(AUTH, "client_id"), "client_secret"), "server_meta") + ROLES, "names no identity provider"),
    "half a provider": (without(AUTH, "client_secret") + ROLES, "client_secret in \\[auth\\] is missing"),
    "a provider with a line in its name": (AUTH + '[auth.my_own]\nclient_id = "x"\n' + ROLES, "underscore"),
    "a key too many": (AUTH + ROLES + 'admin = ["x@y.z"]\n', "'admin', which is none of"),
    "no list": (AUTH + '[forgetscope]\nadmins = "ada@lab.example"\n', "admins in \\[forgetscope\\] is no list"),
    "no address": (AUTH + '[forgetscope]\nadmins = ["ada"]\n', "'ada', which is neither an e-mail address"),
    "everybody": (AUTH + '[forgetscope]\nadmins = ["*"]\n', "neither an e-mail address"),
    "every domain": (AUTH + '[forgetscope]\nadmins = ["*@*"]\n', "neither an e-mail address"),
    "half a domain": (AUTH + '[forgetscope]\nadmins = ["*@*.example"]\n', "neither an e-mail address"),
    "a star within": (AUTH + '[forgetscope]\nadmins = ["a*@lab.example"]\n', "neither an e-mail address"),
    "a number": (AUTH + "[forgetscope]\nadmins = [1]\n", "neither an e-mail address"),
    "two roles": (AUTH + '[forgetscope]\nadmins = ["a@b.c"]\nreaders = ["A@b.c"]\n', "a@b.c has two roles"),
    "others may everything": (AUTH + '[forgetscope]\nothers = "admin"\n', "neither 'refused' nor 'reader'"),
    "others may something": (AUTH + '[forgetscope]\nothers = "member"\n', "neither 'refused' nor 'reader'"),
    "hours for ever": (AUTH + "[forgetscope]\nhours = 1e9\n", "hours in \\[forgetscope\\]"),
    "hours that are none": (AUTH + "[forgetscope]\nhours = nan\n", "hours in \\[forgetscope\\]"),
    "hours that are true": (AUTH + "[forgetscope]\nhours = true\n", "hours in \\[forgetscope\\]"),
    "a name of many lines": (AUTH + '[forgetscope]\nname = "a\\nb"\n', "name in \\[forgetscope\\]"),
}


@pytest.mark.parametrize("case", WRONG)
def test_anything_else_lets_nobody_in(secrets, case):
    text, said = WRONG[case]
    path = secrets(text if isinstance(text, str) else "")
    if isinstance(text, bytes):
        path.write_bytes(text)
    with pytest.raises(WrongInput, match=f"^Nobody is let in, .*{said}.*\\.$"):
        access_file.read()


def test_headers_of_a_proxy_say_nothing(secrets, monkeypatch):
    secrets(AUTH + ROLES)
    told = config.get_option
    monkeypatch.setattr(config, "get_option", lambda name: {"X-User": "email"} if name == "server.trustedUserHeaders" else told(name))
    with pytest.raises(WrongInput, match="trustedUserHeaders"):
        access_file.read()


def test_a_file_that_nobody_may_read_or_is_too_large(secrets, monkeypatch):
    path = secrets(AUTH + ROLES)
    monkeypatch.setattr(access_file, "LARGEST", 10)
    with pytest.raises(WrongInput, match="larger than"):
        access_file.read()
    monkeypatch.undo()
    monkeypatch.setattr(config, "get_option", {"secrets.files": [str(path / "below")], "server.trustedUserHeaders": {}}.__getitem__)
    assert not access_file.is_asked_for()  # there is none


def test_a_change_of_the_file_counts_at_once(secrets):
    path = secrets(AUTH + ROLES)
    assert access_file.read().role_of("ben@lab.example") == "member"
    secrets(AUTH + ROLES.replace("ben@", "bob@"))
    assert access_file.read().role_of("ben@lab.example") == "reader"
    same = path.read_text().replace("bob@", "ben@")
    os.utime(path, ns=(1, 1))
    path.write_text(same)
    assert access_file.read().role_of("ben@lab.example") == "member"
    path.unlink()
    with pytest.raises(WrongInput, match="no table"):
        access_file.read()
