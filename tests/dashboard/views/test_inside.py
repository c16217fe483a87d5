"""Inside the method, page by page: every frame of really run methods, the player, and runs that lack a recording."""

import base64
import json
import re
import shutil

import numpy as np
import pytest

from core.analysis.registry import LOOKS
from core.analysis.stored_results import Analysis, keep, key_of
from core.domain.run import RunStatus
from core.jobs import submit
from core.storage.artifacts import Artifacts
from core.storage.home import Home
from core.storage.runs import ResultStore
from dashboard.components.inside import player
from tests.dashboard.conftest import sound
from tests.dashboard.stories import spec_of, tell
from tests.planted import plant
from tests.planted import spec as planted_spec

PAGE = "views/inside.py"
OWN = {  # method -> how many frames it has of its own, before the three that close every story
    "ssse": 5, "aru": 7, "unsir": 8, "weight_perturbation": 8, "salun": 2, "scrub": 2, "finetune": 1,
}  # fmt: skip


def words(at):
    """The frame's heading and its sentence, as they are read."""
    (told,) = [m.value for m in at.markdown if m.value.startswith("#### ")]
    return re.sub(r"\\(.)", r"\1", told.removeprefix("#### ")).split("\n", 1)


def alts(at):
    return [chart.proto.alt for chart in at.get("plotly_chart")]


@pytest.fixture(scope="module")
def told(tmp_path_factory, finished: Home, done):
    """A home of stories: method -> the id of its run."""
    home = Home(tmp_path_factory.mktemp("stories") / "home")
    shutil.copytree(finished.root, home.root)
    return home, {"ssd": done} | {key: tell(home, key, (finished, done)) for key in OWN}


@pytest.mark.parametrize("key", ["ssd", *OWN])
def test_every_frame_of_a_story_can_be_shown(open_app, told, key):
    home, runs = told
    at = open_app(home.root, PAGE, run=runs[key])
    frames = int(at.slider(key="frame").max)
    assert frames == OWN.get(key, 6) + 3
    seen = set()
    for frame in range(1, frames + 1):
        sound(at.slider(key="frame").set_value(frame).run())
        heading, sentence = words(at)
        assert heading.startswith(f"{frame} of {frames} · ")
        assert len(sentence.split()) > 10, "a frame says what happens and why"
        assert not at.error
        assert not at.info, "a fresh run lacks nothing"
        assert len(alts(at)) <= 4
        assert all(alts(at))
        assert all("How to read it: " in c.value for c in at.caption if c.value.startswith("How"))
        seen.add((heading.partition(" · ")[2], sentence))
    assert len(seen) == frames, "no two frames say the same"


def test_the_player_steps_and_stops_at_both_ends(open_app, told):
    home, runs = told
    at = open_app(home.root, PAGE, run=runs["finetune"])
    assert at.button(key="player-back").disabled
    for frame in (2, 3, 4):
        sound(at.button(key="player-forward").click().run())
        assert words(at)[0].startswith(f"{frame} of 4")
        assert at.slider(key="frame").value == frame
    assert at.button(key="player-forward").disabled
    sound(at.button(key="player-back").click().run())
    assert words(at)[0].startswith("3 of 4")


def test_a_play_goes_on_by_itself_and_ends_at_the_last_frame(open_app, told, monkeypatch):
    home, runs = told
    clock = [100.0]
    monkeypatch.setattr(player, "monotonic", lambda: clock[0])
    at = open_app(home.root, PAGE, run=runs["finetune"])
    at = sound(at.button(key="player-play").click().run())
    assert at.button(key="player-play").label == "Pause"
    assert words(at)[0].startswith("1 of 4"), "the first frame stands its time"
    for frame in (2, 3, 4):
        clock[0] += player.SECONDS
        sound(at.run())
        assert words(at)[0].startswith(f"{frame} of 4")
    assert at.button(key="player-play").label == "Play"
    clock[0] += player.SECONDS
    assert words(sound(at.run()))[0].startswith("4 of 4")
    sound(at.button(key="player-play").click().run())  # from the end it begins anew
    assert words(at)[0].startswith("1 of 4")
    assert at.button(key="player-play").label == "Pause"


