"""Looking at a finished run: the sliders, the address, the keyboard, and what every page owes every reader."""

from io import BytesIO
import os
from pathlib import Path
import re
import socket
from urllib.parse import quote

import numpy as np
from PIL import Image, ImageChops
from playwright.sync_api import expect
import pytest

from core.domain.run import RunStatus
from dashboard.components.common.run_status import POLL
from tests.browser.kit import (
    PATHS,
    ROOT,
    WIDTHS,
    above_the_fold,
    clocks,
    drawn,
    figure,
    metric,
    opened,
    ready,
    turned,
    until,
)

SCREENSHOT = ROOT / "assets" / "screenshot.png"
SHAPES = ("gauges", "class_shift", "confusion-original", "confusion-unlearned", "confusion-reference")
INSIDE = ("ratios", "what-if", "dampened", "importance", "moved")
CHARTS = {"Result": SHAPES, "Parameters": INSIDE, "Privacy": ("scores", "scores-reference", "roc", "relearn")}
FIRST = {  # what a page shows first; of Studies and Map, which show nothing of a single run unasked, their own tests know it
    "Result": (".st-key-gauges",), "Parameters": (".st-key-ratios", ".st-key-what-if"), "Privacy": (".st-key-scores",),
    "Inside the method": (".st-key-player-0",), "Saliency": (".st-key-saliency_maps img",), "Compare": ("[data-testid=stDataFrame]",),
}  # fmt: skip


def chosen(page, key):
    """What is chosen in the pills or segments of a key."""
    return page.locator(f".st-key-{key} [role=radio][aria-checked=true], .st-key-{key} [aria-pressed=true]").all_inner_texts()


# The Parameters page.


def test_the_alpha_slider_moves_weights_and_figures_by_keyboard_without_a_new_run(open_page, page, dashboard, report):
    open_page(f"/parameters?run={report['id']}")
    drawn(page, *INSIDE)
    dots = {trace["name"]: trace["x"] for trace in figure(page, "what-if")["traces"]}
    assert dots["Unlearned"] == pytest.approx(report["per_class"]["test"]["unlearned"])  # at the run's own settings
    assert dots["Retrained reference"] == pytest.approx(report["per_class"]["test"]["reference"])
    runs = [(run.id, run.attempt) for run in dashboard.runs()]
    before = {key: figure(page, key) for key in INSIDE}
    dampened = metric(page, "Weights dampened")
    page.get_by_role("slider", name="α").focus()
    for _ in range(8):
        page.keyboard.press("ArrowLeft")
    expect(page.get_by_test_id("stMetricValue").nth(1)).not_to_have_text(dampened)
    ready(page)
    until(lambda: figure(page, "dampened") != before["dampened"])
    after = {key: figure(page, key) for key in INSIDE}
    assert float(metric(page, "Weights dampened").rstrip(" %")) > float(dampened.rstrip(" %"))  # a lower threshold
    assert after["ratios"]["shapes"][0] < before["ratios"]["shapes"][0]  # the α line went left
    assert after["ratios"]["shapes"][1] == before["ratios"]["shapes"][1]  # n/k stands where it stood
    assert sum(after["dampened"]["traces"][0]["y"]) > sum(before["dampened"]["traces"][0]["y"])
    assert (after["importance"], after["moved"]) == (before["importance"], before["moved"])
    expect(page).to_have_url(re.compile(r"alpha="))
    assert [(run.id, run.attempt) for run in dashboard.runs()] == runs


# Script runs.


