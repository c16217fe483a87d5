"""Inside the method in a browser: a play that goes on by itself and ends, controls that keep their place, and links to a frame."""

import re

from playwright.sync_api import expect
import pytest

from dashboard.components.inside.player import SECONDS
from tests.browser.kit import clocks, drawn, ready, until

FRAMES = 9  # of an SSD run


def heading(page, frame):
    """Waits for the frame."""
    expect(page.locator(".st-key-player-words h4")).to_have_text(re.compile(rf"^{frame} of {FRAMES} "))


def press(page, name):
    page.locator(".st-key-player-controls").get_by_role("button", name=name).click()


@pytest.fixture
def inside(open_page, page, report):
    """Opens a frame of the finished run."""

    def go(frame):
        open_page(f"/inside?run={report['id']}&frame={frame}")
        heading(page, frame)
        drawn(page, "player-0")
        return page

    return go


def test_a_play_goes_on_by_itself_and_ends_and_nothing_jumps(inside):
    page = inside(8)
    assert SECONDS not in clocks(page)
    stands = page.locator(".st-key-player-controls").bounding_box()
    press(page, "Play")
    until(lambda: SECONDS in clocks(page))
    heading(page, 9)
    assert page.locator(".st-key-player-controls").bounding_box() == stands
    expect(page.locator(".st-key-player-controls").get_by_role("button", name="Play")).to_be_visible()
    until(lambda: SECONDS not in clocks(page))
    heading(page, 9)
    expect(page).to_have_url(re.compile("frame=9"))


def test_steps_pause_and_the_slider_lead_where_they_say_and_the_address_follows(inside):
    page = inside(3)
    press(page, "Next")
    heading(page, 4)
    press(page, "Back")
    heading(page, 3)
    expect(page).to_have_url(re.compile("frame=3"))
    press(page, "Play")
    until(lambda: SECONDS in clocks(page))
    press(page, "Pause")
    until(lambda: SECONDS not in clocks(page))
    ready(page)
    heading(page, 3)
    thumb = page.get_by_role("slider", name="Frame")
    thumb.focus()
    page.keyboard.press("ArrowRight")
    heading(page, 4)
    page.goto(page.url)
    heading(page, 4)


def test_frames_can_be_used_by_everyone_and_fit_a_telephone(inside, axe):
    page = inside(1)
    now, wide = 1, page.viewport_size
    for frame in (1, 4, 6, 8):
        while now < frame:
            now += 1
            press(page, "Next")
            heading(page, now)
        drawn(ready(page), "player-0")
        assert axe(page) == [], frame
        page.set_viewport_size({"width": 390, "height": 844})
        ready(page)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), frame
        places = [page.locator(f".st-key-player-{name}").bounding_box() for name in ("back", "play", "forward")]
        assert len({place["y"] for place in places}) == 1, "the three buttons stand in a row"
        page.set_viewport_size(wide)
