"""The schema of what methods record: nothing is left behind that it does not name, nothing is named that nobody leaves."""

from functools import cache

import torch

from core.domain.recordings import AS_PARAMETER, RECORDINGS, Recording, recording_of
from core.methods.registry import METHODS
from tests.core.methods.test_sisa import THREE, World
from tests.tiny import tiny_of

SETTINGS = {"aru": {"settings": "auto"}, "amnesiac": {"every_batch": "subtract"}}  # others record the same of a search


@cache
def recorded_by(key: str) -> dict[str, torch.Tensor]:
    if key == "sisa":  # which needs an original that was trained by shards
        return World(THREE).trained().unlearn(3, 8)[1]
    tiny = tiny_of(1)
    method, splits = METHODS[key](**SETTINGS.get(key, {})), tiny.splits()
    model = tiny.original()
    lent = {s.key: s.compute(model, splits.train, tiny.context(seed=0)) for s in method.statistics(splits.request)}
    run = tiny.context(statistics=lent)
    method.unlearn(model, splits.only(method.reads), run)
    return run.recorded


def test_every_array_has_a_meaning_a_unit_and_the_axes_that_the_schema_says():
    shapes = {name: p.shape for name, p in tiny_of(1).build().named_parameters()}
    for name, array in [recorded for key in METHODS for recorded in recorded_by(key).items()]:
        known = recording_of(name)
        assert known is not None, f"{name} is not in the schema"
        assert known.fits(tuple(array.shape)), f"{name}: {tuple(array.shape)} is not {known.axes}"
        assert array.dtype.is_floating_point or array.dtype == torch.uint8, name
        assert array.isfinite().all(), name
        if known.axes == AS_PARAMETER:
            assert array.shape == shapes[name.partition("/")[2]], name


def test_every_entry_is_recorded_by_some_method_and_says_what_it_is():
    recorded = [recording_of(name) for key in METHODS for name in recorded_by(key)]
    unused = [recording.pattern for recording in RECORDINGS if not any(one is recording for one in recorded)]
    assert not unused, "recorded by no method"
    for recording in RECORDINGS:
        assert recording.meaning, recording.pattern
        assert recording.unit, recording.pattern
        assert "" not in recording.axes, recording.pattern


def test_the_five_methods_of_the_mission_show_themselves():
    for key in ("ssd", "ssse", "aru", "unsir", "weight_perturbation"):
        assert recorded_by(key), key


def test_ssd_hands_over_importances_and_the_factors_that_were_applied():
    recorded, before = recorded_by("ssd"), dict(tiny_of(1).original().named_parameters())
    after = dict(tiny_of(1).unlearn(METHODS["ssd"]()).named_parameters())
    for name, weights in before.items():
        assert (recorded[f"importance_forget/{name}"] >= 0).all()
        assert torch.equal(after[name], weights * recorded[f"dampening/{name}"])


def test_an_exact_name_goes_before_a_pattern_and_an_unknown_name_has_no_meaning():
    assert recording_of("ssse/actual").axes == ("forget example",)
    assert recording_of("ssse/conv1/spectrum").axes == ("eigenvalue",)
    assert recording_of("no/such") is None


def test_axes_are_counted():
    two = Recording("x", "m", "u", ("row", "column"))
    assert two.fits((3, 4))
    assert not two.fits((3,))
    assert Recording("x", "m", "u", AS_PARAMETER).fits((1, 2, 3))
