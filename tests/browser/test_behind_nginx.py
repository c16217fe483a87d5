"""Below a path, behind a real nginx with the file that ships, and behind a proxy that takes the path off, as JupyterHub's does."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
import http.client
from pathlib import Path
import re
import shutil

from playwright.sync_api import Browser, BrowserContext, Page, expect
import pytest

from core.domain.duel import Rules
from core.storage.audience import decks, duels
from core.storage.audience.decks import Slide
from core.storage.home import Home
from core.storage.runs import ResultStore
from tests.browser.kit import Dashboard, ready
from tests.browser.nginx import NAME, PASSWORD, find_nginx, nginx

BELOW, TAKEN_OFF = "/forgetscope", "/user/ann/proxy/8501"

pytestmark = [
    pytest.mark.skipif(find_nginx() is None, reason="there is no nginx on this machine (Debian's package nginx-light)"),
    pytest.mark.timeout(400),  # the first one waits for a second server
]
BOTH = pytest.mark.parametrize("place", ["path kept", pytest.param("path taken off", marks=pytest.mark.slow)], indirect=True)


@dataclass(frozen=True)
class Place:
    """What people open: the address without a last slash, and the server behind it."""

    url: str
    dashboard: Dashboard

    @property
    def port(self) -> int:
        return int(self.url.split(":")[2].partition("/")[0])


@pytest.fixture(scope="module")
def places(dashboard: Dashboard, first_run: tuple[Home, object], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, Place]]:
    """Below the shipped file's path, and below one that is taken off."""
    folder = tmp_path_factory.mktemp("nginx")
    hosts = [word for name in ("lab.example", "127.0.0.1") for word in ("--server.allowedHosts", name)]
    server = Dashboard(dashboard.home, folder / "server.log", *hosts, below=BELOW)
    server.start()
    try:
        with nginx(folder / "nginx", server.port, (f"{TAKEN_OFF}/", dashboard.port)) as (port, second):
            yield Place(f"http://127.0.0.1:{port}{BELOW}", server), Place(f"http://127.0.0.1:{second}{TAKEN_OFF}", dashboard)
    finally:
        server.stop()
        shutil.rmtree(folder / "nginx", ignore_errors=True)
    assert not server.complaints(), server.log.read_text()[-4000:]


@pytest.fixture
def place(request: pytest.FixtureRequest, places: tuple[Place, Place]) -> Place:
    """The first, unless BOTH says otherwise."""
    return places[getattr(request, "param", "") == "path taken off"]


