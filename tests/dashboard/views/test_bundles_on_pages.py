"""Bundles on the pages: an imported run is shown everywhere as where it was computed, and marked; what is downloaded is what is stored."""

from io import BytesIO
import json
from pathlib import Path
import shutil
import zipfile

import pytest
from safetensors.numpy import load
from streamlit.testing.v1 import AppTest

from core.data.importing import store as added_sets
from core.domain.info import DatasetInfo
from core.export.bundle import check_files
from core.export.bundle import write as writing
from core.export.bundle.bring import bring
from core.export.bundle.layout import MANIFEST
from core.export.downloads import bundle_of, downloads
from core.storage.artifacts import Artifacts
from core.storage.home import Home, open_home
from core.storage.runs import ResultStore
from tests.core.export.bundle.bundles import planted_home
from tests.dashboard.conftest import sound
from tests.dashboard.views.test_pages import OF_A_RUN, said, told
from tests.drawn import TRAIN_COUNTS
from tests.planted import plant, spec

INFO = {"key": "pets@01234567", "title": "pets", "about": "", "channels": 1, "height": 8, "width": 8, "classes": tuple("abcdefghij"),
        "train_counts": TRAIN_COUNTS, "test_count": 360, "mean": (0.3,), "deviation": (0.3,)}  # fmt: skip


