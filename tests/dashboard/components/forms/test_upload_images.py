"""Adding images of one's own from the Unlearn page: what is said, what is chosen afterwards."""

from pathlib import Path
import shutil

import pytest

from core.data.importing import store
from core.domain.errors import WrongInput
from core.jobs import background, import_dataset, submit
from tests.core.data.importing.made_up import folder
from tests.core.jobs.place import in_this_process
from tests.dashboard.conftest import sound
from tests.dashboard.views.test_pages import one_sentence

VIEW = "views/unlearn.py"


@pytest.fixture
def data(tmp_path, monkeypatch):
    """FORGETSCOPE_DATA, with one folder of images and one that is none."""
    monkeypatch.setenv("FORGETSCOPE_DATA", str(tmp_path / "data"))
    folder(tmp_path / "data" / "pets", counts=(4, 2))
    (tmp_path / "data" / "papers").mkdir()
    return tmp_path / "data"


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """What is asked for is read in this process, before the click returns."""
    monkeypatch.setattr(background, "ensure_supervisor", in_this_process)


def asked(at, name):
    return at.text_input(key="own_folder").set_value(name).run()


def test_there_is_nothing_to_add_before_a_folder_is_named(open_app, bare, data):
    at = open_app(bare.root, VIEW)
    assert at.button(key="own_add").disabled
    assert not asked(at, "pets").button(key="own_add").disabled


def test_folders_with_both_halves_are_offered_and_one_click_names_them(open_app, bare, data):
    at = open_app(bare.root, VIEW)
    offered = next(group for group in at.button_group if group.label == "Found in FORGETSCOPE_DATA")
    assert offered.options == ["pets"]
    sound(offered.set_value("pets").run())
    assert at.text_input(key="own_folder").value == "pets"


def test_no_folder_is_offered_where_there_is_none(open_app, bare, tmp_path, monkeypatch):
    monkeypatch.setenv("FORGETSCOPE_DATA", str(tmp_path / "nowhere"))
    at = open_app(bare.root, VIEW)
    assert "Found in FORGETSCOPE_DATA" not in [group.label for group in at.button_group]


def test_added_images_become_the_chosen_dataset_and_can_be_asked_to_be_forgotten(open_app, bare, data):
    at = asked(open_app(bare.root, VIEW), "pets")
    at.number_input(key="own_size").set_value(16).run()
    sound(at.button(key="own_add").click().run())
    (key,) = store.keys(bare.datasets_folder)
    assert at.selectbox(key="dataset").value == key
    assert "8 to train on, 4 to test" in " ".join(caption.value for caption in at.caption).replace("\u2060", "").replace("\\", "")
    assert store.info_of(bare.datasets_folder, key).height == 16
    assert not at.button(key="submit").disabled


def test_an_import_is_followed_found_by_a_page_that_comes_back_and_can_be_cancelled(open_app, bare, data, monkeypatch):
    monkeypatch.setattr(background, "ensure_supervisor", lambda *_: None)
    monkeypatch.setattr(submit, "ensure_supervisor", lambda *_: None)
    at = asked(open_app(bare.root, VIEW), "pets")
    sound(at.button(key="own_add").click().run())
    assert at.button(key="own_add").disabled
    back = sound(open_app(bare.root, VIEW))
    assert [one.label for one in back.button if one.key == "cancel_import"] == ["Cancel"]
    assert back.get("progress")[0].text == "Adding images: starting"
    before = back.selectbox(key="dataset").value
    in_this_process(bare)
    (key,) = store.keys(bare.datasets_folder)
    box = sound(back.run()).selectbox(key="dataset")
    assert box.value == before  # another session may have asked for it
    assert any(key in option for option in box.options)
    assert sound(at.run()).selectbox(key="dataset").value == key
    at = asked(open_app(bare.root, VIEW), "pets")
    at.button(key="own_add").click().run()
    sound(at.button(key="cancel_import").click().run())
    assert import_dataset.active(bare) == ""
    assert not at.button(key="own_add").disabled


def test_an_uploaded_zip_is_added_under_its_name_and_nothing_else_is_left(open_app, bare, data):
    at = open_app(bare.root, VIEW)
    (data / "pets/train/cat/notes.txt").write_text("no image")
    raw = Path(shutil.make_archive(str(data / "packed"), "zip", data / "pets")).read_bytes()
    at.file_uploader(key="own_zip").upload("my ../pets.zip", raw, "application/zip").run()
    sound(at.button(key="own_add").click().run())
    (key,) = store.keys(bare.datasets_folder)
    assert (at.selectbox(key="dataset").value, key.partition("@")[0]) == (key, "pets")
    assert [place.name for place in bare.datasets_folder.iterdir()] == [key]
    told = [info.value.replace("\\", "") for info in at.info]
    assert f"{key}: 1 file that is no image passed over (1 .txt)." in told


def test_a_zip_that_is_none_is_told_in_one_sentence(open_app, bare, data):
    at = open_app(bare.root, VIEW)
    at.file_uploader(key="own_zip").upload("pets.zip", b"hello", "application/zip").run()
    at.button(key="own_add").click().run()
    one_sentence(at, "pets.zip is no zip archive that can be read")
    assert [*store.keys(bare.datasets_folder), *bare.uploads_folder.iterdir()] == []


def test_a_folders_name_is_shown_letter_for_letter(open_app, bare, data):
    (data / "pets").rename(data / "![x](http:__evil)*")
    at = asked(open_app(bare.root, VIEW), "![x](http:__evil)*")
    sound(at.button(key="own_add").click().run())
    assert r"the folder \!\[x\]\(http\:\_\_evil\)\*" in " ".join(caption.value for caption in at.caption).replace("\u2060", "")


def test_what_is_wrong_is_told_in_one_sentence_and_the_dataset_stays(open_app, bare, data):
    (data / "pets" / "train" / "dog" / "1.png").write_bytes(b"no image")
    at = asked(open_app(bare.root, VIEW), "pets")
    before = at.selectbox(key="dataset").value
    at.button(key="own_add").click().run()
    one_sentence(at, "The image train/dog/1.png is broken", "mend it or take it out")
    assert at.selectbox(key="dataset").value == before
    assert store.keys(bare.datasets_folder) == []


def test_what_the_widgets_say_is_what_is_asked(open_app, bare, data, monkeypatch):
    calls = []

    def fake(home, path, asked):
        calls.append((home.root, path, asked.layout, asked.size, asked.label))
        raise WrongInput("Not *now*.")

    monkeypatch.setattr(import_dataset, "start", fake)
    at = asked(open_app(bare.root, VIEW), " pets ")
    at.selectbox(key="own_layout").set_value("folder").run()
    at.text_input(key="own_label").set_value("superclass").run()
    at.button(key="own_add").click().run()
    assert calls == [(bare.root, "pets", "folder", 0, "superclass")]
    one_sentence(at, "Not *now*.")


def test_a_name_that_looks_like_an_option_is_a_folder(open_app, bare, data):
    at = asked(open_app(bare.root, VIEW), "--help")
    at.button(key="own_add").click().run()
    one_sentence(at, "There is no folder --help")


def test_a_folder_beside_a_zip_is_not_passed_over_in_silence(open_app, bare, data):
    at = asked(open_app(bare.root, VIEW), "pets")
    at.file_uploader(key="own_zip").upload("other.zip", b"hello", "application/zip").run()
    at.button(key="own_add").click().run()
    one_sentence(at, "pets", "other.zip", "take out the one not wanted")
