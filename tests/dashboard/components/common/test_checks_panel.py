"""The box that says whether a run can be trusted, and the floor under a run: asked for, watched, shown. No browser."""

from pathlib import Path

import pandas as pd
import pytest

from core.domain.methods.ablations import CONTROLS
from core.domain.run import RunStatus
from core.jobs import submit as runner
from core.reports.checks.registry import CHECKED
from core.storage.home import Home, open_home
from core.storage.processes import ProcessId
from core.storage.runs import ResultStore
from tests.dashboard.conftest import html_text, sound
from tests.planted import Behaviour, plant, spec
from tests.planted import record as record_runs

RESULT = "views/result.py"


@pytest.fixture
def home(tmp_path: Path, finished: Home) -> Home:
    """A home without runs whose shelves need not be described again."""
    made = open_home(tmp_path / "planted")
    (made.root / "catalogue").symlink_to(finished.root / "catalogue")
    return made


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list:
    """Specs that a page submits; none is computed."""
    specs: list = []

    def submit(home, spec, **_):
        specs.append(spec)
        with ResultStore(home.database) as store:
            return store.add(spec)

    monkeypatch.setattr(runner, "submit", submit)
    monkeypatch.setattr(runner, "ensure_supervisor", lambda *_: None)
    return specs


def panel(at) -> str:
    """What the verdict and the box below it say, with what a click on it opens."""
    return html_text(at)


def caveats(at) -> str:
    return "\n".join([html_text(at), *(c.value.replace("\\", "") for c in at.caption)])


# The panel.


def test_a_good_run_names_what_was_looked_for(open_app, home):
    at = open_app(home.root, RESULT, run=plant(home, spec("ssd"), anamnesis_index=0.9, graft_forget_accuracy=0.0, forget_entropy=0.9))
    assert "✓ No warnings. what was checked" in panel(at)
    assert "Looked for: " in panel(at)
    assert all(what in panel(at) for key, what in CHECKED.items() if key != "control_as_good")
    assert CHECKED["control_as_good"] not in panel(at)  # SSD has none
    assert "The retraining variability is not known" in caveats(at)


def test_doubts_stand_in_the_box_with_their_numbers(open_app, home):
    run = plant(home, spec("ssd"), behaviour=Behaviour(worst=5), anamnesis_index=0.1, relearn_steps=2.0, parameter_distance=0.2)
    text = panel(open_app(home.root, RESULT, run=run))
    assert "No warnings" not in text
    assert "2 training steps bring it back" in text
    assert "The average hides a class: accuracy on test images of 5" in text


def test_the_stored_grafts_say_whether_the_originals_last_layer_fits(open_app, home):
    """A network far from the original, whose layers the original's last one fits all the same; the Privacy page agrees."""
    graft = pd.DataFrame([
        {"model": model, "direction": "model_below", "k": k, "layer": "", "forget": forget, "retain": retain}
        for model, forget, retain in (("unlearned", 0.72, 0.95), ("reference", 0.0, 0.02)) for k in range(5)
    ])  # fmt: skip
    numbers = {"reference/graft_forget_accuracy": 0.0}
    numbers_now = {"graft_forget_accuracy": 0.72, "parameter_distance": 0.9, "anamnesis_index": 0.9}
    run = plant(home, spec("ssd"), files={"graft": graft}, numbers=numbers, **numbers_now)
    told = "72 % of the forgotten class is right again, 0 % on the reference, whose layers it does not fit (more is left)"
    assert told in panel(open_app(home.root, RESULT, run=run))


def test_without_a_reference_it_says_so_and_what_could_not_be_checked(open_app, home):
    at = open_app(home.root, RESULT, run=plant(home, spec("ssd", reference=False)))
    assert "no retrained reference" in panel(at)
    assert "Not checked for want of a reference: " in caveats(at)
    assert "measure_floor" not in [b.key for b in at.button]


