"""The form that asks what must go: every kind that a dataset supports, with its images in sight; without a browser."""

from dataclasses import replace
import re

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.data.datasets.cartoon_faces.sets import SETS as FACES
from core.data.datasets.cifar100 import FINE
from core.domain.info import Column
from core.domain.requests.published import MUFAC
from core.domain.requests.registry import KINDS
from core.figures.markdown import plain
from core.jobs import catalogue as shelves
from core.jobs.catalogue import catalogue, dataset_images
from tests.dashboard.conftest import sound


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """No published set is here, and none may be downloaded."""
    monkeypatch.setenv("FORGETSCOPE_DATA", str(tmp_path / "no-data"))
    monkeypatch.setenv("FORGETSCOPE_OFFLINE", "1")
    st.cache_data.clear()


def group(at, label):
    return next(g for g in at.button_group if g.label == label)


def told(at):
    return [re.sub(r"\\(.)", r"\1", message.value) for message in at.info]


def must_go(at):
    """The sentence under the form."""
    (said,) = [c.value for c in at.caption if "training images are in the forget set" in c.value or "drawn by seed" in c.value]
    return said


def kinds_of(data):
    return [key for key, kind in KINDS.items() if kind.offered(data)]


def test_the_kinds_are_those_that_the_dataset_supports(finished):
    lacks = {
        "digits": {"subclass", "attribute"}, "cifar20": set(), "faces": {"subclass"},
        "faces_attributes": {"class", "classes", "subclass", "mislabelled"},
    }  # fmt: skip
    lacks = {key: kinds | {"published", "published_people", "selected"} for key, kinds in lacks.items()}  # of faces that a user brings
    shelf = catalogue(finished.root).datasets
    assert {key: set(KINDS) - set(kinds_of(shelf[key])) for key in lacks} == lacks


def test_every_kind_has_a_form_and_words_for_the_help(open_app, finished):
    """Whatever the registry holds: the page draws it by the form that the kind derives from."""
    at = open_app(finished.root)
    kinds = group(at, "What to forget")
    assert list(kinds.options) == kinds_of(catalogue(finished.root).datasets["digits"])
    for kind in kinds.options:
        assert f"{kind}: {KINDS[kind].about}" in kinds.help
        sound(group(at, "What to forget").set_value(kind).run())
        assert must_go(at) if KINDS[kind].drawn or kind == "class" else told(at)  # of the others nothing is chosen at first


@pytest.mark.parametrize("said", [["cat (wild)", "1. cow"], ["cat \\(wild\\)", "1\\. cow"]])
@pytest.mark.parametrize("kind", ["class", "classes"])
def test_an_address_may_name_classes_as_they_are_called_or_as_they_are_shown(finished, kind, said):
    """What is shown holds marks that keep Markdown from reading it; a name that is not known would be another class in silence."""

    def page(data, kind):
        import streamlit as st

        from core.domain.requests.registry import KINDS
        from dashboard.components.forms.forget_request import entered

        st.caption(str(entered(KINDS[kind], data).picks))

    digits = replace(catalogue(finished.root).datasets["digits"], classes=("dog", "cat (wild)", "1. cow", *"3456789"))
    at = AppTest.from_function(page, args=(digits, kind), default_timeout=60)
    at.query_params[kind] = said if kind == "classes" else said[0]
    assert sound(at.run()).caption[-1].value == ("(1,)" if kind == "class" else "(1, 2)")
    assert sound(at.run()).caption[-1].value == ("(1,)" if kind == "class" else "(1, 2)")
    chosen = group(at, "Class" if kind == "class" else "Classes")
    assert sound(chosen.set_value("dog" if kind == "class" else ["dog"]).run()).caption[-1].value == "(0,)"


def test_a_published_forget_set_is_chosen_by_its_name(finished):
    def page(data):
        import streamlit as st

        from core.domain.requests.registry import KINDS
        from dashboard.components.forms.forget_request import entered

        st.caption(entered(KINDS["published"], data).text)

    data = catalogue(finished.root).datasets["digits"]
    faces = replace(data, classes=MUFAC.classes, columns=(Column("family", ("F0001", "F0002"), (800, 800)),))
    at = sound(AppTest.from_function(page, args=(faces,), default_timeout=60).run())
    assert [caption.value for caption in at.caption] == [plain(f"{MUFAC.title} ({MUFAC.source})."), "published:mufac"]


def test_columns_that_differ_by_an_underscore_alone_are_two(finished):
    """Both would be called `with hat`, and the first chosen for either."""

    def page(data):
        import streamlit as st

        from core.domain.requests.attribute import AttributeRequest
        from dashboard.components.forms.forget_request import entered

        st.caption(entered(AttributeRequest, data).column)

    faces = catalogue(finished.root).datasets["faces_attributes"]
    columns = tuple(replace(faces.columns[0], name=name) for name in ("with_hat", "with hat"))
    at = AppTest.from_function(page, args=(replace(faces, columns=columns),), default_timeout=60).run()
    for name in ("with hat", "with_hat"):
        at = sound(group(at, "Attribute").set_value(name).run())
        assert at.caption[-1].value == name
    assert len(set(group(at, "Attribute").options)) == 2


