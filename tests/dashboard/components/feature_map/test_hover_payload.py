"""What the map's companion is sent: positions, answers, names and pictures, packed."""

from base64 import b64decode
from io import BytesIO
import json
import re

import numpy as np
import pandas as pd
from PIL import Image
import pytest

from dashboard.components.feature_map.hover import component, payload
from dashboard.components.feature_map.hover.payload import (
    BYTE,
    COLUMNS,
    LONG,
    SHORT,
    STEPS,
    atlas_of,
    linked,
    packed,
    quantised,
)

RUDE = ("<img src=x onerror=alert(1)>", "</script><b>", '"}]')
MODELS = ["original", "unlearned", "reference"]


def numbers(text: str, kind: str) -> np.ndarray:
    return np.frombuffer(b64decode(text), kind)


def table(count: int = 6) -> pd.DataFrame:
    """Images 0 to `count` - 1 of the sets in turn, at random places."""
    draw = np.random.default_rng(0)
    names = np.array(["forget", "retain", "test_forget", "test_retain"])[np.arange(count) % 4]
    made: dict[str, object] = {
        "set": names, "index": np.arange(count) * 70_000, "label": np.arange(count) % 3, "truth": np.arange(count) % 2,
    }  # fmt: skip
    for model in MODELS:
        places = draw.normal(3, 20, (count, 2))
        made |= {f"{model}_x": places[:, 0], f"{model}_y": places[:, 1], f"{model}_answer": draw.integers(0, 3, count),
                 f"{model}_sure": draw.random(count)}  # fmt: skip
    return pd.DataFrame(made)


def test_a_place_comes_back_within_half_a_step():
    places = np.random.default_rng(1).normal(0, 9, (400, 2)) * [1, 1000]
    low, high = places.min(0), places.max(0)
    steps = quantised(places, low, high)
    assert steps.dtype == np.uint16
    assert (np.abs(low + steps / STEPS * (high - low) - places) <= 0.501 * (high - low) / STEPS).all()
    assert quantised(np.ones((3, 2)), np.ones(2), np.ones(2)).tolist() == [[32768, 32768]] * 3


def test_numbers_are_packed_little_end_first():
    assert b64decode(packed([1, 258], SHORT)) == bytes([1, 0, 2, 1])
    assert b64decode(packed(np.array([7.0, 255.0]), BYTE)) == bytes([7, 255])
    assert b64decode(packed(pd.Series([70_000]), LONG)) == (70_000).to_bytes(4, "little")


def test_every_image_is_told_of_in_the_table_s_order_on_the_same_axes():
    images = table()
    told_of = json.loads(json.dumps(linked(images, MODELS, ("a", "b", "c"), None)))
    assert told_of["atlas"] is None
    assert numbers(told_of["index"], LONG).tolist() == images["index"].tolist()
    assert numbers(told_of["label"], SHORT).tolist() == [0, 1, 2, 0, 1, 2]
    assert numbers(told_of["truth"], SHORT).tolist() == [0, 1, 0, 1, 0, 1]
    assert numbers(told_of["set"], BYTE).tolist() == [0, 1, 2, 3, 0, 1]
    assert numbers(told_of["steps"], SHORT).tolist() == [0, 4]
    assert [one["part"] for one in told_of["sets"]] == ["train", "train", "test", "test"]
    every = np.concatenate([images[[f"{model}_x", f"{model}_y"]].to_numpy() for model in MODELS])
    low, high = every.min(0), every.max(0)
    for model, network in zip(MODELS, told_of["networks"], strict=True):
        places = low + numbers(network["places"], SHORT).reshape(-1, 2) / STEPS * (high - low)
        np.testing.assert_allclose(places, images[[f"{model}_x", f"{model}_y"]], atol=float((high - low).max()) / STEPS)
        assert numbers(network["answers"], SHORT).tolist() == images[f"{model}_answer"].tolist()
        assert numbers(network["sure"], BYTE).tolist() == (100 * images[f"{model}_sure"]).round().tolist()


