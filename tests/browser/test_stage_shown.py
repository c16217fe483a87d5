"""A figure of Result is pinned and shown on the stage: by keyboard, in large letters, in both looks; the file needs no network."""

from pathlib import Path
import re
from typing import Any

from playwright.sync_api import Browser, Page, expect

from core.export.run_deck import run_deck
from core.jobs.catalogue import catalogue
from core.storage.audience import decks
from core.storage.runs import ResultStore
from tests.browser.conftest import Axe
from tests.browser.kit import Dashboard, drawn, ready

SMALL = """() => { const walker = document.createTreeWalker(document.querySelector('#canvas'), NodeFilter.SHOW_TEXT), found = [];
    while (walker.nextNode()) { const at = walker.currentNode.parentElement, style = getComputedStyle(at);
        const shown = style.visibility === 'visible' && at.getClientRects().length && !at.closest('script, .unseen');
        if (shown && walker.currentNode.data.trim()) found.push(parseFloat(style.fontSize)); }
    return found; }"""


def test_a_pinned_figure_is_shown_on_the_stage_by_keyboard_in_large_letters(page: Page, report: dict[str, Any], axe: Axe):
    page.goto(f"/result?run={report['id']}")
    ready(page)
    drawn(page, "gauges", "confusion-unlearned")
    page.locator(".forgetscope-pins summary").press("Enter")
    pins = page.locator(".forgetscope-pins")
    pins.locator("select").select_option("New deck")
    for name in (re.compile("Pin: Heat map: .* Unlearned network"), re.compile("Pin: Forget accuracy: "), re.compile("Pin: Forgotten"),
                 re.compile("Pin: .*every measure for each network")):  # fmt: skip
        pins.get_by_role("button", name=name).first.press("Enter")
        expect(pins.get_by_role("status")).to_contain_text("Pinned “")
        ready(page)
        expect(pins.locator("select")).not_to_have_value("")  # the deck that the first pin made is the current one
        pins.get_by_role("status").evaluate("(said) => said.textContent = ''")
    deck = pins.locator("select").input_value()
    assert not axe(page)

    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(f"/stage/{deck}?look=light")
    expect(page.locator("html[data-drawn=yes]")).to_have_count(1)
    expect(page.locator("#number")).to_have_text("1 / 4")
    expect(page.locator("[data-testid=stApp]")).to_have_count(0)  # Streamlit's frame is gone
    cells = page.evaluate("document.querySelector('.plot').data[0].z")
    assert [len(row) for row in cells] == [10] * 10  # plain numbers, however the page had them packed
    assert page.locator("#slide-4 th").all_text_contents() == ["Measure", "Original", "Unlearned", "Reference", "Aim", "Definition"]
    for place in (1, 2, 3, 4):
        expect(page.locator(".slide.now")).to_have_id(f"slide-{place}")
        assert min(page.evaluate(SMALL)) >= 28
        assert not axe(page)
        page.keyboard.press("ArrowRight" if place == 1 else "Space")
    assert page.url.endswith("#4")  # the last stays
    page.keyboard.press("d")
    expect(page.locator(".plot[data-drawn=dark]")).to_have_count(2)
    assert not axe(page, colours=True)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("n")
    expect(page.locator("#slide-3 .notes")).to_contain_text("/result?run=")
    page.keyboard.press("Escape")
    page.get_by_role("dialog").get_by_role("link").first.click()
    expect(page.locator(".slide.now")).to_have_id("slide-1")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.get_by_role("link", name=re.compile("^Slide 3: ")).click()
    expect(page.locator("#number")).to_have_text("3 / 4")


def test_a_downloaded_deck_needs_no_network_and_prints_a_slide_a_page(
    page: Page, chromium: Browser, dashboard: Dashboard, report: dict[str, Any], axe: Axe, tmp_path: Path
):  # fmt: skip
    with ResultStore(dashboard.home.database) as store:
        deck = decks.make(store, "Talk", run_deck(dashboard.home, report["id"], catalogue(dashboard.home.root))[1])
    page.emulate_media(color_scheme="dark")
    page.goto(f"/present?deck={deck}")
    ready(page)
    assert not axe(page)
    expect(page.get_by_role("link", name="Present", exact=True).last).to_have_attribute("href", re.compile(f"/stage/{deck}$"))
    with page.expect_download() as waited:
        page.get_by_role("button", name="Download", exact=True).click()
    assert waited.value.suggested_filename == "Talk.html"
    file = tmp_path / "deck.html"
    waited.value.save_as(file)
    context = chromium.new_context(viewport={"width": 1280, "height": 720}, offline=True)
    alone, bad = context.new_page(), list[str]()
    alone.on("console", lambda message: message.type == "error" and bad.append(message.text))
    alone.on("pageerror", lambda error: bad.append(str(error)))
    alone.on("request", lambda request: request.url.partition("#")[0] != file.as_uri() and bad.append(request.url))
    alone.goto(f"{file.as_uri()}#2")
    expect(alone.locator("html[data-drawn=yes]")).to_have_count(1)
    expect(alone.locator("#slide-2 .main-svg").first).to_be_visible()
    assert len(re.findall(rb"/Type /Page\b", alone.pdf(prefer_css_page_size=True))) == 5
    assert not bad
    context.close()