def test_one_click_is_one_run_of_the_script(open_page, page, watch, report):
    def runs_of(*acts):
        """Script runs of all of them together, each begun when the one before it has had its own."""
        began = watch.runs
        for number, act in enumerate(acts, 1):
            act()
            until(lambda n=number: ready(page) and watch.runs >= began + n)
        page.wait_for_timeout(400)  # for one that nobody asked for there is nothing else to wait for
        return watch.runs - began

    open_page("/unlearn")
    assert watch.runs == 1
    pills = page.locator(".st-key-class")
    assert runs_of(
        pills.get_by_role("radio", name="5", exact=True).click,
        page.locator(".st-key-kind").get_by_role("radio", name="random").click,
        page.locator(".st-key-floor label").first.click,
        page.locator(".st-key-reference label").first.click,
    ) == 4  # fmt: skip
    open_page(f"/result?run={report['id']}")
    began = watch.runs
    page.get_by_role("tab", name="Residual knowledge").click()  # all families are there: no run
    expect(page.get_by_role("tab", name="Residual knowledge")).to_have_attribute("aria-selected", "true")
    assert runs_of(page.locator(".st-key-images").get_by_role("radio", name="train").click) == 1
    assert watch.runs == began + 1
    assert POLL not in clocks(page)  # nothing polls where nothing runs
    open_page(f"/parameters?run={report['id']}")
    drawn(page, *INSIDE)
    slider = page.get_by_role("slider", name="α")
    assert runs_of(lambda: slider.press("ArrowRight")) == 1
    open_page("/runs")
    assert POLL not in clocks(page)


# The address.


def looks_finished(page, report):
    expect(page.locator(".st-key-verdict")).to_contain_text("Forgotten")
    assert chosen(page, "images") == ["train"]
    for key, split in (("class_shift", "test"), ("class_shift_train", "train")):
        dots = {trace["name"]: trace["x"] for trace in figure(page, key)["traces"]}
        assert dots["Unlearned"] == pytest.approx(report["per_class"][split]["unlearned"])


def looks_filled_in(page, _):
    assert chosen(page, "kind") == ["classes"]
    assert chosen(page, "classes") == ["3", "5"]
    expect(page.locator(".st-key-method input")).to_have_value("finetune")
    expect(page.get_by_role("spinbutton", name="Seed")).to_have_value("7")
    expect(page.get_by_text("291 training images are in the forget set")).to_be_visible()


def looks_inside(page, report):
    drawn(page, *INSIDE)
    expect(page.get_by_text("Dampen again, without a new run")).to_be_visible()


LINKS = {
    "/result?run={id}&images=train": looks_finished,
    "/unlearn?kind=classes&classes=3&classes=5&method=finetune&seed=7": looks_filled_in,
    "/parameters?run={id}&alpha=1": looks_inside,
}


@pytest.fixture(scope="module")
def fresh_context(new_context):
    """Somebody else's browser, to whom the link was sent."""
    context = new_context()
    yield context
    context.close()


@pytest.mark.parametrize("link", LINKS)
def test_a_link_reproduces_the_view_in_a_fresh_browser_and_after_a_reload(open_tab, fresh_context, report, link):
    page = open_tab(fresh_context)
    page.goto(link.format(id=report["id"]))
    LINKS[link](ready(page), report)
    kept = page.url
    page.reload()
    LINKS[link](ready(page), report)
    assert page.url == kept


def test_a_copied_link_opens_at_its_level_whatever_the_receiver_prefers(open_page, page, open_tab, fresh_context, dashboard, report):
    open_page(f"/result?run={report['id']}")
    page.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    page.get_by_role("button", name="Copy link to this view").click()
    link = until(lambda: page.evaluate("window.copied"))
    assert "level=Full" in link
    fresh_context.add_cookies([{"name": "forgetscope_level", "value": "Guided", "url": dashboard.url}])
    other = open_tab(fresh_context)
    other.goto(f"/result?run={report['id']}")
    expect(other.get_by_role("radio", name="Guided")).to_be_checked()
    fresh_context.add_cookies([{"name": "forgetscope_level", "value": "Guided", "url": dashboard.url}])
    other.goto(link)
    expect(ready(other).get_by_role("radio", name="Full", exact=True)).to_be_checked()


def test_what_is_clicked_goes_into_the_address(open_page, page):
    open_page("/unlearn")
    page.locator(".st-key-class").get_by_role("radio", name="6", exact=True).click()
    expect(page).to_have_url(re.compile(r"class=6"))
    page.locator(".st-key-kind").get_by_role("radio", name="random").click()
    expect(page).to_have_url(re.compile(r"kind=random"))


HOSTILE = ["<script>window.hit = 1</script><img src=x onerror='window.hit = 1'>", "x" * 10_000, "[object Object]"]


