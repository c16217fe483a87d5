"""Seeds as people write them."""

import pytest

from core.domain.errors import WrongInput
from core.domain.seed_lists import seeds_of, seeds_text


@pytest.mark.parametrize(
    "said, seeds",
    [
        ([0, 1, 2], (0, 1, 2)),
        ([5, 1], (5, 1)),
        (7, (7,)),
        ("0-4", (0, 1, 2, 3, 4)),
        ("0, 1, 5", (0, 1, 5)),
        (" 0-2 , 7 ", (0, 1, 2, 7)),
        ("3-3", (3,)),
        ("4,", (4,)),
    ],
)
def test_lists_numbers_and_text_are_read(said, seeds):
    assert seeds_of(said) == seeds


@pytest.mark.parametrize(
    "said, words",
    [
        ([], "has no seeds"),
        ("", "has no seeds"),
        (" , ", "has no seeds"),
        ([0, 1, 0], "seed 0 is there twice"),
        ("0-3, 2", "seed 2 is there twice"),
        ("4-0", "goes upwards"),
        ("-1", "whole numbers from 0"),
        ("a", "whole numbers from 0"),
        ("1.5", "whole numbers from 0"),
        ([1.0], "whole numbers from 0"),
        ([True], "whole numbers from 0"),
        (None, "whole numbers from 0"),
        ({"a": 1}, "whole numbers from 0"),
        ("0-999999999", "1000 runs at most"),
        (list(range(1001)), "1000 runs at most"),
        ("0-600, 700-1200", "1000 runs at most"),
        ("9" * 100_000, "whole numbers from 0"),
    ],
)
def test_what_is_no_list_of_seeds_is_told_in_a_sentence(said, words):
    with pytest.raises(WrongInput, match=words) as wrong:
        seeds_of(said)
    assert len(str(wrong.value)) < 200
    assert str(wrong.value).endswith(".")


@pytest.mark.parametrize(
    "seeds, text", [((0,), "0"), ((0, 1), "0, 1"), ((0, 1, 2), "0-2"), ((5, 1, 2, 3, 9), "5, 1-3, 9"), ((), "")]
)
def test_neighbours_are_drawn_together(seeds, text):
    assert seeds_text(seeds) == text
    if seeds:
        assert seeds_of(text) == seeds
