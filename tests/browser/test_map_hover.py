"""The Map page in a browser: what the pointer is over is shown at once under every network, by mouse and by keys, and a click opens it."""

import re

import numpy as np
from playwright.sync_api import expect
import pytest

from core.analysis import stored_results
from core.analysis.stored_results import Analysis
from core.figures.feature_map.table import SET_TITLE, models_of, table_of
from dashboard.components.feature_map.selection_rules import is_training, scores, top_rows
from tests.browser.kit import above_the_fold, click_point, drawn, ready, until

SETTINGS = {"projection": "pca", "count": 2000, "seed": 0, "turn": True}
PLOT = ".st-key-map_figure .js-plotly-plot"
PAD = 10  # of a small map, in pixels
# Where every point of the large map stands in the window.
POINTS = """(plot) => {
    const {xaxis, yaxis} = plot._fullLayout, box = plot.getBoundingClientRect();
    return plot._fullData.flatMap(trace => Array.from(trace.customdata || [], (row, i) => [
        row[0], box.left + xaxis._offset + xaxis.l2p(trace.x[i]), box.top + yaxis._offset + yaxis.l2p(trace.y[i])]));
}"""
PAINTED = """(box) => [...box.querySelectorAll('.maps canvas')].every(canvas =>
    canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean))"""

PIXELS = "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)"
KEPT = f"box => {{ window.kept = [...box.querySelectorAll('.maps canvas')].map({PIXELS}); }}"
# Of each small map its side, and where it differs from what was kept, in pixels of the page.
CHANGED = f"""box => [...box.querySelectorAll('.maps canvas')].map((canvas, at) => {{
    const now = ({PIXELS})(canvas).data, old = window.kept[at].data, dense = canvas.width / canvas.clientWidth, found = [];
    for (let i = 0; i < now.length; i += 4) {{
        const pixel = i / 4;
        if ([0, 1, 2, 3].some(c => now[i + c] !== old[i + c]))
            found.push([(pixel % canvas.width + 0.5) / dense, (Math.floor(pixel / canvas.width) + 0.5) / dense]);
    }}
    return [canvas.clientWidth, found];
}})"""


def pointed_at(page):
    """Move the mouse onto a point of the large map that stands alone: its row, and where it is."""
    page.locator(PLOT).scroll_into_view_if_needed()
    points = np.array(page.locator(PLOT).evaluate(POINTS))
    row, x, y = points[lonely(points[:, 1:])]
    page.mouse.move(x - 40, y - 40)
    page.mouse.move(x, y, steps=4)
    return int(row), x, y


def lonely(places: np.ndarray) -> int:
    """Of places (N, 2), the one that is farthest from all others."""
    away = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(away, np.inf)
    return int(away.min(1).argmax())


class Companion:
    """What the page's companion says now; its shadow root is open to Playwright."""

    def __init__(self, page):
        self.page = page
        self.box = page.locator(".st-key-map_hover .companion")
        self.slider = self.box.get_by_role("slider", name=re.compile("Step through the forget set"))

    def says(self, title):
        expect(self.box.locator(".title")).to_have_text(title)

    def shows(self, image):
        """A row of the table: which image, its label and all answers."""
        expect(self.box.locator(".origin")).to_have_text(f"{SET_TITLE[image['set']]}, {image['id'].replace(':', ' index ')}")
        expect(self.box.locator(".name")).to_have_text(f"Class {image['label']}")
        sure = {model: (100 * self.table[f"{model}_sure"]).round().astype(int)[image.name] for model in self.models}
        wanted = [[str(image[f"{model}_answer"]), f"{sure[model]} %"] for model in self.models]
        found = self.box.locator("figure").evaluate_all(
            "all => all.map(one => [one.querySelector('.answer').textContent, one.querySelector('.number').textContent])"
        )
        assert found == wanted

    def pictures(self):
        """Of every canvas, what is on it."""
        return self.box.locator("canvas").evaluate_all("all => all.map(canvas => canvas.toDataURL())")

    def away(self):
        """The pointer leaves the maps."""
        self.page.mouse.move(5, 5)
        expect(self.box.locator(".title:text('Under the pointer')")).to_be_hidden()


@pytest.fixture
def companion(open_page, page, report, dashboard):
    """Beside the map of the finished run, computed by a click where it is not there yet; `table`: what is on it."""
    open_page(f"/map?run={report['id']}")
    offer = page.get_by_role("button", name="Compute the joint map by PCA")
    expect(offer.or_(page.locator(PLOT))).to_be_visible()
    if offer.is_visible():
        offer.click()
    drawn(page, "map_figure", seconds=90)
    ready(page)
    arrays = stored_results.arrays(dashboard.home, Analysis("map", report["id"], SETTINGS))
    found = Companion(page)
    found.table, found.models = table_of(arrays), models_of(arrays)
    expect(found.box.locator(".maps canvas")).to_have_count(3)
    until(lambda: found.box.evaluate(PAINTED))  # small maps wait for the large one
    return found