def brought(home: Home, file: Path) -> None:
    """Its files are opened in this process, which must be the main thread's: one of its own takes a second to start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(check_files, "check", lambda folder, runs, paths, _: check_files.check_all(folder, runs, paths, str))
        bring(home, file)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory, finished: Home, done: str) -> Home:
    """A home that holds the finished run as it came in a bundle; only to be looked at."""
    place = tmp_path_factory.mktemp("elsewhere")
    home = open_home(place / "home")
    shutil.copytree(finished.root / "catalogue", home.root / "catalogue")
    (place / "from a friend.zip").write_bytes(bundle_of(finished, done))
    brought(home, place / "from a friend.zip")
    return home


def figures(at: AppTest) -> list[str]:
    return [chart.proto.spec for chart in at.get("plotly_chart")]


@pytest.mark.parametrize("page", OF_A_RUN)
def test_every_page_draws_an_imported_run_as_it_draws_it_where_it_was_computed(open_app, finished, elsewhere, done, page):
    there, here = (open_app(home.root, page, run=done) for home in (finished, elsewhere))
    assert figures(there) == figures(here)
    assert ":violet-badge[:material/input: imported]" in said(here)
    assert any("from a friend.zip" in text for text in told(here, "markdown"))
    assert "imported" not in said(there)


def test_an_imported_run_and_study_are_marked_in_every_list(open_app, elsewhere, tmp_path, bare, finished):
    home, _ = planted_home(tmp_path / "there")
    (tmp_path / "two.zip").write_bytes(bundle_of(home, "s0123"))
    brought(bare, tmp_path / "two.zip")
    own = plant(bare, spec("finetune"))
    at = open_app(bare.root, "views/runs.py")
    listed = [element.proto.body for element in at.get("html") if "class='run-name'" in element.proto.body]
    assert len(listed) == 4
    assert [own in row for row in listed] == [">imported<" not in row for row in listed]
    at = open_app(bare.root, "views/studies.py")
    assert any("s0123" in text.value and "imported" in text.value for text in at.markdown)
    at = open_app(bare.root, "views/compare.py")
    assert any("computed elsewhere" in text.value and own not in text.value for text in at.markdown)


def upload(at: AppTest, content: bytes, name: str = "a b\u2028.zip") -> AppTest:
    at = at.file_uploader(key="bundle").set_value((name, content, "application/zip")).run()
    return sound(at.button(key="import-bundle").click().run())


def test_a_bundle_is_imported_by_upload_and_opened(open_app, bare, finished, done):
    at = open_app(bare.root, "views/runs.py")
    assert at.button(key="import-bundle").disabled
    at = upload(at, bundle_of(finished, done))
    assert "1 run imported" in at.success[0].value
    with ResultStore(bare.database) as store:
        assert store.existing(done).imported.file == "a b_.zip"
    at = sound(at.button(key="open-brought").click().run())
    assert at.title[0].value == "Result"
    assert at.text_input(key="run").value == done


def test_what_is_no_bundle_is_told_on_the_page_and_leaves_nothing(open_app, bare):
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("../evil.py", "evil")
    at = upload(open_app(bare.root, "views/runs.py"), stream.getvalue())
    assert told(at) == ["a b_.zip holds '../evil.py', a path that may lead out of the folder; pack it anew."]
    with ResultStore(bare.database) as store:
        assert not store.runs()
    assert not list(bare.root.parent.rglob("evil.py"))


@pytest.fixture
def of_own_images(tmp_path, bare, monkeypatch) -> tuple[Home, str]:
    """A home with an imported run of a dataset that is not on this machine."""
    home = open_home(tmp_path / "there")
    run_id = plant(home, spec("ssd", dataset=INFO["key"], engine="0123456789ab"))
    with monkeypatch.context() as patch:
        patch.setattr(writing.added_sets, "info_of", lambda *_: DatasetInfo(**INFO))
        (tmp_path / "a.zip").write_bytes(bundle_of(home, run_id))
    brought(bare, tmp_path / "a.zip")
    assert not added_sets.keys(bare.datasets_folder)
    return bare, run_id


@pytest.mark.parametrize("page", OF_A_RUN)
def test_without_the_images_of_its_dataset_numbers_and_figures_are_shown_and_what_is_missing_is_told(open_app, of_own_images, page):
    home, run_id = of_own_images
    at = open_app(home.root, page, run=run_id)
    assert not at.exception
    for sentence in told(at):
        assert sentence.endswith(".")
    assert figures(at) or page not in ("views/result.py", "views/privacy.py")
    if page == "views/result.py":
        assert not at.error
        assert "a" in json.dumps(json.loads(figures(at)[0]))


def test_single_files_are_what_is_stored(finished, done):
    with ResultStore(finished.database) as store:
        files = store.artifacts(done)
    artifacts = Artifacts(finished.artifacts_folder)
    made = {one.file_name: one for one in downloads(finished, done)}
    networks = {"Weights, original", "Weights, unlearned", "Weights, retrained reference"}
    assert networks | {"Importances", "Masks", "Per-example scores"} <= {one.label for one in made.values()}
    for name in ("original", "unlearned", "reference", "examples", "recorded"):
        (file_name,) = [key for key in made if key.startswith(f"{done}-{name}")]
        assert made[file_name].make() == (finished.artifacts_folder / files[name]).read_bytes()
    masks, packed = load(made[f"{done}-masks.safetensors"].make()), artifacts.get_arrays(files["touched"])
    weights, before = (artifacts.get_arrays(files[name]) for name in ("unlearned", "original"))
    assert masks.keys() == packed.keys()
    for name, mask in masks.items():
        assert mask.dtype == bool
        assert mask.shape == weights[name].shape
        assert not (mask & (weights[name] == before[name])).any()  # what is marked has moved
    assert sum(int(mask.sum()) for mask in masks.values()) > 0


def test_result_offers_them_with_the_command_that_does_the_same(open_app, finished, done):
    at = open_app(finished.root, "views/result.py", run=done)
    offered = [button.label for button in at.get("download_button")]
    assert {"Bundle", "Weights, original", "Masks", "Per-example scores"} <= set(offered)
    assert f"python -m core export {done} {done}.zip" in [code.value for code in at.code]
    at = sound(at.toggle(key="bundle_weights").set_value(False).run())
    assert f"python -m core export {done} {done}.zip --without-weights" in [code.value for code in at.code]


def test_a_study_has_a_bundle_of_its_own(open_app, tmp_path, bare):
    home, _ = planted_home(tmp_path / "there")
    shutil.copytree(bare.root / "catalogue", home.root / "catalogue")
    at = open_app(home.root, "views/studies.py")
    assert [button.label for button in at.get("download_button")] == ["Bundle", "Report"]
    with zipfile.ZipFile(BytesIO(bundle_of(home, "s0123"))) as archive:
        assert json.loads(archive.read(MANIFEST))["studies"] == ["s0123"]
