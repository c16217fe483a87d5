"""What leaves Result: a figure, on white from a dark page; and the report, opened from the file system with the network cut."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Axe
from tests.browser.kit import ready

DARK_PLOT = "document.querySelector('.st-key-confusion-unlearned .js-plotly-plot')"
SLIDER = "document.querySelector('#figure-membership-attack')"


def test_a_figure_of_a_dark_page_downloads_on_white(page: Page, report: dict[str, Any], tmp_path: Path):
    page.emulate_media(color_scheme="dark")
    page.goto(f"/result?run={report['id']}")
    ready(page)
    page.locator(".st-key-confusion-unlearned .js-plotly-plot").hover()
    with page.expect_download() as figure:
        page.locator(".st-key-confusion-unlearned").get_by_role("button", name="Download as SVG").click()
    assert figure.value.suggested_filename == f"forgetscope-result-confusion-unlearned-{report['id']}.svg"
    figure.value.save_as(tmp_path / "dark.svg")
    text = (tmp_path / "dark.svg").read_text()
    assert "fill: rgb(255, 255, 255)" in text  # the ground, although the page is dark
    assert "rgb(14, 20, 32)" in text  # the text
    assert ">answer</text>" in text
    with page.expect_download() as figure:
        page.locator(".st-key-confusion-unlearned").get_by_role("button", name="Download as PNG").click()
    assert figure.value.suggested_filename.endswith(".png")
    page.wait_for_function(f"{DARK_PLOT}.layout.paper_bgcolor !== 'white'")  # the page's own figure is as it was


def test_a_downloaded_report_needs_no_network(page: Page, chromium: Browser, report: dict[str, Any], axe: Axe, tmp_path: Path):
    page.goto(f"/result?run={report['id']}")
    ready(page)
    with page.expect_download() as waited:
        page.get_by_test_id("stMain").get_by_role("button", name="Report", exact=True).click()
    file = tmp_path / waited.value.suggested_filename
    waited.value.save_as(file)
    assert file.name == f"digits-ssd-{report['id']}.html"
    assert file.stat().st_size < 5_000_000

    context = chromium.new_context(viewport={"width": 1000, "height": 900}, offline=True)
    alone, bad = context.new_page(), list[str]()
    alone.on("console", lambda message: message.type == "error" and bad.append(message.text))
    alone.on("pageerror", lambda error: bad.append(str(error)))
    alone.on("request", lambda request: request.url != file.as_uri() and bad.append(request.url))
    alone.goto(file.as_uri())
    expect(alone.locator("html[data-drawn=yes]")).to_have_count(1, timeout=30_000)
    plots = alone.locator(".plot").count()
    assert plots >= 12
    expect(alone.locator(".plot[data-drawn=yes] .main-svg:first-child")).to_have_count(plots)
    assert alone.locator("h2", has_text="Evidence passport").is_visible()

    before = alone.evaluate(f"{SLIDER}.layout.shapes[0].x0")
    handle = alone.locator("#figure-membership-attack .slider-grip-rect")
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    assert box
    alone.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    alone.mouse.down()
    alone.mouse.move(box["x"] - 150, box["y"] + box["height"] / 2, steps=4)
    alone.mouse.up()
    alone.wait_for_function(f"{SLIDER}.layout.shapes[0].x0 < {before}")

    with alone.expect_download() as picture:
        alone.get_by_role("button", name="Download as SVG: Accuracy by class, on test images").click()
    svg = tmp_path / "figure.svg"
    picture.value.save_as(svg)
    assert picture.value.suggested_filename.endswith("-accuracy-by-class.svg")
    assert ">accuracy</text>" in svg.read_text()

    assert not bad
    assert not axe(alone)
    context.close()