def test_the_image_under_the_pointer_is_shown_at_once_under_every_network_and_a_click_opens_it(companion, page, watch):
    expect(companion.box).to_contain_text("Point at an image")
    runs, before = watch.runs, companion.pictures()
    row, x, y = pointed_at(page)
    image = companion.table.iloc[row]
    companion.says("Under the pointer")
    companion.shows(image)
    after = companion.pictures()
    assert all(one != other for one, other in zip(before, after, strict=True)), "its picture, and a ring on each of the small maps"
    companion.away()
    expect(companion.box).to_contain_text("Point at an image")
    assert companion.pictures()[1:] == before[1:]
    assert watch.runs == runs, "the server was not asked"
    click_point(page, "map_figure", x, y)
    expect(page).to_have_url(re.compile(f"map_image={image['id'].replace(':', '(:|%3A)')}"))
    expect(page.locator(".st-key-map_card")).to_contain_text(f"index {image['index']}")
    ready(page)
    companion.away()
    companion.says("The open image")
    companion.shows(image)
    old = page.locator(PLOT).element_handle()
    page.get_by_role("radio", name="reference", exact=True).click()
    until(lambda: not old.evaluate("plot => plot.isConnected"))
    drawn(page, "map_figure")  # another one: it listens to that then
    ready(page)
    row = pointed_at(page)[0]
    companion.says("Under the pointer")
    companion.shows(companion.table.iloc[row])
    above_the_fold(page, ".st-key-map_figure")


def test_a_small_map_and_the_arrow_keys_show_an_image_and_open_it(companion, page, watch):
    table, models, runs = companion.table, companion.models, watch.runs
    every = np.concatenate([table[[f"{model}_x", f"{model}_y"]].to_numpy() for model in models])
    low, high = every.min(0), every.max(0)
    canvas = companion.box.locator(".maps canvas").last
    canvas.scroll_into_view_if_needed()
    side = canvas.evaluate("canvas => canvas.clientWidth")
    shares = (table[["reference_x", "reference_y"]].to_numpy() - low) / (high - low)
    places = PAD + np.stack([shares[:, 0], 1 - shares[:, 1]], 1) * (side - 2 * PAD)
    row = lonely(places)
    canvas.hover(position={"x": float(places[row][0]) + 1, "y": float(places[row][1]) + 1})
    companion.says("Under the pointer")
    companion.shows(table.iloc[row])

    forgotten = np.flatnonzero(table["set"] == "forget")
    companion.away()
    companion.slider.focus()
    companion.says(f"Forget image 1 of {len(forgotten)}")
    companion.slider.press("ArrowRight")
    companion.says(f"Forget image 2 of {len(forgotten)}")
    image = table.iloc[forgotten[1]]
    companion.shows(image)
    expect(companion.box.get_by_role("status")).to_contain_text(f"forget set, train index {image['index']}. Original: ")
    companion.slider.press("End")
    companion.shows(table.iloc[forgotten[-1]])
    assert watch.runs == runs
    companion.slider.press("Enter")
    expect(page.locator(".st-key-map_card")).to_contain_text(f"index {table['index'].iloc[forgotten[-1]]}")
    ready(page)
    companion.slider.blur()
    companion.says("The open image")


def test_what_a_rule_chose_is_ringed_on_every_small_map_until_nothing_is_chosen(companion, page):
    table, count, ring = companion.table, 20, 5  # pixels from a chosen point, at most, that a ring changes
    told, before = companion.box.get_by_text("small rings: the"), companion.pictures()[1:]
    expect(told).to_be_hidden()
    companion.box.evaluate(KEPT)
    page.locator(".st-key-map_by").get_by_text("most atypical", exact=True).click()
    expect(told).to_have_text(f"small rings: the {count} chosen to be forgotten")
    chosen = top_rows(scores(table, "most atypical"), is_training(table), count)
    every = np.concatenate([table[[f"{model}_x", f"{model}_y"]].to_numpy() for model in companion.models])
    low, high = every.min(0), every.max(0)
    for model, (side, changed) in zip(companion.models, companion.box.evaluate(CHANGED), strict=True):
        shares = (table[[f"{model}_x", f"{model}_y"]].to_numpy()[chosen] - low) / (high - low)
        places = PAD + np.stack([shares[:, 0], 1 - shares[:, 1]], 1) * (side - 2 * PAD)
        away = np.linalg.norm(np.array(changed)[:, None] - places[None], axis=2)
        assert away.min(1).max() <= ring, "what changed is a ring around a chosen image"
        assert away.min(0).max() <= ring, "and every chosen image has one"
    ready(page)
    page.locator(".st-key-map_by").get_by_text("drawn around", exact=True).click()
    expect(told).to_be_hidden()
    assert companion.pictures()[1:] == before


def test_everyone_can_use_it_and_it_fits_a_telephone(companion, page, axe):
    companion.slider.focus()
    assert axe(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    ready(page)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    boxes = [canvas.bounding_box() for canvas in companion.box.locator(".maps canvas").all()]
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= 390 and box["width"] > 80 for box in boxes)
