"""Where a browser wanted to go before it logged in: remembered shortly, for that browser, and for few."""

from types import SimpleNamespace
from typing import Any

import pytest

from dashboard.login import way_back


class Query(dict[str, list[str]]):
    def get_all(self, name: str) -> list[str]:
        return self[name]

    def to_dict(self) -> dict[str, Any]:
        return dict(self)


@pytest.fixture
def browser(monkeypatch):
    """Its token, and what its address says; a test changes both."""
    now = SimpleNamespace(token=b"one", query=Query())
    monkeypatch.setattr(way_back, "_wanted", {})
    monkeypatch.setattr(way_back, "_browser", lambda: now.token)
    monkeypatch.setattr(way_back, "st", SimpleNamespace(query_params=now.query))
    return now


def asked(browser, page, **query):
    browser.query.clear()
    browser.query.update({name: [value] for name, value in query.items()})
    way_back.remember(page)
    browser.query.clear()


def test_it_is_where_the_link_leads_once(browser):
    asked(browser, "result", run="abc")
    assert way_back.take("runs") is None  # another link was opened meanwhile
    assert way_back.take("") == ("result", {"run": ["abc"]})
    assert way_back.take("") is None


def test_another_browser_and_one_without_a_token_go_to_the_first_page(browser):
    asked(browser, "result", run="abc")
    for token in (b"another", None):
        browser.token = token
        assert way_back.take("") is None
        asked(browser, "")  # the first page is where everybody comes to
    assert list(way_back._wanted) == [b"one"]


def test_it_is_kept_shortly_and_for_few(browser, monkeypatch):
    asked(browser, "runs", find="x" * way_back.LONGEST)
    assert not way_back._wanted
    monkeypatch.setattr(way_back, "MOST", 3)
    for number in range(5):
        browser.token = bytes([number])
        asked(browser, "runs")
    assert list(way_back._wanted) == [b"\2", b"\3", b"\4"]
    later = way_back.time.monotonic() + way_back.HOLDS + 1
    monkeypatch.setattr(way_back, "time", SimpleNamespace(monotonic=lambda: later))
    assert way_back.take("") is None
