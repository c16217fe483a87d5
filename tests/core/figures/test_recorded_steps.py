"""Frames of AMUN, amnesiac and guided unlearning, from hand-made recordings."""

import numpy as np
import pytest

from core.domain.errors import WrongInput
from core.domain.requests.registry import parse_request
from core.figures.inside import recorded_steps, shared_frames
from core.figures.inside.frames import Story


def story(recorded):
    def table(name):
        raise WrongInput(f"no table {name}")

    return Story("A method", {}, parse_request("random:0.1"), ("a", "b", "c"), {k: np.asarray(v) for k, v in recorded.items()}, table)


IMAGES = np.full((3, 1, 8, 8), 0.5)
AMUN = {
    "amun/images": IMAGES, "amun/attacked": IMAGES + np.array([0.0, 0.1, -0.2]).reshape(3, 1, 1, 1), "amun/mistaken": [1, 1, 0, 1],
    "amun/distance": [0.0, 0.3, 0.5, 0.9], "amun/radius": [0.0, 0.32, 0.64, 0.64],
}  # fmt: skip
AMNESIAC = {
    "amnesiac/hit": [0, 1, 0, 0, 1], "amnesiac/lengths": [0.25, 0.5], "amnesiac/way_back": 0.4, "amnesiac/log_bytes": 3e6,
    "amnesiac/healing": [1.0, 0.25, 0.75, 0.9],
}  # fmt: skip


def test_amuns_frames_show_the_mistakes_and_count_images_by_distance_and_radius():
    idea, mistakes, far = shared_frames.method_frames(story(AMUN), "About.")
    assert idea.sentence == r"About\."
    assert "75" in mistakes.sentence
    (panel,) = mistakes.panels()
    assert panel.grid is not None
    assert panel.grid.shape[0] > 3 * 8 - 1
    assert "2.5 times louder" in panel.title  # 0.5 / 0.2
    assert "0.3 away" in far.sentence
    distances, radii = far.panels()
    assert sum(distances.figure.data[0].y) == 3, "the image without a mistake lies at no distance from one"
    assert list(radii.figure.data[0].x) == ["0", "0.32", "0.64"]
    assert list(radii.figure.data[0].y) == [1, 1, 2]


def test_amnesiac_frames_tell_hits_what_a_log_would_take_and_the_way_back():
    _, steps, healed = shared_frames.method_frames(story(AMNESIAC), "About.")
    assert "Of 5 steps of training 2 had" in steps.sentence
    assert "3 MB" in steps.sentence
    assert "40" in steps.sentence
    (panel,) = steps.panels()
    assert list(panel.figure.data[0].x) == [2, 5]
    assert list(panel.figure.data[0].y) == [0.25, 0.5]
    assert "25" in healed.sentence
    assert list(healed.panels()[0].figure.data[0].y) == [1.0, 0.25, 0.75, 0.9]


def test_guided_frames_name_every_stage():
    assert recorded_steps.stage_names(7) == ["before", "restart", "warm-up", "ascent 1", "recovery 1", "ascent 2", "recovery 2"]
    assert recorded_steps.stage_names(3) == ["before", "restart", "warm-up"]
    stages = [[1, 1], [0.1, 0.1], [0.0, 0.6], [0.0, 0.5], [0.0, 0.9]]
    _, frame = shared_frames.method_frames(story({"guided/stages": stages}), "About.")
    assert "60" in frame.sentence
    (panel,) = frame.panels()
    assert list(panel.figure.layout.xaxis.ticktext) == ["before", "restart", "warm-up", "ascent 1", "recovery 1"]
    assert [list(trace.y) for trace in panel.figure.data] == [[1, 0.1, 0.0, 0.0, 0.0], [1, 0.1, 0.6, 0.5, 0.9]]


@pytest.mark.parametrize("name", ["amun/distance", "amnesiac/lengths"])
def test_a_part_of_what_a_method_records_makes_no_frame_of_it(name):
    whole = {**AMUN, **AMNESIAC}
    kept = {key: value for key, value in whole.items() if key != name}
    assert len(recorded_steps.frames(story(whole))) == 4
    assert len(recorded_steps.frames(story(kept))) == 2
    assert not recorded_steps.frames(story({}))
