"""The Privacy page in a browser: the threshold is dragged, the strongest is taken, an image is clicked."""

import re

from playwright.sync_api import expect
import pytest

from tests.browser.kit import click_point, drawn, figure, metric, ready, until

ATTACK = ("scores", "scores-reference", "roc")
RATES = ("True positives", "False positives", "Accuracy")


def line(page, key="scores"):
    """Where the threshold's line stands; None while the figure is being drawn anew."""
    plots = page.locator(f".st-key-{key} .js-plotly-plot")
    return plots.evaluate_all("(plots) => plots.length === 1 && plots[0]._fullLayout ? plots[0]._fullLayout.shapes[0].x0 : null")


def line_after(page, before):
    """Where it stands once it has moved."""
    until(lambda: line(page) not in (None, before))
    ready(page)
    until(lambda: line(page) == line(page, "scores-reference"))
    return line(page)


def click_image(page, wall, number):
    """Click the middle of the wall's image of that number, from 0 in the first row."""
    place = """([wall, number]) => {
        const plot = document.querySelector('.st-key-walls .js-plotly-plot'), {xaxis, yaxis} = plot._fullLayout;
        const {x, y} = plot._fullData.find(trace => trace.name === wall), box = plot.getBoundingClientRect();
        return [box.left + xaxis._offset + xaxis.l2p(x[number]), box.top + yaxis._offset + yaxis.l2p(y[number])];
    }"""

    def resting():
        """Where it is, once it is in the window and no longer scrolls or is pushed about; the figure may be taller than the window."""
        before = page.evaluate(place, [wall, number])
        if not 100 < before[1] < 850:
            page.mouse.move(1270, 300)  # of the page, and of no figure
            page.mouse.wheel(0, before[1] - 400)
        page.wait_for_timeout(150)
        return before if 100 < before[1] < 850 and page.evaluate(place, [wall, number]) == before else None

    click_point(page, "walls", *until(resting))


@pytest.fixture
def privacy(open_page, page, report):
    """The page on the finished run, drawn."""
    open_page(f"/privacy?run={report['id']}")
    drawn(page, *ATTACK, "walls", "relearn")
    return ready(page)


def test_dragging_the_threshold_moves_the_line_and_the_rates_and_nothing_else(privacy, watch):
    page = privacy
    before, rates = line(page), [metric(page, name) for name in RATES]
    back = figure(page, "relearn")
    thumb = page.get_by_role("slider", name="Threshold")
    box, runs = thumb.bounding_box(), watch.runs
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y, steps=6)
    page.mouse.up()
    assert line_after(page, before) > before
    moved = [metric(page, name) for name in RATES]
    assert moved != rates
    assert float(moved[0].rstrip(" %")) >= float(rates[0].rstrip(" %"))  # members lie below: more of them are found
    assert figure(page, "relearn") == back
    assert 1 <= watch.runs - runs <= 7  # one for each place where the thumb rested, and none of the whole page after
    expect(page).to_have_url(re.compile(r"threshold="))
    page.get_by_role("button", name="Strongest threshold").click()
    expect(page.get_by_text("strongest on one half of the images")).to_be_visible()
    ready(page)
    link, strongest = page.url, [metric(page, name) for name in RATES]
    page.goto(link)
    ready(page)
    drawn(page, *ATTACK)
    assert [metric(page, name) for name in RATES] == strongest  # the link says it all
    thumb = page.get_by_role("slider", name="Threshold")
    thumb.focus()
    here = line(page)
    page.keyboard.press("ArrowRight")
    assert line_after(page, here) > here


def test_a_click_on_an_image_opens_its_card_and_redraws_nothing_else(privacy, watch, axe):
    page = privacy
    card = page.locator(".st-key-image_card")
    chosen = page.locator(".st-key-image input")
    expect(card).to_contain_text("A click on an image opens its card")
    roc, runs = figure(page, "roc"), watch.runs
    click_image(page, "forget-called", 0)
    expect(card).to_contain_text(re.compile(r"training index \d+"))
    drawn(page, "probabilities")
    ready(page)
    first = chosen.input_value()
    assert re.fullmatch(r"forget \d+", first)
    assert {trace["name"] for trace in figure(page, "probabilities")["traces"]} == {"Original", "Unlearned", "Retrained reference"}
    assert watch.runs - runs == 1
    assert figure(page, "roc") == roc
    click_image(page, "unseen-missed", 2)
    expect(chosen).to_have_value(re.compile(r"test \d+"))
    click_image(page, "forget-called", 0)
    expect(chosen).to_have_value(first)
    click_image(page, "forget-called", 0)  # chosen already: the browser takes the choice back, the card stays
    ready(page)
    expect(chosen).to_have_value(first)

    def another() -> bool:  # on a loaded machine a click is lost while the page still takes the last one in
        click_image(page, "forget-called", 1)
        page.wait_for_timeout(1000)
        return chosen.input_value() != first

    until(another)
    expect(page).to_have_url(re.compile(r"image=forget"))
    page.set_viewport_size({"width": 1280, "height": 4500})  # axe does not judge the colours of what is out of sight
    ready(page)
    assert axe(page) == []


def test_each_try_to_bring_it_back_is_drawn_when_its_tab_is_opened(privacy):
    page = privacy
    for name, keys in (("Linear probes", ["probes"]), ("Layer grafting", ["graft-model_below", "graft-original_below"])):
        page.get_by_role("tab", name=name).click()
        drawn(page, *keys)
        ready(page)
        assert all(figure(page, key)["traces"] for key in keys)
    expect(page).to_have_url(re.compile("tries=Layer"))
    expect(page.locator(".st-key-probes")).to_have_count(0)


def test_the_list_of_images_is_reached_by_keyboard(privacy):
    page = privacy
    box = page.locator(".st-key-image input")
    box.scroll_into_view_if_needed()
    box.focus()

    def opened():  # scrolling, which focus may cause, closes a list
        page.keyboard.press("ArrowDown")
        page.wait_for_timeout(300)
        return page.get_by_role("option").first.is_visible()

    until(opened)
    page.keyboard.press("Enter")
    expect(page.locator(".st-key-image_card")).to_contain_text(re.compile(r"index \d+"))
    drawn(page, "probabilities")
