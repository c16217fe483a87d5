"""From claims to who acts: anything missing, old or unknown is a refusal."""

import time

import pytest

from core.storage.access.actors import Actor, Forbidden
from dashboard.login import identity
from dashboard.login.access_file import Access
from tests.dashboard.login.conftest import claims

ACCESS = Access({"ada@lab.example": "admin", "*@lab.example": "reader"}, hours=2)


@pytest.fixture(autouse=True)
def _nobody_has_logged_out(monkeypatch):
    monkeypatch.setattr(identity, "_ended", {})


def test_somebody_who_is_known():
    assert identity.actor_of(claims("ada"), ACCESS) == Actor("ada@lab.example", "admin", "Ada")
    eve = Actor("eve@lab.example", "reader", "eve@lab.example")
    assert identity.actor_of(claims("eve", email=" Eve@LAB.example ", name=None), ACCESS) == eve
    assert identity.actor_of(claims("eve", email_verified="true"), ACCESS).role == "reader"


NOW = time.time()
REFUSED = {
    "nobody": ({"is_logged_in": False}, "Log in"),
    "a word for true": ({"is_logged_in": "true"}, "Log in"),
    "one": ({"is_logged_in": 1}, "Log in"),
    "no address": ({"email": None}, "names no e-mail address"),
    "a list": ({"email": ["ada@lab.example"]}, "names no e-mail address"),
    "two addresses": ({"email": "ada@lab.example, eve@lab.example"}, "names no e-mail address"),
    "a pattern": ({"email": "*@lab.example"}, "names no e-mail address"),
    "letters that cannot be seen": ({"email": "ada\u202e@lab.example"}, "names no e-mail address"),
    "letters that look alike": ({"email": "\u0430da@lab.example"}, "names no e-mail address"),
    "a letter that becomes another": ({"email": "\u212aate@lab.example"}, "names no e-mail address"),
    "not verified": ({"email_verified": False}, "does not say that it has verified"),
    "nothing said of it": ({"email_verified": None}, "does not say that it has verified"),
    "verified by a number": ({"email_verified": 1.5}, "does not say that it has verified"),
    "too old": ({"iat": NOW - 2 * 3600 - 60}, "older than 2 hours"),
    "of no time": ({"iat": None}, "older than 2 hours"),
    "of a time that is true": ({"iat": True}, "older than 2 hours"),
    "of a word": ({"iat": str(NOW)}, "older than 2 hours"),
    "from the future": ({"iat": NOW + 3600}, "older than 2 hours"),
    "of no number": ({"iat": float("nan")}, "older than 2 hours"),
    "unknown": ({"email": "ada@else.example"}, "not among those"),
    "a longer domain": ({"email": "ada@lab.example.evil"}, "not among those"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_who_is_refused(case):
    about, said = REFUSED[case]
    if case == "verified by a number":
        assert 1.5 not in (True, "true")
    with pytest.raises(Forbidden, match=said):
        identity.actor_of(claims("ada") | about, ACCESS)


def test_a_login_that_was_ended_is_over_and_others_of_the_same_person_are_not():
    here, elsewhere = claims("ada"), claims("ada", nonce="other")
    identity.end(here, 2)
    with pytest.raises(Forbidden, match="You have logged out"):
        identity.actor_of(here, ACCESS)
    with pytest.raises(Forbidden, match="You have logged out"):
        identity.actor_of({**here, "tokens": {"id": "x"}, "provider": "default"}, ACCESS)  # as another window has it
    assert identity.actor_of(elsewhere, ACCESS).role == "admin"


def test_what_is_remembered_of_ended_logins_does_not_grow_for_ever(monkeypatch):
    for number in range(5):
        identity.end(claims("ada", nonce=str(number)), 2)
    assert len(identity._ended) == 5
    later = time.time() + 3 * 3600
    monkeypatch.setattr(time, "time", lambda: later)
    identity.end(claims("ada", nonce="new"), 2)
    assert len(identity._ended) == 1
    identity.end({"is_logged_in": False}, 2)
    assert len(identity._ended) == 1


def test_a_name_of_any_length_is_shown_shortly():
    assert len(identity.actor_of(claims("ada", name="x" * 1000), ACCESS).name) == identity.NAME
    assert identity.actor_of(claims("ada", name=" "), ACCESS).name == "ada@lab.example"