@pytest.mark.parametrize("value", HOSTILE, ids=["markup", "10 kB", "type"])
def test_hostile_values_in_the_address_do_no_harm(open_page, page, value):
    names = ("run", "kind", "class", "classes", "method", "dataset", "model", "seed", "amount", "images", "page")
    names = names if len(value) < 1000 else ("run", "class", "method")  # a server takes 64 kB of address
    query = "&".join(f"{name}={quote(value)}" for name in names)
    open_page(f"/unlearn?{query}")
    assert chosen(page, "class") == ["3"]
    assert page.get_by_test_id("stMain").get_by_role("button", name="Run", exact=True).is_enabled()
    assert not re.search(r"(kind|class|method|dataset|model|seed)=", page.url)  # no trace of them is left
    open_page(f"/result?{query}")
    expect(page.get_by_test_id("stAlert").first).to_be_visible()
    assert page.evaluate("window.hit") is None
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


# Every page.


@pytest.mark.parametrize("place, name", list(enumerate(PATHS)))
def test_every_page_passes_axe_in_both_themes_and_never_scrolls_sideways(page, axe, report, place, name):
    first, then = ("light", "dark")[:: 1 if place % 2 else -1]  # half of them are opened in either
    page.emulate_media(color_scheme=first)
    page.set_viewport_size({"width": 1280, "height": 2800})  # axe does not judge the colours of what is out of sight
    page.goto(f"{PATHS[name]}?run={report['id']}")
    ready(page)
    drawn(page, *CHARTS.get(name, ()))
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()
    assert axe(page) == []
    drawn(turned(page, then), *CHARTS.get(name, ()))
    assert axe(page, colours=True) == []
    for width in reversed(WIDTHS):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function(f"innerWidth === {width} && document.documentElement.scrollWidth <= {width}")
        main = page.get_by_test_id("stMain")
        until(lambda m=main: m.evaluate("(e) => e.scrollWidth <= e.clientWidth"), 5)
    above_the_fold(page, *FIRST.get(name, ()))


def test_a_change_of_theme_draws_the_page_anew_in_one_run_as_if_it_had_been_opened_so(open_page, page, watch, report):
    def picture():
        page.mouse.move(0, 0)
        page.wait_for_timeout(500)
        return Image.open(BytesIO(page.screenshot())).convert("RGB")

    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 2800})
    open_page(f"/result?run={report['id']}")
    drawn(page, *SHAPES)
    light, runs = picture(), watch.runs
    dark = (turned(page, "dark"), picture())[1]
    assert watch.runs == runs + 1
    page.reload()
    drawn(ready(page), *SHAPES)
    opened_dark = picture()
    assert apart(dark, opened_dark) < 0.001
    assert apart(light, opened_dark) > 0.5  # the yardstick measures something


def apart(one: Image.Image, other: Image.Image) -> float:
    """The share of pixels that anybody would call different."""
    return float((np.asarray(ImageChops.difference(one, other)).max(2) > 40).mean())


def test_the_keyboard_reaches_run_and_starts_it(open_page, page, dashboard):
    open_page("/unlearn?method=original&class=1&reference=false")
    seen = []
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            "(({activeElement: e}) => e.tagName === 'BUTTON' ? e.innerText.trim().split('\\n').pop() : e.tagName)(document)"
        )
        seen.append(focused)
        if focused == "Run":
            break
    assert seen[-1] == "Run", seen
    outline = page.evaluate("getComputedStyle(document.activeElement).boxShadow + getComputedStyle(document.activeElement).outline")
    assert outline not in ("", "none"), "focus must be seen"
    page.keyboard.press("Enter")
    run_id = opened(page)
    assert dashboard.ended(run_id).status == RunStatus.DONE
    expect(page.locator(".st-key-verdict")).to_contain_text("Nothing was changed", timeout=20_000)


def test_the_pages_are_reached_from_each_other(open_page, page, report):
    open_page(f"/?run={report['id']}")
    links = page.get_by_test_id("stSidebarNavLink").all_inner_texts()
    assert {link.strip().split("\n")[-1] for link in links} == set(PATHS), "the tests know every page"
    for name in ("Runs", "Result", "Parameters", "Unlearn"):
        page.get_by_test_id("stSidebarNav").get_by_role("link", name=name).click()
        expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()
        ready(page)
        assert f"run={report['id']}" in page.url  # the open run goes along
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Runs").click()
    ready(page)
    page.locator(f".st-key-run-{report['id']}").get_by_role("button", name="Open").click()
    expect(page.get_by_role("heading", name="Result", level=1)).to_be_visible()
    status_shown = page.locator(".st-key-verdict")
    expect(status_shown).to_be_visible()


