"""Colours are told apart on both themes' backgrounds, and models also without any colour."""

from itertools import combinations
from pathlib import Path
import re
import tomllib

import pytest

from core.domain.run import RunStatus
from core.figures import palette

ROOT = Path(__file__).resolve().parents[3]
THEME = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]
MARKS = sorted(
    {*palette.MODEL_COLOUR.values(), *palette.SET_COLOUR.values(), *palette.PAIR_COLOUR.values()}
    | {*palette.CLASS_COLOURS, *palette.OUTCOME_COLOUR.values(), palette.ACCENT, palette.QUIET, palette.THRESHOLD}
)
GRAPHIC, TEXT = 3.0, 4.5  # WCAG 1.4.11 and 1.4.3, level AA


def luminance(colour: str) -> float:
    """WCAG's relative luminance of #rrggbb."""
    levels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in levels]
    return sum(weight * v for weight, v in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_what_wcag_says_it_is():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)
    assert contrast("#ffffff", "#ffffff") == 1


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_mark_stands_out_from_the_background(theme):
    assert all(re.fullmatch(r"#[0-9a-fA-F]{6}", colour) for colour in MARKS), MARKS
    assert [colour for colour in MARKS if contrast(colour, THEME[theme]["backgroundColor"]) < GRAPHIC] == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("background", ["backgroundColor", "secondaryBackgroundColor"])
def test_text_and_captions_can_be_read(theme, background):
    behind = THEME[theme][background]
    texts = {name: THEME[theme][name] for name in ("textColor", "linkColor", "primaryColor")}
    # Streamlit writes captions in the text's colour at 60 % opacity.
    mixed = [round(0.6 * int(texts["textColor"][i : i + 2], 16) + 0.4 * int(behind[i : i + 2], 16)) for i in (1, 3, 5)]
    texts["caption"] = "#" + "".join(f"{level:02x}" for level in mixed)
    assert {name: colour for name, colour in texts.items() if contrast(colour, behind) < TEXT} == {}


def test_every_model_has_a_colour_a_pattern_and_a_title():
    models = ["original", "unlearned", "reference"]
    assert list(palette.MODEL_TITLE) == list(palette.MODEL_COLOUR) == list(palette.MODEL_PATTERN) == models
    assert len(set(palette.MODEL_COLOUR.values())) == 3


@pytest.mark.parametrize("looks", [palette.MODEL_DASH, palette.MODEL_SYMBOL, palette.SET_DASH, palette.SET_SYMBOL, palette.SET_TITLE])
def test_lines_and_points_differ_without_colour(looks):
    assert list(looks) in (list(palette.MODEL_COLOUR), list(palette.SET_COLOUR))
    assert len(set(looks.values())) == 3
    assert not set(palette.MODEL_COLOUR.values()) & set(palette.SET_COLOUR.values())  # no colour means two things


def test_a_and_b_differ_without_colour_and_are_no_model():
    for looks in (palette.PAIR_COLOUR, palette.PAIR_SYMBOL):
        assert list(looks) == ["A", "B"]
        assert len(set(looks.values())) == 2
    assert not set(palette.PAIR_COLOUR.values()) & set(palette.MODEL_COLOUR.values())


SEEN = {  # Viénot, Brettel & Mollon 1999, on linear RGB: what a person without red or green cones sees
    "protan": ((0.11238, 0.88762, 0), (0.11238, 0.88762, 0), (0.00401, -0.00401, 1)),
    "deutan": ((0.29275, 0.70725, 0), (0.29275, 0.70725, 0), (-0.02234, 0.02234, 1)),
}


@pytest.mark.parametrize("eye", SEEN)
@pytest.mark.parametrize("colours", [palette.MODEL_COLOUR, palette.SET_COLOUR, palette.PAIR_COLOUR], ids=["models", "sets", "pair"])
def test_a_colour_blind_person_tells_models_and_sets_apart(eye, colours):
    def seen(colour: str) -> list[float]:
        linear = [(int(colour[i : i + 2], 16) / 255) ** 2.2 for i in (1, 3, 5)]
        mixed = [sum(a * b for a, b in zip(row, linear, strict=True)) for row in SEEN[eye]]
        return [max(0.0, v) ** (1 / 2.2) for v in mixed]

    for one, other in combinations(colours.values(), 2):
        distance = sum((a - b) ** 2 for a, b in zip(seen(one), seen(other), strict=True)) ** 0.5
        assert distance > 0.15, (one, other, distance)


def test_every_status_has_an_icon_of_its_own():
    assert set(palette.STATUS_ICON) == {str(status) for status in RunStatus}
    assert len(set(palette.STATUS_ICON.values())) == len(RunStatus)
