"""What is asked again of the code as it is now."""

from dataclasses import replace

from core.domain.requests.classes import ClassRequest
from core.jobs.validation import again, make_spec
from core.jobs.write_catalogue import describe


def test_what_was_asked_is_asked_again_of_todays_code_with_all_that_decides_it():
    shelves = describe()
    known = make_spec(shelves, "digits", "small_cnn", ClassRequest((3,)), "ssd", {"alpha": 2.5})
    old = replace(known, params={"alpha": 2.5, "of old": 1}, seed=4, reference=False, device="cpu", engine="0" * 12, weights="ab" * 32)
    asked = again(old, shelves, reference=True)
    assert asked == replace(known, seed=4, reference=True, device="cpu", weights="ab" * 32)
    assert again(old, shelves, reference=False) == replace(asked, reference=False)