def test_a_control_of_the_same_request_is_held_against_the_run(open_app, home):
    params = {"mask": "aru", "share": 0.5}
    run = plant(home, spec("aru", params=params), js_to_reference=0.05)
    at = open_app(home.root, RESULT, run=run)
    assert "Not checked for want of a run of one of this method's controls" in caveats(at)
    plant(home, spec("aru", params=params | {"share": 0.7, "mask": "random"}), js_to_reference=0.05)  # another setting
    plant(home, spec("aru", seed=1, params=params | {"mask": "random"}), js_to_reference=0.05)  # another seed
    assert "An ablation does as well" not in panel(open_app(home.root, RESULT, run=run))
    control = plant(home, spec("aru", params=params | {"mask": "random"}), js_to_reference=0.05)
    assert "An ablation does as well. With a random mask" in panel(open_app(home.root, RESULT, run=run))
    assert "An ablation does as well" not in panel(open_app(home.root, RESULT, run=control))


def test_a_run_without_a_table_of_classes_is_told_in_a_sentence(open_app, home):
    at = sound(open_app(home.root, RESULT, run=plant(home, spec("ssd"), files={"per_class": None})))
    assert [e.value for e in at.error] != []
    assert len(at.error) == 1


def test_controls_are_what_their_methods_offer(open_app, finished):
    """The table of controls knows the methods' own words, and which params they leave without effect."""
    from core.jobs.catalogue import catalogue

    methods = catalogue(finished.root).methods
    for key, control in CONTROLS.items():
        declared = {p.name: p for p in methods[key].params}
        assert set(control.values) == set(declared[control.param].choices) - {declared[control.param].default}
        assert set(control.idle) == {p.name for p in methods[key].params if p.when and p.when[0] == control.param}


def test_the_line_on_privacy_says_the_same(open_app, home):
    run = plant(home, spec("ssd"), test_forget_accuracy=0.5)
    at = open_app(home.root, "views/privacy.py", run=run)
    assert "⚠ Not forgotten. The test forget set is still predicted correctly" in html_text(at)


# The floor.


def tables(at) -> list[str]:
    return [name for tab in at.tabs for name in tab.table[0].value.columns]


def test_the_floor_is_a_column_once_it_is_there(open_app, home):
    run = plant(home, spec("ssd"))
    assert "Second reference" not in tables(open_app(home.root, RESULT, run=run))
    plant(home, spec("retrain"), test_retain_accuracy=0.8)
    at = open_app(home.root, RESULT, run=run)
    first = at.tabs[0].table[0].value.set_index("Measure")
    assert first.loc["Accuracy, test retain set", "Second reference"] == "80 %"
    assert "measure_floor" not in [b.key for b in at.button]
    assert "more than twice the retraining variability, which a second reference shows" in caveats(at)
    assert "of relearning, it excuses only what lies on the side of the second network" in caveats(at)


@pytest.mark.parametrize("other", [{"seed": 1}, {"request": "class:5"}, {"engine": "older"}, {"model": "other"}, {"device": "cuda"}])
def test_another_requests_or_seeds_retraining_is_no_floor(open_app, home, other):
    run = plant(home, spec("ssd"))
    plant(home, spec("retrain", **{"request": "class:3", **other}))
    assert "Second reference" not in tables(open_app(home.root, RESULT, run=run))


def test_a_retrained_run_is_the_floor_itself(open_app, home):
    at = open_app(home.root, RESULT, run=plant(home, spec("retrain")))
    assert "Second reference" not in tables(at)
    assert "measure_floor" not in [b.key for b in at.button]
    assert "itself retrained" in caveats(at)


def test_the_button_queues_the_floor_and_the_page_watches_it(open_app, home, asked):
    run = plant(home, spec("ssd", seed=4))
    at = open_app(home.root, RESULT, run=run)
    at.button(key="measure_floor").click()
    sound(at.run())
    (floor,) = asked
    assert (floor.method, floor.request.text, floor.seed, floor.reference) == ("retrain", "class:3", 4, True)
    assert "measure_floor" not in [b.key for b in at.button]
    assert at.get("progress")[0].proto.text.startswith("Training the second reference: ")


