"""The first page of a home that never was: through the scenes by keyboard, a guess and its points, and who else reads it."""

from collections.abc import Iterator
import re

from playwright.sync_api import Browser, Locator, Page, expect
import pytest

from core.export import examples
from core.storage.home import open_home
from tests.browser.kit import Dashboard, drawn, figure, ready, turned, until


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """On an empty home, which the page fills with the examples."""
    folder = tmp_path_factory.mktemp("story")
    server = Dashboard(open_home(folder / "home"), folder / "server.log")
    server.start()
    yield server
    server.stop()
    assert not server.complaints(), server.log.read_text()[-4000:]


def guess_x(page: Page) -> float:
    """Where the first guess stands."""
    return float(next(trace["x"][0] for trace in figure(page, "story-guess")["traces"] if trace["name"] == "Your guess"))


def dragged(page: Page) -> Locator:
    """The bar of class 3, dragged by the pointer to 25 %, then by a key to 24 %."""
    bar = page.get_by_role("slider", name=re.compile("^Accuracy, 3; original 100 %"))
    box = bar.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 1)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 0.75 * box["height"], steps=3)
    page.mouse.up()
    expect(bar).to_have_attribute("aria-valuenow", "25")
    ready(page)
    bar.press("ArrowDown")
    expect(bar).to_have_attribute("aria-valuenow", "24")
    ready(page)
    expect(bar).to_have_attribute("aria-valuenow", "24")
    return bar


def test_the_story_is_told_by_keyboard_with_a_guess_in_the_middle(server, chromium: Browser, open_tab, axe):
    context = chromium.new_context(viewport={"width": 1280, "height": 1400}, base_url=server.url, reduced_motion="reduce")
    page = open_tab(context)
    page.goto("/")
    ready(page)

    def scene(number: int) -> None:
        expect(page.get_by_text(re.compile(rf"^Scene {number} of 7"))).to_be_visible()
        ready(page)

    scene(1)
    assert axe(page) == []
    for number in (2, 3, 4):
        page.keyboard.press("ArrowRight")
        scene(number)
        expect(page).to_have_url(re.compile(rf"scene={number}"))
    drawn(page, "story-guess")
    slider = page.get_by_role("slider", name="Forget accuracy")
    slider.focus()
    page.keyboard.press("Home")  # a slider's own keys turn no page
    page.keyboard.press("ArrowRight")
    until(lambda: guess_x(page) == pytest.approx(0.01))
    scene(4)
    assert "Unlearned" not in [trace["name"] for trace in figure(page, "story-guess")["traces"]]
    bar = dragged(page)
    scene(4)  # a bar's own keys turn no page
    page.get_by_role("button", name="Show the truth").click()
    expect(page.get_by_text(re.compile(r"^\d+ of 120 points$"))).to_be_visible()
    expect(bar).to_have_attribute("aria-valuetext", "24 %, 10 points")  # it is 0 %, and half a scale beside it is worth nothing
    drawn(ready(page), "story-guess")
    assert "Unlearned" in [trace["name"] for trace in figure(page, "story-guess")["traces"]]
    assert axe(page) == []
    page.get_by_role("heading", name="Predict, then see").click()  # away from the sliders
    for number in (5, 6, 7):
        page.keyboard.press("ArrowRight")
        scene(number)
        assert axe(page) == []
    assert axe(turned(page, "dark"), colours=True) == []
    page.keyboard.press("ArrowLeft")
    scene(6)
    page.set_viewport_size({"width": 390, "height": 844})
    until(lambda: page.evaluate("document.documentElement.scrollWidth <= 390"))
    assert len(examples.here(server.home)) == len(examples.EXAMPLES)
    assert all(run.imported for run in server.runs())  # nothing was run for it
    context.close()


def test_a_link_to_the_form_from_before_the_story_still_opens_it(server, chromium: Browser, open_tab):
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, base_url=server.url)
    page = open_tab(context)
    page.goto("/?kind=classes&classes=3&classes=5&method=finetune&seed=7")
    expect(page.get_by_role("heading", name="Unlearn", level=1)).to_be_visible()
    ready(page)
    expect(page.get_by_role("spinbutton", name="Seed")).to_have_value("7")
    expect(page.locator(".st-key-method input")).to_have_value("finetune")
    expect(page.get_by_text("291 training images are in the forget set")).to_be_visible()
    context.close()
