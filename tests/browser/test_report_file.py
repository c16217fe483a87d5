"""What leaves Result: a figure, on white from a dark page; and the report, opened from the file system with the network cut."""

from pathlib import Path
import re
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Axe
from tests.browser.kit import Watch, drawn, ready

DARK_PLOT = "document.querySelector('.st-key-confusion-unlearned .js-plotly-plot')"
FIGURES = ("gauges", "class_shift", "confusion-original", "confusion-unlearned", "confusion-reference")
SLIDER = "document.querySelector('#figure-membership-attack')"


def test_a_figure_of_a_dark_page_downloads_on_white(page: Page, report: dict[str, Any], tmp_path: Path):
    asked = list[str]()
    page.on("request", lambda request: "/plotly/" in request.url and asked.append(request.url))
    page.emulate_media(color_scheme="dark")
    page.goto(f"/result?run={report['id']}")
    drawn(ready(page), *FIGURES)
    expect(page.locator(".modebar")).to_have_count(0)
    assert not asked  # until a file is wanted
    shown = page.evaluate(f"JSON.stringify([{DARK_PLOT}.data, {DARK_PLOT}.layout])")
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
    figure.value.save_as(tmp_path / "dark.png")
    picture = Image.open(tmp_path / "dark.png").convert("RGB")
    assert picture.size == tuple(int(3 * page.evaluate(f"{DARK_PLOT}._fullLayout.{side}")) for side in ("width", "height"))
    assert {picture.getpixel((x, y)) for x in (0, picture.width - 1) for y in (0, picture.height - 1)} == {(255, 255, 255)}
    assert page.evaluate(f"JSON.stringify([{DARK_PLOT}.data, {DARK_PLOT}.layout])") == shown  # the page's own figure is as it was
    page.wait_for_function(f"{DARK_PLOT}.layout.paper_bgcolor !== 'white'")
    assert len(asked) == 1


def test_every_figure_s_file_has_letters_on_white_and_none_of_the_dark_theme_s(page: Page, report: dict[str, Any], tmp_path: Path):
    page.emulate_media(color_scheme="dark")
    page.goto(f"/result?run={report['id']}")
    drawn(ready(page), *FIGURES)
    for key in FIGURES:
        page.locator(f".st-key-{key} .js-plotly-plot").hover()
        with page.expect_download() as figure:
            page.locator(f".st-key-{key}").get_by_role("button", name="Download as SVG").click()
        assert figure.value.suggested_filename == f"forgetscope-result-{key}-{report['id']}.svg"
        figure.value.save_as(tmp_path / "one.svg")
        text = (tmp_path / "one.svg").read_text()
        ground = re.search(r"<rect[^>]*>", text)
        assert ground
        assert "fill: rgb(255, 255, 255)" in ground[0]
        letters = re.findall(r"<text[^>]*?fill: (rgb\([^)]*\))[^>]*>", text)
        assert len(letters) > 4
        assert "rgb(232, 237, 244)" not in text, key  # the dark theme's letters


def test_downloads_are_reached_by_keyboard_and_cover_nothing_of_the_figure(page: Page, report: dict[str, Any]):
    page.goto(f"/result?run={report['id']}")
    drawn(ready(page), *FIGURES)
    holder = page.locator(".st-key-gauges").get_by_test_id("stPlotlyChart")
    bar = holder.get_by_role("group", name="Download")
    expect(bar).to_have_css("opacity", "0")
    holder.get_by_role("button", name="Download as PNG").focus()
    page.keyboard.press("Shift+Tab")
    first = holder.get_by_role("button", name="Download as SVG: ")
    expect(first).to_be_focused()
    expect(bar).to_have_css("opacity", "1")
    assert first.evaluate("button => getComputedStyle(button).outlineStyle") == "solid"
    around, above = holder.bounding_box(), bar.bounding_box()
    assert around
    assert above
    assert above["y"] + above["height"] <= around["y"] + 0.1 or above["y"] >= around["y"] + around["height"] - 0.1
    with page.expect_download() as figure:
        page.keyboard.press("Enter")
    assert figure.value.suggested_filename == f"forgetscope-result-gauges-{report['id']}.svg"
    first.evaluate("button => button.blur()")
    page.mouse.move(5, 5)
    expect(bar).to_have_css("opacity", "0")
    holder.hover()
    expect(bar).to_have_css("opacity", "1")


def test_where_no_script_comes_the_buttons_say_so_and_the_next_click_asks_again(page: Page, watch: Watch, report: dict[str, Any]):
    page.goto(f"/result?run={report['id']}")
    drawn(ready(page), "gauges")
    page.locator(".st-key-gauges .js-plotly-plot").hover()
    button = page.locator(".st-key-gauges").get_by_role("button", name="Download as SVG")
    with watch.excuse():
        page.route("**/plotly/*", lambda route: route.abort())
        button.click()
        expect(page.locator(".st-key-gauges output")).to_have_text("No file could be made: is the server still there?")
        page.unroute("**/plotly/*")
    with page.expect_download():
        button.click()
    expect(page.locator(".st-key-gauges output")).to_be_empty()


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