def test_a_person_is_searched_for_and_shown(open_app, bare):
    at = open_app(bare.root, dataset="faces", kind="attribute")
    people = at.multiselect(key="value.identity")
    assert list(people.options) == [str(i) for i in range(200)]
    people.set_value(["17", "20"])
    assert must_go(sound(at.run())) == "32 training images are in the forget set."
    assert not at.info
    assert not at.button(key="submit").disabled
    images = dataset_images(bare.root, "faces")
    assert np.flatnonzero(images["train_column/identity"] == 17).tolist() == list(range(17 * 16, 18 * 16))


def test_an_attribute_starts_from_those_who_have_it(open_app, bare):
    at = open_app(bare.root, dataset="faces_attributes", kind="attribute", column="glasses")
    assert at.multiselect(key="value.glasses").value == ["yes"]
    glasses = next(c for c in FACES[2].INFO.columns if c.name == "glasses")
    assert must_go(at) == f"{glasses.counts[1]} training images are in the forget set; 36 of them are shown."
    at.multiselect(key="value.glasses").set_value([])
    assert told(sound(at.run())) == ["The forget set is empty; name at least one value of glasses of faces_attributes, 0 to 1."]
    at.multiselect(key="value.glasses").set_value(["no", "yes"])
    assert "would forget everything" in told(sound(at.run()))[0]


def test_mislabelled_says_that_labels_are_flipped_before_the_original_is_trained_and_the_truth_is_kept(open_app, finished):
    at = open_app(finished.root, kind="mislabelled", amount="100", draw="7")
    assert must_go(at) == "100 of 1437 training images, drawn by seed 7 when the run starts."
    (plainly,) = [c.value for c in at.caption if "flipped" in c.value]
    assert "before the original is trained" in plainly
    assert "truth is kept" in plainly
    assert not at.button(key="submit").disabled


def test_a_file_of_indices_goes_together_with_those_typed(open_app, finished):
    at = open_app(finished.root, kind="samples", samples="5")
    at.file_uploader(key="indices").upload("gone.csv", b"index\n9\n5\n12\n", "text/csv")
    assert must_go(sound(at.run())) == "3 training images are in the forget set."
    assert not at.button(key="submit").disabled


@pytest.mark.parametrize("content, words", [(b"index\n3\n<b>x</b>\n", "line 3 says '<b>x</b>'"), (b"\xff\xfe", "no text in UTF-8")])
def test_junk_in_an_uploaded_file_is_told_in_a_sentence(open_app, finished, content, words):
    at = open_app(finished.root, kind="samples", samples="5")
    at.file_uploader(key="indices").upload("gone.csv", content, "text/csv")
    (sentence,) = told(sound(at.run()))
    assert sentence.startswith("gone.csv ")
    assert words in sentence
    assert at.button(key="submit").disabled


def test_images_that_are_not_here_are_told_of_and_the_request_stands(open_app, bare, empty, monkeypatch):
    looked_for, look = [], shelves.dataset_images
    monkeypatch.setattr(shelves, "dataset_images", lambda root, key: looked_for.append(key) or look(root, key))
    at = open_app(bare.root, dataset="cifar20", kind="subclass", subclass="beaver")
    (sentence,) = told(at)
    assert sentence.startswith("CIFAR-20 is not in ")
    assert "put the folder cifar-100-python there, or set FORGETSCOPE_DATA" in sentence
    assert must_go(at) == "500 training images are in the forget set."
    assert not at.button(key="submit").disabled
    assert list(at.multiselect(key="subclass").options) == list(FINE)
    at.multiselect(key="subclass").set_value(["beaver", "otter"])
    assert must_go(sound(at.run())) == "1000 training images are in the forget set."
    assert looked_for == ["cifar20"]  # once, not at every click: it takes seconds


def test_many_classes_are_searched_for_and_few_lie_open(open_app, bare, empty):
    at = open_app(bare.root, dataset="cifar100")
    assert list(at.selectbox(key="class").options) == list(FINE)
    at.selectbox(key="class").set_value("beaver")
    assert must_go(sound(at.run())) == "500 training images are in the forget set."
    assert "class" not in [s.key for s in open_app(bare.root).selectbox]


def test_another_dataset_takes_the_form_along_as_far_as_it_goes(open_app, bare, empty):
    """From a class of digits to sets that have other classes, none, and back: no page breaks."""
    at = open_app(bare.root, **{"class": "8"})
    for dataset, kind in (("faces", "class"), ("faces_attributes", "attribute"), ("digits", "class"), ("cifar20", "class")):
        at.selectbox(key="dataset").set_value(dataset)
        sound(at.run())
        assert group(at, "What to forget").value in (kind, "attribute")
        assert group(at, "What to forget").value in kinds_of(catalogue(bare.root).datasets[dataset])
        assert not at.error


def test_a_rule_of_ones_own_is_offered_by_its_key(monkeypatch):
    from core.domain.requests.selected import SelectedRequest, Selection

    def page():
        import streamlit as st

        from core.data.datasets.digits import INFO
        from core.domain.requests.registry import KINDS
        from core.domain.requests.selected import SelectedRequest
        from dashboard.components.forms.forget_request import entered

        assert SelectedRequest.offered(INFO)
        st.caption(entered(KINDS["selected"], INFO).text)

    monkeypatch.setattr(SelectedRequest, "sets", {"odd": Selection("Odd ones", "digits", (1, 3, 5), "mine")})
    at = AppTest.from_function(page).run()
    assert not at.exception
    assert at.button_group(key="set").options == ["odd"]
    assert [c.value for c in at.caption] == [plain("Odd ones (mine)."), f"selected:odd@{SelectedRequest.sets['odd'].digest}"]