def test_the_first_screen_of_a_result_needs_no_scrolling_and_its_warning_opens_in_place(open_page, page, watch, report):
    page.set_viewport_size({"width": 1440, "height": 900})
    open_page(f"/result?run={report['id']}")
    drawn(page, "gauges", "class_shift")
    maps = page.locator(".fs-maps img")
    expect(maps).to_have_count(4, timeout=30_000)  # the image, and a map of each network
    for part in (page.locator(".st-key-verdict"), page.locator(".st-key-gauges"), page.locator(".st-key-class_shift"), maps.last,
                 page.locator(".st-key-first_screen")):  # fmt: skip
        box = part.bounding_box()
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= 900
    runs = watch.runs
    opened_by = page.locator(".st-key-verdict summary")
    expect(page.locator(".st-key-verdict details p").first).not_to_be_visible()
    opened_by.click()
    expect(page.locator(".st-key-verdict details p").first).to_be_visible()
    page.get_by_role("button", name="Other runs").click()
    expect(page.get_by_role("combobox", name="Run")).to_be_visible()
    assert watch.runs == runs


# The server.


def test_the_server_is_light_and_knows_no_torch(open_page, page, dashboard, report):
    open_page("/unlearn?method=original&class=8&reference=false")
    page.get_by_test_id("stMain").get_by_role("button", name="Run", exact=True).click()
    run_id = opened(page)
    dashboard.ended(run_id)
    open_page(f"/parameters?run={report['id']}")
    drawn(page, *INSIDE)
    server = dashboard.process
    maps = Path(f"/proc/{server.pid}/maps").read_text()
    assert "streamlit" in " ".join(server.cmdline())
    for name in ("torch", "captum"):
        assert not [line for line in maps.splitlines() if f"/{name}" in line or f"lib{name}" in line]
    resident = server.memory_info().rss / 2**20
    print(f"\nserver: {resident:.0f} MB resident")
    assert resident <= 300


def handshake(port: int, host: str, origin: str) -> str:
    """The first line of the answer to a request for the websocket."""
    lines = ["GET /_stcore/stream HTTP/1.1", f"Host: {host}", f"Origin: {origin}", "Upgrade: websocket", "Connection: Upgrade",
             "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "", ""]  # fmt: skip
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall("\r\n".join(lines).encode())
        return connection.recv(200).decode().split("\r\n")[0]


def test_a_foreign_host_is_refused_at_the_websocket(dashboard):
    here = f"127.0.0.1:{dashboard.port}"
    assert " 101 " in handshake(dashboard.port, here, f"http://{here}") + " "
    for host, origin in (("evil.example", "http://evil.example"), (f"evil.example:{dashboard.port}", f"http://{here}"),
                         (here, "http://evil.example")):  # fmt: skip
        assert " 403 " in handshake(dashboard.port, host, origin) + " "


def test_the_server_listens_on_loopback_only(dashboard):
    listening = {c.laddr.ip for c in dashboard.process.net_connections("tcp") if c.status == "LISTEN"}
    assert listening == {"127.0.0.1"}


# The picture in the README.


@pytest.mark.skipif(os.environ.get("FORGETSCOPE_SCREENSHOT") != "1", reason="only when FORGETSCOPE_SCREENSHOT=1: it writes into assets/")
def test_the_picture_in_the_readme_is_taken(page, report, tmp_path):
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"/result?run={report['id']}")
    ready(page)
    drawn(page, *SHAPES)
    expect(page.locator(".fs-maps img")).to_have_count(4, timeout=30_000)
    page.mouse.move(1430, 890)
    page.wait_for_timeout(1000)
    page.screenshot(path=tmp_path / "whole.png")
    picture = Image.open(tmp_path / "whole.png").convert("RGB").quantize(256, dither=Image.Dither.NONE)
    picture.save(SCREENSHOT, optimize=True)
    assert SCREENSHOT.stat().st_size < 300_000
