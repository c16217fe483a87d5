"""Two hundred names that are markup, links or formulas elsewhere, through every page: shown letter for letter, and nothing is fetched."""

from collections.abc import Iterator
import json
import re
from typing import Any

from playwright.sync_api import Browser
import pytest

from core.domain import ForgetRequest
from core.store.home import Home
from tests.browser.kit import PATHS, Dashboard, ready
from tests.hostile import TRAP, folder_of, names

pytestmark = pytest.mark.timeout(300)  # the fixture trains, and a loaded machine is slow, not wrong
HOSTILE = names()


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, python_m_core: Any) -> Iterator[tuple[Dashboard, str, str, str]]:
    """A dashboard on a home with a set of twenty such classes and one of two hundred, and a run on the larger: both keys, the run's id."""
    folder = tmp_path_factory.mktemp("hostile")
    home, keys = Home(folder / "home"), []
    for count in (20, len(HOSTILE)):
        path = folder_of(folder / str(count), HOSTILE[:count], each=1)
        told = python_m_core(home.root, "data", "add", str(path), "--label", "kind", "--json")
        assert told.returncode == 0, told.stderr
        keys.append(json.loads(told.stdout)["key"])
    request = ForgetRequest("class", (0,)).text  # by its number: the name itself would have to be quoted
    told = python_m_core(home.root, "run", "--dataset", keys[1], "--model", "small_cnn", "--forget", request, "--method", "ssd", "--json")
    assert told.returncode == 0, told.stderr
    server = Dashboard(home, folder / "server.log")
    server.start()
    yield server, *keys, json.loads(told.stdout)["id"]
    server.stop()
    assert not server.complaints(), server.log.read_text()[-4000:]


def test_no_page_takes_a_name_for_anything_but_letters(hostile, chromium: Browser, open_tab):
    server, few, many, run = hostile
    context = chromium.new_context(viewport={"width": 1280, "height": 2400}, base_url=server.url, reduced_motion="reduce")
    context.set_default_timeout(30_000)
    page = open_tab(context)  # whose watch fails the test for a request that leaves, an error, a refusal of the policy
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    queries = [f"/?dataset={few}", f"/?dataset={many}&kind=classes", *(f"{path}?run={run}" for path in PATHS.values())]
    for address in queries:
        page.goto(address)
        ready(page)
        main = page.get_by_test_id("stMain")
        assert main.locator("a[href*='trap'], a[href*='e.example'], img[src*='trap'], script, iframe[src*='trap']").count() == 0, address
        assert main.locator(f"a[href^='mailto:'], a[href^='javascript:'], [src*='{TRAP}']").count() == 0, address
        if few in address:
            pills = main.locator(".st-key-class button").all_inner_texts()
            letters = [re.sub("[\u2060\\s]", "", text) for text in pills]
            assert sorted(letters) == sorted(re.sub(r"\s", "", name) for name in HOSTILE[:20])
    assert not dialogs
    context.close()