@pytest.mark.parametrize("take", ["player-play", "player-forward", "slider"])
def test_whoever_takes_the_play_in_hand_stops_it(open_app, told, monkeypatch, take):
    home, runs = told
    clock = [100.0]
    monkeypatch.setattr(player, "monotonic", lambda: clock[0])
    at = open_app(home.root, PAGE, run=runs["finetune"])
    sound(at.button(key="player-play").click().run())
    clock[0] += 0.5
    sound((at.slider(key="frame").set_value(2) if take == "slider" else at.button(key=take).click()).run())
    assert at.button(key="player-play").label == "Play"
    stands = words(at)
    clock[0] += 5 * player.SECONDS
    assert words(sound(at.run())) == stands


def test_a_play_that_nobody_watches_has_ended(open_app, told, monkeypatch):
    home, runs = told
    clock = [100.0]
    monkeypatch.setattr(player, "monotonic", lambda: clock[0])
    at = open_app(home.root, PAGE, run=runs["finetune"])
    sound(at.button(key="player-play").click().run())
    clock[0] += player.STALE + 1
    sound(at.run())
    assert at.button(key="player-play").label == "Play"
    assert words(at)[0].startswith("1 of 4")


@pytest.mark.parametrize("frame, shown", [("3", 3), ("99", 1), ("-1", 1), ("x", 1), ("2.5", 2)])
def test_the_address_leads_to_a_frame_or_else_to_the_first(open_app, told, frame, shown):
    home, runs = told
    at = open_app(home.root, PAGE, run=runs["finetune"], frame=frame)
    assert words(at)[0].startswith(f"{shown} of 4")


def test_another_run_starts_from_its_first_frame(open_app, told):
    home, runs = told
    at = open_app(home.root, PAGE, run=runs["unsir"], frame="9")
    assert words(at)[0].startswith("9 of 11")
    sound(at.text_input(key="run").set_value(runs["finetune"]).run())
    assert words(at)[0].startswith("1 of 4")


def test_t_asks_the_network_anew(open_app, told):
    home, runs = told
    at = open_app(home.root, PAGE, run=runs["ssse"], frame="5")
    at_one = {m.label: m.delta for m in at.metric}
    assert set(at_one) == {f"{name}, t = 1.00" for name in ("Forget set", "Retain set", "Test images")}
    sound(at.slider(key="t").set_value(0.0).run())
    at_zero = {m.label: m.delta for m in at.metric}
    assert all(delta.startswith("+0.0 points, ") for delta in at_zero.values())
    forget = [next(d for label, d in found.items() if label.startswith("Forget")) for found in (at_zero, at_one)]
    losses = [float(delta.split("loss ")[1].split()[0]) for delta in forget]
    assert losses[1] > losses[0], "the step climbs the forget set's loss"
    assert len(alts(at)) == 2


def without(home: Home, run_id: str, key: str, *patterns: str) -> str:
    """The same run as an older version would have left it, with another seed's id: without some arrays."""
    with ResultStore(home.database) as store:
        files = store.artifacts(run_id)
    recorded = Artifacts(home.artifacts_folder).get_arrays(files["recorded"])
    left = {name: array for name, array in recorded.items() if not any(name.startswith(p) for p in patterns)}
    made = spec_of(home, key)
    return plant(home, type(made)(**{**vars(made), "seed": 1}), files={"recorded": left or None})


@pytest.mark.parametrize("key, gone, what", [
    ("ssse", ("ssse/",), "no eigenvalues"),
    ("aru", ("aru/images",), "no attacked images"),
    ("aru", ("aru_difference/",), "no differences"),
    ("aru", ("aru/healing",), "no accuracies"),
    ("unsir", ("unsir_noise/",), "no noise"),
    ("unsir", ("unsir/retain",), "no accuracies"),
    ("weight_perturbation", ("perturbation/sketch", "perturbation/moments"), "no moments"),
    ("weight_perturbation", ("perturbation/",), "no trajectory"),
])  # fmt: skip
def test_an_older_run_says_which_part_is_missing_and_shows_the_rest(open_app, tmp_path, told, key, gone, what):
    home = Home(tmp_path / "older")
    shutil.copytree(told[0].root, home.root)
    at = open_app(home.root, PAGE, run=without(home, told[1][key], key, *gone))
    said = []
    for frame in range(1, int(at.slider(key="frame").max) + 1):
        sound(at.slider(key="frame").set_value(frame).run())
        said.append(words(at)[1])
        assert not at.error
    assert sum(what in sentence and "run it again" in sentence for sentence in said) == 1, said