@pytest.fixture
def visitor(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser that knows the password."""
    context = chromium.new_context(
        viewport={"width": 1280, "height": 900}, reduced_motion="reduce", http_credentials={"username": NAME, "password": PASSWORD}
    )
    context.set_default_timeout(15_000)
    yield context
    context.close()


@pytest.fixture
def tab(visitor: BrowserContext, open_tab: Callable[..., Page]) -> Page:
    """One tab of it."""
    return open_tab(visitor)


def address(element) -> str:
    """Where a link leads, as the browser has made it whole."""
    return str(element.evaluate("(link) => link.href"))


@BOTH
def test_pages_links_and_files_are_those_below_the_path(tab: Page, place: Place, open_tab, report):
    tab.goto(f"{place.url}/")
    expect(ready(tab).get_by_role("heading", level=1)).to_have_text("Story")
    tab.get_by_test_id("stSidebarNav").get_by_role("link", name="Guide").click()
    expect(tab).to_have_url(f"{place.url}/guide")
    link = ready(tab).get_by_test_id("stMain").get_by_role("link", name="Reading the evidence").first
    assert address(link) == f"{place.url}/guide?chapter=reading-the-evidence"
    tab.goto(address(link))
    expect(ready(tab).get_by_role("heading", name="Reading the evidence")).to_be_visible()

    tab.goto(f"{place.url}/result?run={report['id']}")
    expect(tab.locator(".st-key-verdict")).to_contain_text("class 3", timeout=90_000)  # the server's first Result imports a lot
    ready(tab)
    tab.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    tab.get_by_role("button", name="Copy link to this view").click()
    expect(tab.get_by_role("status").filter(has_text="copied")).to_be_visible()
    copied = tab.evaluate("window.copied")
    assert re.match(rf"{re.escape(place.url)}/result\?.*run={report['id']}", copied)
    other = open_tab(tab.context)
    other.goto(copied)
    expect(ready(other).locator(".st-key-verdict")).to_contain_text("class 3")
    tab.get_by_test_id("stMain").get_by_role("link", name="What happened to the weights").click()
    expect(tab).to_have_url(re.compile(rf"{re.escape(place.url)}/parameters\?.*run={report['id']}"))
    ready(tab)


@BOTH
def test_a_figure_s_file_and_the_stage_are_found_below_the_path(tab: Page, place: Place, open_tab, report):
    with ResultStore(place.dashboard.home.database) as store:
        deck = decks.make(store, "Talk", [Slide("text", "One idea")])
    tab.goto(f"{place.url}/result?run={report['id']}")
    figure = ready(tab).locator("[data-testid=stPlotlyChart]:has(.main-svg):visible").first
    figure.scroll_into_view_if_needed()
    figure.hover()
    with tab.expect_download() as waited:
        tab.get_by_role("button", name=re.compile("SVG")).first.click()
    assert waited.value.suggested_filename.endswith(".svg")
    tab.goto(f"{place.url}/present?deck={deck}")
    link = ready(tab).get_by_role("link", name="Present", exact=True).last
    assert address(link) == f"{place.url}/stage/{deck}"
    stage = open_tab(tab.context)
    stage.goto(address(link))
    expect(stage.locator("#slide-1")).to_contain_text("One idea")


def test_weights_are_uploaded_through_it(tab: Page, place: Place, report):
    with ResultStore(place.dashboard.home.database) as store:
        weights = place.dashboard.home.artifacts_folder / store.artifacts(report["id"])["original"]
    tab.goto(f"{place.url}/unlearn")
    ready(tab).get_by_text("Own weights for the original").click()
    chooser = tab.locator(".st-key-own_weights input[type=file]")
    chooser.set_input_files({"name": "mine.safetensors", "mimeType": "application/octet-stream", "buffer": Path(weights).read_bytes()})
    expect(tab.get_by_text(re.compile(r"fits: [\d,]+ weights"))).to_be_visible(timeout=60_000)


def test_links_for_a_class_and_for_a_duel_s_other_seat_lead_below_the_path(tab: Page, place: Place, report):
    for page, opens in (("unlearn", "unlearn"), (f"?notes=true&of={report['id']}", "")):
        tab.goto(f"{place.url}/{page}")
        ready(tab).get_by_text("Make a link for a class").click()
        given = tab.get_by_test_id("stCode").filter(has_text="lock=")
        expect(given.first).to_contain_text(f"{place.url}/{opens}?")
    with ResultStore(place.dashboard.home.database) as store:
        code = duels.begin(store, Rules(tries=1)).code
    tab.goto(f"{place.url}/duel?duel={code}&seat=forgetter")
    expect(ready(tab).get_by_test_id("stCode").first).to_contain_text(f"{place.url}/duel?duel={code}&seat=attacker")


def asked(place: Place, path: str, **headers: str) -> tuple[int, str, str]:
    """Status, where it sends one, and text."""
    line = http.client.HTTPConnection("127.0.0.1", place.port, timeout=10)
    try:
        line.request("GET", path, headers=headers)
        answer = line.getresponse()
        return answer.status, answer.getheader("location") or "", answer.read().decode()
    finally:
        line.close()


def test_a_wrong_name_is_told_so_and_nobody_comes_in_without_the_password(places: tuple[Place, Place]):
    place = places[0]
    known = {"Authorization": "Basic YW5uOmEgd29yZCBvZiB0aGUgdGVzdHM="}
    assert asked(place, f"{BELOW}/")[0] == 401
    assert asked(place, f"{BELOW}/_stcore/health")[0] == 401
    for host in ("lab.example", "127.0.0.1"):
        status, _, text = asked(place, f"{BELOW}/_stcore/health", Host=f"{host}:80", **known)
        assert (status, text) == (200, "ok")
    status, _, text = asked(place, f"{BELOW}/", Host="elsewhere.example", **known)
    assert status == 403
    assert text.startswith(
        "This dashboard answers only to the names in server.allowedHosts (lab.example, 127.0.0.1); it was asked as elsewhere.example."
    )
    status, _, text = asked(place, f"{BELOW}/", Host="lab.example", Origin="https://elsewhere.example", **known)
    assert (status, text.splitlines()[0][:37]) == (403, "A page of https://elsewhere.example a")
    assert asked(place, f"{BELOW}?level=Guided", Host="lab.example", **known)[:2] == (301, f"{BELOW}/?level=Guided")
    assert asked(place, "/", Host="lab.example", **known)[0] == 404
