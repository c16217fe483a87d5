"""A server with a login, in a real browser: who comes in, what he sees, and what is left when he has gone."""

from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
import hashlib
from pathlib import Path
import re

import httpx
from playwright.sync_api import Browser, BrowserContext, Page, expect
import pytest

from core.storage.access import actors
from core.storage.access.actors import MEMBER, Actor
from core.storage.audience import decks
from core.storage.audience.decks import Slide
from core.storage.home import Home, open_home
from core.storage.runs import ResultStore
from tests.browser.identity_provider import Provider, identity_provider, secrets_toml
from tests.browser.kit import Dashboard, Watch, ready
from tests.browser.nginx import NAME, PASSWORD, find_nginx, nginx
from tests.forbidden import BEN, ZOE, Things, make_things
from tests.visitor import visitor

PEOPLE = {"ada": {}, "ben": {}, "cleo": {}, "dan": {"email": "dan@else.example"}}
ROLES = """admins = ["ada@lab.example"]
members = ["ben@lab.example", "zoe@lab.example"]
readers = ["*@lab.example"]
name = "Vision lab"
contact = "Ada Lovelace, room 3"
"""


@dataclass
class Server:
    """The dashboard, its provider, and what lies in its home. roles: writes other ones."""

    dashboard: Dashboard
    provider: Provider
    things: dict[str, Things]
    secrets: Path
    deck: str

    def roles(self, text: str) -> None:
        self.secrets.write_text(secrets_toml(self.provider, self.dashboard.url, text))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, first_run: tuple[Home, object]) -> Iterator[Server]:
    """On a home with things of Ben and Zoe."""
    folder = tmp_path_factory.mktemp("login")
    home = open_home(folder / "home")
    (home.root / "catalogue").symlink_to(first_run[0].root / "catalogue")
    (home.root / "examples.json").write_text("{}")
    things = {owner: make_things(home, owner, place) for place, owner in enumerate((BEN, ZOE), 1)}
    with ResultStore(home.database) as store:
        with store.db.transaction() as write:
            write.execute("delete from jobs where status = 'queued'")  # nothing is to be computed here
        with actors.acting_as(Actor(BEN, MEMBER)):
            deck = decks.make(store, "A talk", [Slide("text", "One")])
    secrets = folder / "secrets.toml"
    dashboard = Dashboard(home, folder / "log", "--secrets.files", str(secrets))
    with identity_provider(PEOPLE) as provider:
        found = Server(dashboard, provider, things, secrets, deck)
        found.roles(ROLES)
        dashboard.start()
        yield found
        dashboard.stop()
        assert not dashboard.complaints(), dashboard.log.read_text()[-4000:]


@pytest.fixture
def browser_of(chromium: Browser, server: Server) -> Iterator[Callable[..., BrowserContext]]:
    """A browser of somebody's own; nothing unasked may have happened in it."""
    contexts, watches = list[BrowserContext](), list[Watch]()

    def make(**about: object) -> BrowserContext:
        settings = {"viewport": {"width": 1280, "height": 900}, "base_url": server.dashboard.url, "reduced_motion": "reduce"}
        context = chromium.new_context(**settings | about)  # type: ignore[arg-type]
        context.set_default_timeout(15_000)
        context.on("page", lambda page: watches.append(Watch(page)))
        contexts.append(context)
        return context

    yield make
    bad = [what for watch in watches for what in watch.bad]
    for context in contexts:
        context.close()
    assert not [what for what in bad if server.provider.url not in what]


def log_in(context: BrowserContext, name: str, path: str = "/runs") -> Page:
    page = context.new_page()
    page.goto(path)
    ready(page)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name=name, exact=True).click()
    page.wait_for_url(re.compile(f"{re.escape(path)}$"))  # where he wanted to go
    return ready(page)


def test_everybody_sees_the_login_page_alone_and_each_role_what_it_may(server, browser_of, axe):
    member, reader = browser_of(), browser_of(color_scheme="dark", viewport={"width": 390, "height": 800})
    page = log_in(member, "ben")
    expect(page.get_by_test_id("stSidebar").get_by_text("member", exact=True)).to_be_visible()
    mine, theirs = server.things[BEN], server.things[ZOE]
    expect(page.locator(f".st-key-runs-Cancel-{mine.queued} button")).to_be_enabled()
    expect(page.locator(f".st-key-runs-Cancel-{theirs.queued} button").first).to_be_disabled()
    expect(page.locator(f".st-key-run-{theirs.queued}")).to_contain_text(ZOE)
    page.goto("/present")
    assert axe(ready(page)) == []
    page = log_in(reader, "cleo", "/runs?find=seed")
    for key in (f"runs-Cancel-{mine.queued}", f"runs-Retry-{theirs.failed}"):
        expect(page.locator(f".st-key-{key} button").first).to_be_disabled()
    page.goto("/present")
    with ready(page).expect_download() as got:  # it is made when it is asked for, outside of the page's script
        page.get_by_role("button", name="Download").click()
    assert "A talk" in got.value.path().read_text(encoding="utf-8")
    assert {"/token", "/jwks"} <= set(server.provider.log)


