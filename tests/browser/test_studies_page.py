"""A study as a person asks for it: two cheap methods and two seeds, followed to their table."""

import re
from urllib.parse import quote

from playwright.sync_api import expect

from core.storage import studies
from core.storage.runs import ResultStore
from tests.browser.kit import above_the_fold, ready, until

TITLES = ("Selective Synaptic Dampening (SSD)", "Gradient ascent (NegGrad)")


def members(dashboard):
    with ResultStore(dashboard.home.database) as store:
        return [run for runs in studies.members(store).values() for run in runs]


def test_a_study_is_started_followed_and_read(open_page, page, dashboard, axe):
    open_page("/unlearn")
    page.locator(".st-key-class").get_by_role("radio", name="8", exact=True).click()
    ready(page)
    page.get_by_role("link", name="Studies").click()  # what was chosen on Unlearn is what a study is asked about
    expect(page.locator(".st-key-class").get_by_role("radio", name="8", exact=True)).to_be_checked()
    page.goto(f"/studies?class=3&seeds=0%2C+1&study_floor=false&methods={quote(TITLES[0])}&methods={quote(TITLES[1])}")
    ready(page)
    main = page.get_by_test_id("stMain")
    expect(main.get_by_text(re.compile(r"4 runs: 2 variants × 2 seeds"))).to_be_visible()
    main.get_by_role("button", name="Start").click()
    expect(main.get_by_text(re.compile(r"of 4 done")).first).to_be_visible()
    expect(main.get_by_role("progressbar").first).to_be_visible()
    expect(main.get_by_role("button", name="Start")).to_have_count(0)  # the form is folded away
    until(lambda: all(run.status == "done" for run in members(dashboard)), 100)
    expect(main.get_by_text(re.compile(r"4 of 4 done")).first).to_be_visible()
    expect(main.get_by_text(re.compile(r"Only 2 seeds stand behind these numbers"))).to_be_visible()
    ready(page)
    above_the_fold(page, "[data-testid=stMain] [data-testid=stDataFrame]")
    names = [main.get_by_test_id(f"glide-cell-0-{row}").first for row in range(4)]
    for cell, name in zip(names, ("ssd", "gradient_ascent (unchanged)", "Original", "Retrained reference"), strict=True):
        expect(cell).to_have_text(name)
    main.get_by_role("tab", name="Cost").click()
    ready(page)
    expect(main.get_by_role("columnheader", name="Speed-up ↑", include_hidden=True).first).to_be_attached()
    assert len(members(dashboard)) == 4
    assert axe(page) == []
    main.get_by_role("link", name="Compare").click()
    expect(page).to_have_url(re.compile(r"/compare\?.*study=s[0-9a-f]{11}"))
    ready(page)
