"""Two hundred names that are markup, links or formulas elsewhere, through every page: shown letter for letter, and nothing is fetched."""

from collections.abc import Iterator
import re
import shutil
from typing import Any

from playwright.sync_api import Browser, expect
import pytest
import torch

from core import pipeline
from core.data.importing.importer import ImportOptions, add
from core.domain.requests.classes import ClassRequest
from core.domain.run import RunStatus
from core.export import examples
from core.jobs.catalogue import catalogue
from core.jobs.validation import make_spec
from core.storage.home import open_home
from core.storage.processes import ProcessId
from core.storage.runs import ResultStore
from tests.browser.kit import PATHS, Dashboard, ready
from tests.hostile import TRAP, folder_of, names

pytestmark = pytest.mark.timeout(300)  # the fixture trains, and a loaded machine is slow, not wrong
HOSTILE = names()


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, first_run: Any) -> Iterator[tuple[Dashboard, str, str, str]]:
    """A dashboard on a home with a set of twenty such classes and one of two hundred, and a run on the larger: both keys, the run's id.

    Added and computed in this process, for two processes of the command line would load torch three times; `finish` takes what
    the pipeline measured, as a run's own process does.
    """
    folder = tmp_path_factory.mktemp("hostile")
    home = open_home(folder / "home")
    shutil.copytree(first_run[0].root / "catalogue", home.root / "catalogue")
    keys = []
    for count in (20, len(HOSTILE)):
        path = folder_of(folder / str(count), HOSTILE[:count], each=1)
        keys.append(add(path, ImportOptions(label="kind"), home.datasets_folder).info.key)
    spec = make_spec(catalogue(home.root), keys[1], "small_cnn", ClassRequest((0,)), "ssd", {})
    with pytest.MonkeyPatch.context() as patch, ResultStore(home.database) as store:
        patch.setenv("FORGETSCOPE_DEVICE", "cpu")
        patch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # set by the pipeline; taken back with the patch
        store.add(spec)
        claimed = store.claim(me := ProcessId.of_this_process())
        assert claimed is not None
        store.started(spec.id, claimed[1], me, "cpu")
        outcome = pipeline.run(spec, home, lambda *_: None)
        store.finish(spec.id, claimed[1], RunStatus.DONE, outcome=outcome)
    torch.set_deterministic_debug_mode("default")
    examples.remember(home, {})  # Story need not bring them in beside this run
    server = Dashboard(home, folder / "server.log")
    server.start()
    yield server, *keys, spec.id
    server.stop()
    assert not server.complaints(), server.log.read_text()[-4000:]


def test_no_page_takes_a_name_for_anything_but_letters(hostile, chromium: Browser, open_tab):
    server, few, many, run = hostile
    context = chromium.new_context(viewport={"width": 1280, "height": 2400}, base_url=server.url, reduced_motion="reduce")
    context.set_default_timeout(30_000)
    page = open_tab(context)  # whose watch fails the test for a request that leaves, an error, a refusal of the policy
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    queries = [f"/unlearn?dataset={few}", f"/unlearn?dataset={many}&kind=classes", *(f"{path}?run={run}" for path in PATHS.values())]
    page.goto(f"/result?run={run}")  # its engine starts before the form's own one, which measures: each loads torch
    expect(page.locator(".fs-maps img")).to_have_count(4, timeout=30_000)
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
