"""The Saliency page in a browser: maps on a click, a gallery that is computed apart and opened by a click, a picture of one's own."""

from io import BytesIO
import re

from PIL import Image
from playwright.sync_api import expect
import pytest

from dashboard.components.common.run_status import POLL
from tests.browser.kit import alert, click_point, clocks, drawn, ready, until


def shown(page):
    """Addresses of all pictures, once the browser has them."""
    until(lambda: page.evaluate("[...document.querySelectorAll('.stImage img')].every(image => image.complete && image.naturalWidth)"))
    return page.locator(".stImage img").evaluate_all("(images) => images.map(image => image.src)")


@pytest.fixture
def saliency(open_page, page, report):
    """The page on the finished run, its maps drawn."""
    open_page(f"/saliency?run={report['id']}&explainer=Saliency")
    expect(page.get_by_text("How alike the maps are")).to_be_visible()
    return page


def test_another_image_brings_other_maps_and_goes_into_the_address(saliency):
    page = saliency
    before = shown(page)
    box = page.get_by_role("spinbutton", name=re.compile("^Number"))
    box.fill("4")
    box.press("Enter")
    ready(page)
    until(lambda: len(set(shown(page)) - set(before)) >= 4)  # the image and a map a network
    expect(page).to_have_url(re.compile("saliency_place=4"))


def test_a_gallery_is_computed_apart_and_a_click_opens_an_image_of_it(saliency):
    page = saliency
    page.get_by_role("button", name="Compute the gallery").click()
    until(lambda: POLL in clocks(page))
    drawn(page, "gallery_original", "gallery_unlearned", "gallery_reference", seconds=90)
    ready(page)
    until(lambda: POLL not in clocks(page))  # nothing polls once it is there
    plot = page.locator(".st-key-gallery_unlearned .js-plotly-plot")
    plot.scroll_into_view_if_needed()
    box = page.get_by_role("spinbutton", name=re.compile("^Number"))
    x, y, told = plot.evaluate(
        """(plot, now) => {
            const trace = plot._fullData.find(trace => trace.customdata), {xaxis, yaxis} = plot._fullLayout;
            const box = plot.getBoundingClientRect(), other = trace.text.findIndex(text => !text.startsWith(`number ${now},`));
            return [box.left + xaxis._offset + xaxis.l2p(trace.x[other]), box.top + yaxis._offset + yaxis.l2p(trace.y[other]),
                    trace.text[other]];
        }""",
        box.input_value(),
    )
    number = re.search(r"number (\d+)", told)[1]
    assert number != box.input_value()

    def opened() -> bool:  # on a loaded machine a click is lost while the page still takes the gallery in
        click_point(page, "gallery_unlearned", x, y)
        try:
            expect(box).to_have_value(number, timeout=5000)
        except AssertionError:
            return False
        return True

    until(opened, 30)
    ready(page)


def test_a_picture_of_ones_own_is_explained_and_what_is_none_is_refused(saliency):
    page = saliency
    page.get_by_role("radio", name="Own picture").click()
    ready(page)
    picture = BytesIO()
    Image.linear_gradient("L").resize((300, 200)).save(picture, "PNG")
    chooser = page.locator(".st-key-saliency_own input[type=file]")
    chooser.set_input_files({"name": "slope.png", "mimeType": "image/png", "buffer": picture.getvalue()})
    expect(page.get_by_text("How alike the maps are")).to_be_visible()
    chooser.set_input_files({"name": "no.png", "mimeType": "image/png", "buffer": b"no picture at all"})
    alert(page, "no.png")