@pytest.mark.slow
def test_who_is_not_let_in_reads_why_and_can_leave(browser_of, axe):
    page = log_in(browser_of(), "dan", "/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Vision lab")
    expect(page.get_by_test_id("stAlert")).to_contain_text("not among those whom this server lets in")
    expect(page.get_by_test_id("stSidebar")).to_be_hidden()
    assert axe(page) == []
    page.get_by_role("button", name="Log out and in again").click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()


def test_logging_out_ends_the_login_in_every_window(server, browser_of):
    context = browser_of()
    first, second = log_in(context, "ben"), context.new_page()
    second.goto("/runs")
    ready(second)
    first.get_by_role("button", name="Log out").click()
    expect(first.get_by_role("button", name="Log in")).to_be_visible()
    expect(second.get_by_test_id("stAlert")).to_contain_text("You have logged out")  # the list asks again by itself
    second.reload()
    expect(second.get_by_role("button", name="Log in")).to_be_visible()
    assert server.dashboard.run(server.things[BEN].queued).status == "queued"


def test_without_a_login_the_server_hands_out_nothing(server):
    with visitor(server.dashboard.url, "ben") as ben, visitor(server.dashboard.url) as nobody:
        ben.open("runs")
        for path in (f"/stage/{server.deck}", "/media/logo.png", "/_stcore/metrics"):
            assert nobody.web.get(f"{ben.url}{path}").status_code == 403
            assert ben.web.get(f"{ben.url}{path}").status_code != 403
        upload = f"{ben.url}/_stcore/upload_file/{ben.session}/x"
        assert nobody.web.put(upload, files={"x": b"x"}).status_code == 403


def test_a_session_is_not_gone_on_with_by_another(server):
    with visitor(server.dashboard.url, "ben") as ben, visitor(server.dashboard.url, "cleo") as cleo:
        ben.open("runs")
        mine = f"runs-Cancel-{server.things[BEN].queued}"
        assert not ben.buttons[mine].disabled
        cleo.open("runs", session=ben.session)  # as a browser that comes back
        assert cleo.session != ben.session
        assert cleo.buttons[mine].disabled


def test_a_role_that_is_taken_counts_for_a_page_that_is_open(server):
    with visitor(server.dashboard.url, "ben") as ben:
        ben.open("runs")
        mine = server.things[BEN].queued
        server.roles(ROLES.replace('"ben@lab.example", ', ""))
        try:
            ben.press(f"runs-Cancel-{mine}")
        finally:
            server.roles(ROLES)
        assert any("As a reader" in said for said in ben.said)
        assert server.dashboard.run(mine).status == "queued"


def test_a_cookie_of_another_server_opens_nothing(server):
    with visitor(server.dashboard.url, "ben") as ben:
        value = ben.web.cookies["_streamlit_user"]
    forged = hashlib.sha256(value.encode()).hexdigest()
    for cookie in (value[:-1] + ("A" if value[-1] != "A" else "B"), forged, value.replace(".", "", 1)):
        answer = httpx.get(f"{server.dashboard.url}/stage/{server.deck}", cookies={"_streamlit_user": cookie})
        assert answer.status_code == 403


@pytest.mark.slow
@pytest.mark.skipif(find_nginx() is None, reason="there is no nginx on this machine (Debian's package nginx-light)")
def test_behind_a_proxy_below_a_path(server, tmp_path):
    secrets = tmp_path / "secrets.toml"
    dashboard = Dashboard(server.dashboard.home, tmp_path / "log", "--secrets.files", str(secrets), below="/forgetscope")
    with nginx(tmp_path / "nginx", dashboard.port, ("/taken-off/", dashboard.port)) as (port, _):
        url = f"http://127.0.0.1:{port}/forgetscope"
        secrets.write_text(secrets_toml(server.provider, url, ROLES))
        dashboard.start()
        try:
            password = {"Authorization": f"Basic {b64encode(f'{NAME}:{PASSWORD}'.encode()).decode()}"}
            with visitor(url, "ben", password) as ben, visitor(url, headers=password) as nobody:
                ben.open("runs")
                assert not ben.buttons[f"runs-Cancel-{server.things[BEN].queued}"].disabled
                assert ben.web.get(f"{url}/stage/{server.deck}").status_code == 200
                assert {nobody.web.get(f"{url}{path}").status_code for path in (f"/stage/{server.deck}", "/media/x.png")} == {403}
        finally:
            dashboard.stop()