def test_a_floor_that_was_stopped_can_be_asked_for_again(open_app, home, asked):
    run = plant(home, spec("ssd"))
    with ResultStore(home.database) as store:
        store.add(spec("retrain"))
        _, attempt = store.claim(ProcessId.of_this_process())
        store.finish(spec("retrain").id, attempt, RunStatus.CANCELLED)
    at = open_app(home.root, RESULT, run=run)
    assert any("The second reference was cancelled" in m.value.replace("\\", "") for m in at.markdown)
    at.button(key="measure_floor").click()
    sound(at.run())
    assert [s.id for s in asked] == [spec("retrain").id]


def test_a_run_of_another_engine_says_why_its_floor_cannot_be_measured(open_app, home):
    at = open_app(home.root, RESULT, run=plant(home, spec("ssd", engine="older")))
    assert "measure_floor" not in [b.key for b in at.button]
    assert "Another version of Forgetscope computed this run" in caveats(at)


def submitted(at) -> None:
    at.button(key="submit").click()
    sound(at.run())


def test_run_queues_the_floor_behind_itself(open_app, home, asked):
    submitted(open_app(home.root, method="finetune", seed="3", **{"class": "5"}))
    assert [(s.method, s.request.text, s.seed, s.reference) for s in asked] == [
        ("finetune", "class:5", 3, True), ("retrain", "class:5", 3, True),
    ]  # fmt: skip


@pytest.mark.parametrize("query", [{"floor": "false"}, {"reference": "false"}, {"method": "retrain"}])
def test_no_floor_is_queued_where_none_is_wanted_or_none_can_be(open_app, home, asked, query):
    at = open_app(home.root, **({"method": "finetune"} | query))
    assert at.toggle(key="floor").disabled == ("floor" not in query)
    submitted(at)
    assert len(asked) == 1


# Numbers.


def test_the_speed_up_is_shown_with_and_without_what_was_precomputed(open_app, finished, done):
    shown = {m.label: m.value for m in open_app(finished.root, RESULT, run=done).metric}
    alone, whole = (float(shown[label].rstrip(" ×")) for label in ("Speed-up", "With precompute"))
    assert 0 < whole < alone


def test_a_method_without_precompute_has_one_speed_up(open_app, home):
    at = open_app(home.root, RESULT, run=plant(home, spec("finetune")))
    assert [m.label for m in at.metric][-1] == "Speed-up"


def test_nomus_that_falls_after_a_good_run_is_explained(open_app, home):
    run = plant(home, spec("ssd"), nomus=0.80, test_forget_accuracy=0.0, numbers={"original/nomus": 0.95, "reference/nomus": 0.81})
    text = caveats(open_app(home.root, RESULT, run=run))
    assert "NoMUS fell from 95 % to 80 %" in text
    assert "the retrained reference itself has 81 %" in text


def test_the_planted_home_is_as_the_store_left_it(home):
    """`record` is the store's own way; a run that is there already is not written twice."""
    run = plant(home, spec("ssd"))
    assert record_runs(home, [(spec("ssd"), {}, {}, {})]) == [run]


def test_what_contradicts_a_doubt_is_told_below_and_not_beside_it(open_app, home):
    """Still answered half of the time, and the attack far below chance: the first is seen, the second inferred."""
    run = plant(home, spec("ssd"), test_forget_accuracy=0.5, attack_auc=0.1)
    at = open_app(home.root, RESULT, run=run)
    assert "⚠ Not forgotten. The test forget set is still predicted correctly" in panel(at)
    assert "Over-forgotten" not in panel(at)
    assert "Found, too, but not shown, because what is still predicted cannot have been forgotten too well: over-forgetting." in caveats(at)


def test_an_original_that_is_far_off_is_named_first_and_its_weights_are_told_of(open_app, home):
    numbers = {"original/train_retain_accuracy": 0.18, "original/test_retain_accuracy": 0.18}
    run = plant(home, spec("ssd", weights="0123456789abcdef"), numbers=numbers, test_retain_accuracy=0.18)
    at = open_app(home.root, RESULT, run=run)
    text = panel(at)
    first = text.split("⚠ ")[1]
    assert first.startswith("The original itself is far off. Accuracy on the retain set is 18 % before unlearning")
    assert "Its weights were uploaded" in first
    assert "Collapsed" not in text
    assert "\nNo verdict on the method: the original itself is far off●○○ Low confidence" in text