def test_two_networks_are_two_maps():
    assert [one["title"] for one in linked(table(), MODELS[:2], ("a", "b", "c"), None)["networks"]] == ["Original", "Unlearned"]


def test_names_go_as_data_letter_for_letter_and_the_scripts_only_set_text():
    assert json.loads(json.dumps(linked(table(), MODELS, RUDE, None)))["classes"] == list(RUDE)
    scripts = "".join(map(component._read, component.SCRIPTS))
    parsing = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|Function\(|srcdoc|createContextualFragment"
    assert not re.search(parsing, scripts)
    assert "textContent" in scripts
    assert f"STEPS = {STEPS};" in scripts


# The atlas.


def stored(images: np.ndarray, test: np.ndarray | None = None) -> dict[str, np.ndarray]:
    return {"train_images": images, "test_images": images if test is None else test, "peak": np.array(255)}


def tile(atlas, row: int) -> np.ndarray:
    wall = np.asarray(Image.open(BytesIO(atlas.content)).convert("RGB"))
    top, left = row // COLUMNS * atlas.height, row % COLUMNS * atlas.width
    return wall[top : top + atlas.height, left : left + atlas.width]


def rows_of(count: int) -> pd.DataFrame:
    return pd.DataFrame({"set": ["retain"] * count, "index": np.arange(count)[::-1]})


def test_the_atlas_has_the_images_in_the_table_s_order_pixel_for_pixel():
    images = np.random.default_rng(2).integers(0, 256, (120, 3, 5, 4), np.uint8)
    atlas = atlas_of(rows_of(120), stored(images))
    assert (atlas.kind, atlas.width, atlas.height) == ("png", 4, 5)
    for row in (0, 49, 50, 119):
        np.testing.assert_array_equal(tile(atlas, row), images[119 - row].transpose(1, 2, 0))


def test_images_of_the_test_set_are_taken_from_there():
    seen, unseen = np.zeros((3, 1, 4, 4), np.uint8), np.full((3, 1, 4, 4), 9, np.uint8)
    atlas = atlas_of(pd.DataFrame({"set": ["forget", "test_forget"], "index": [1, 2]}), stored(seen, unseen))
    assert [int(tile(atlas, row).max()) for row in (0, 1)] == [0, 9]


@pytest.mark.parametrize("size", [(64, 48), (112, 92), (33, 33)])
def test_large_images_become_small_and_do_not_run_into_each_other(size):
    shades = np.random.default_rng(3).integers(0, 256, (60, 3, 1, 1), np.uint8)
    atlas = atlas_of(rows_of(60), stored(shades.repeat(size[0], 2).repeat(size[1], 3)))
    assert max(atlas.width, atlas.height) == 32
    for row in (0, 17, 49, 59):
        np.testing.assert_array_equal(tile(atlas, row), np.broadcast_to(shades[59 - row, :, 0, 0], (atlas.height, atlas.width, 3)))


def test_many_pixels_are_kept_nearly_and_in_as_few_bytes_as_wanted(monkeypatch):
    monkeypatch.setattr(payload, "EXACT", 0)
    smooth = np.linspace(0, 255, 32 * 32).reshape(1, 1, 32, 32).repeat(40, 0).astype(np.uint8)
    atlas = atlas_of(rows_of(40), stored(smooth))
    assert atlas.kind == "webp"
    assert np.abs(tile(atlas, 7).astype(int) - smooth[0, 0, :, :, None]).mean() < 8
    noise = stored(np.random.default_rng(4).integers(0, 256, (40, 3, 32, 32), np.uint8))
    whole = len(atlas_of(rows_of(40), noise).content)
    monkeypatch.setattr(payload, "MOST", whole - 1)
    assert len(atlas_of(rows_of(40), noise).content) < whole