def test_a_planted_run_that_recorded_nothing_is_told_like_any_other(open_app, bare):
    for key in ("ssd", "gradient_ascent", "retrain"):
        at = open_app(bare.root, PAGE, run=plant(bare, planted_spec(key)))
        for frame in range(1, int(at.slider(key="frame").max) + 1):
            sound(at.slider(key="frame").set_value(frame).run())
            assert not at.error
        assert at.slider(key="frame").max == 4


def test_a_method_that_records_nothing_says_so_honestly(open_app, told):
    home, runs = told
    _, sentence = words(open_app(home.root, PAGE, run=runs["finetune"]))
    assert "records no steps of its own" in sentence


# Attack-and-Reset beside its control.


def test_the_control_is_offered_asked_for_once_and_then_stands_beside(open_app, tmp_path, told, finished, done, monkeypatch):
    monkeypatch.setattr(submit, "ensure_supervisor", lambda *_: None)  # nobody computes it here
    home = Home(tmp_path / "control")
    shutil.copytree(told[0].root, home.root)
    at = open_app(home.root, PAGE, run=told[1]["aru"], frame="7")
    assert [line["name"] for line in lines(at, 0)] == ["this run"]
    sound(at.button(key="run-control").click().run())
    control = spec_of(home, "aru", mask="random")
    with ResultStore(home.database) as store:
        assert store.existing(control.id).status == RunStatus.QUEUED
        assert store.existing(control.id).spec == control
    assert not [b for b in at.button if b.key == "run-control"]
    submit.cancel(home, control.id)
    submit.delete(home, control.id)
    assert tell(home, "aru", (finished, done), mask="random") == control.id
    sound(at.run())
    assert [line["name"] for line in lines(at, 0)] == ["this run", "random mask"]
    assert "compared with the ablation" in words(at)[1]
    with ResultStore(home.database) as store:
        looks = Artifacts(home.artifacts_folder).get_arrays(store.artifacts(control.id)["recorded"])["aru/healing"]
    shown = lines(at, 1)[1]["y"]
    assert values(shown) == pytest.approx(looks[:, 1].tolist())


def lines(at, chart):
    return json.loads(at.get("plotly_chart")[chart].proto.spec)["data"]


def values(array):
    return array if isinstance(array, list) else np.frombuffer(base64.b64decode(array["bdata"]), array["dtype"]).tolist()


def test_a_control_that_left_nothing_is_told_and_asked_for_no_second_time(open_app, tmp_path, told):
    home = Home(tmp_path / "control")
    shutil.copytree(told[0].root, home.root)
    plant(home, spec_of(home, "aru", mask="random"))
    at = open_app(home.root, PAGE, run=told[1]["aru"], frame="7")
    assert [line["name"] for line in lines(at, 0)] == ["this run"]
    assert any("cannot be read" in c.value for c in at.caption)
    assert not [b for b in at.button if b.key == "run-control"]


def test_the_overlap_of_both_directions_masks_is_offered_then_drawn(open_app, tmp_path, told):
    home, run_id = Home(tmp_path / "overlap"), told[1]["aru"]
    shutil.copytree(told[0].root, home.root)
    at = open_app(home.root, PAGE, run=run_id, frame="6")
    assert at.button(key="look_mask_overlap")
    asked = Analysis("mask_overlap", run_id)
    keep(home, key_of(home, asked), asked, LOOKS["mask_overlap"](home, run_id, lambda *_: None), 1.0)
    sound(at.run())
    (bars,) = lines(at, 0)
    assert bars["x"] == ["conv1.weight", "conv2.weight"]
    shared = values(bars["y"])
    assert all(0 < share < 1 for share in shared), "from the same random start; alike, not the same"
    assert any("have nothing to do with each other share 70 %" in c.value for c in at.caption)


def test_a_control_is_offered_no_control(open_app, tmp_path, told, finished, done):
    home = Home(tmp_path / "control")
    shutil.copytree(told[0].root, home.root)
    at = open_app(home.root, PAGE, run=tell(home, "aru", (finished, done), mask="random"), frame="4")
    assert "this run is the ablation" in words(at)[1]
    sound(at.slider(key="frame").set_value(7).run())
    assert not [b for b in at.button if b.key == "run-control"]


def test_unsir_without_optimised_noise_says_that_it_is_a_control(open_app, tmp_path, told, finished, done):
    home = Home(tmp_path / "control")
    shutil.copytree(told[0].root, home.root)
    at = open_app(home.root, PAGE, run=tell(home, "unsir", (finished, done), noise="gaussian"))
    assert "This run is an ablation" in words(at)[1]
    assert at.slider(key="frame").max == 6
