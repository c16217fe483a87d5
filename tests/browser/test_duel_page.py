"""A duel in two browsers on one server: whoever waits sees the page go on by itself, up to the end that both see."""

import re

from playwright.sync_api import Browser, expect

from core.domain.duel import Rules
from core.storage.audience import duels
from core.storage.runs import ResultStore
from tests.browser.kit import drawn, ready, turned


def test_two_browsers_play_a_duel_to_its_end(dashboard, chromium: Browser, open_tab, axe, report):
    with ResultStore(dashboard.home.database) as store:
        begun = duels.begin(store, Rules(tries=1))
        duels.change(store, begun, begun.asked(report["id"]))
    code, contexts = begun.code, []

    def seat(name: str, width: int):
        contexts.append(chromium.new_context(viewport={"width": width, "height": 900}, base_url=dashboard.url, reduced_motion="reduce"))
        page = open_tab(contexts[-1])
        page.goto(f"/duel?duel={code}&seat={name}")
        return ready(page)

    forgetter, attacker = seat("forgetter", 1280), seat("attacker", 390)
    expect(attacker.get_by_role("heading", name="Wait for the Forgetter")).to_be_visible()
    drawn(forgetter, f"duel-try-{report['id']}")
    assert axe(forgetter) == []
    forgetter.get_by_role("button", name="Hand this one over").click()
    expect(forgetter.get_by_role("heading", name="Wait for the Attacker")).to_be_visible()

    expect(attacker.get_by_role("heading", name="Is class 3 really gone?")).to_be_visible()  # nothing was clicked there
    assert axe(ready(attacker)) == []
    for tool in ("Last layer put back", "Linear probe"):
        attacker.get_by_text(tool, exact=True).click()
        ready(attacker)
    attacker.get_by_role("button", name="Use them").click()
    drawn(attacker, "duel-call-graft", "duel-call-probe")
    assert axe(ready(attacker)) == []
    for tool, called in (("graft", "A trace is left"), ("probe", "No trace")):
        attacker.locator(f".st-key-duel-{code}-call-{tool}").get_by_role("radio", name=called).click()
        ready(attacker)
    attacker.get_by_role("button", name="Decide").click()

    for page in (attacker, forgetter):  # the one who waited, too
        expect(page.get_by_role("heading", name="The Attacker wins 2 to 1")).to_be_visible()
        drawn(ready(page), "duel-used", "duel-unused")
        assert axe(page) == []
    assert axe(turned(forgetter, "dark"), colours=True) == []
    assert attacker.evaluate("document.documentElement.scrollWidth") <= 390

    attacker.get_by_role("button", name="Again, with swapped seats").click()
    expect(attacker).to_have_url(re.compile("seat=forgetter"))
    expect(forgetter.get_by_text("The other seat has begun the next duel")).to_be_visible()
    forgetter.get_by_role("button", name="Again, with swapped seats").click()
    expect(forgetter.get_by_role("heading", name="Wait for the Forgetter")).to_be_visible()
    for context in contexts:
        context.close()
