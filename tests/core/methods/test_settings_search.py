"""`settings = auto`: bisection on planted curves worked by hand, and what a search reads, records, chooses and repeats."""

from copy import deepcopy
from dataclasses import replace
from math import inf, nan
from pathlib import Path
import re

import pytest
import torch

from core.data.splits import _Guarded
from core.domain.hyperparameters import with_params
from core.domain.recordings import params_in_effect, recording_of
from core.domain.requests.registry import parse_request
from core.jobs.catalogue import catalogue
from core.jobs.validation import make_spec
from core.methods.registry import METHODS
from core.methods.search import FURTHER, Objective, Searching, Trial, bisect, further, most_trials
from core.methods.ssd import SHARES, SSD, rungs
from core.methods.ssse import LADDER
from core.pipeline import Stages, original_of, planned_work, precompute, prepare, unlearn
from core.storage.artifacts import Artifacts
from core.storage.runs import ResultStore
from core.training.cache import ArtifactCache
from core.training.loop import Diverged, share_right
from tests.tiny import Tiny, same_weights

SEARCHING = [method for method in METHODS.values() if issubclass(method, Searching)]
SMALL: dict[str, dict[str, object]] = {
    "unsir": {"noise_count": 8, "noise_steps": 2, "copies": 2, "batch_size": 16}, "weight_perturbation": {"variant": "B", "batch_size": 8},
    "amnesiac": {"every_batch": "subtract"}, "amun": {"steps": 5},
}  # fmt: skip


def planted(forget: list[float], retain: list[float], erase: bool = True, *, gentlest: bool = False) -> tuple[list[int], int]:
    """(rungs tried, in order; the chosen one), of curves by rung; the original has 0.9 on the retained images."""
    objective = Objective(0.9, erase)
    trials = bisect(len(forget), lambda rung: Trial(rung, forget[rung], retain[rung]), objective, gentlest=gentlest)
    assert len({t.rung for t in trials}) == len(trials), "no rung is tried twice"
    return [t.rung for t in trials], objective.best(trials).rung


def test_a_class_takes_the_first_trial_that_forgets_it_and_harms_nothing():
    forget, retain = [1, 0.9, 0.5, 0.02, 0.01, 0, 0, 0, 0], [0.9] * 4 + [0.88, 0.87, 0.5, 0.4, 0.3]
    assert planted(forget, retain) == ([4], 4)  # 0.01 <= 0.02 and 0.88 >= 0.9 - 0.02


def test_where_trials_are_cheap_the_gentlest_that_forgets_is_sought():
    forget, retain = [1, 0.9, 0.5, 0.02, 0.01, 0, 0, 0, 0], [0.9] * 4 + [0.88, 0.87, 0.5, 0.4, 0.3]
    assert planted(forget, retain, gentlest=True) == ([4, 2, 3], 3)  # 4 holds, 2 does not forget, 3 does
    assert planted(forget, [0.9] * 4 + [0.5] * 5, gentlest=True) == ([4, 2, 3], 3)  # 4 harms
    assert planted([1.0] * 8 + [0.0], [0.9] * 9, gentlest=True) == ([4, 7, 8], 8)


def test_without_a_trial_that_holds_both_the_least_shortfall_is_taken():
    # Rung 4: 0.6 - 0.02 of the class is left, rung 5 loses 0.9 - 0.02 - 0.85 = 0.03, rung 6 loses 0.08.
    forget, retain = [1, 1, 1, 0.9, 0.6, 0.02, 0, 0, 0], [0.9, 0.9, 0.9, 0.87, 0.86, 0.85, 0.8, 0.5, 0.1]
    tried, chosen = planted(forget, retain)  # 4 harms; below it 2 and 3 (which harms too) do not forget: so stronger ones
    assert tried == [4, 2, 3, 7, 6, 5]
    assert chosen == 5


def test_a_class_that_no_rung_forgets_and_a_network_that_every_rung_breaks():
    assert planted([1, 0.9, 0.8, 0.7], [0.9] * 4) == ([2, 3], 3)  # the strongest is nearest
    tried, chosen = planted([1, 1, 1, 1], [0.1, 0.1, 0.1, 0.1])
    assert chosen == 0
    assert tried == [2, 1, 0]  # it is far too much at once: stronger ones are not tried


def test_single_images_take_the_strongest_setting_under_which_they_are_classified_as_well_as_others():
    forget = [1, 0.98, 0.95, 0.9, 0.86, 0.8, 0.3]
    retain = [0.9, 0.9, 0.9, 0.89, 0.88, 0.87, 0.4]
    assert planted(forget, retain, erase=False) == ([3, 5, 4], 4)  # 5: 0.87 < 0.88; 4: 0.86 >= 0.88 - 0.02
    marked = [1, 0.95, 0.9, 0.86, 0.8, 0.7, 0.3]  # 3: 0.86 < 0.89 - 0.02 would mark them
    assert planted(marked, retain, erase=False) == ([3, 1, 2], 2)


def test_the_number_of_trials_is_bounded():
    for size in range(1, 40):
        for first in range(size + 1):
            tried, chosen = planted([1.0] * first + [0.0] * (size - first), [0.9] * (first + 1) + [0.2] * (size - first))
            assert len(tried) <= size.bit_length()
            if first < size:
                assert chosen == first


@pytest.mark.parametrize("rungs_, most", [(1, 1), (2, 2), (3, 3), (5, 5), (6, 5), (8, 6), (15, 7), (19, 9)])
def test_the_most_trials_are_those_of_the_worst_curve(rungs_, most):
    """Every place at which harm that is borne begins, and every place at which the class is forgotten."""
    counts = [
        len(planted([1.0] * gone + [0.0] * (rungs_ - gone), [0.9] * harm + [0.85] * (rungs_ - harm))[0])
        for gone in range(rungs_ + 1) for harm in range(rungs_ + 1)
    ]  # fmt: skip
    assert max(counts) == most == most_trials(rungs_)


def climbed(forget: list[float], retain: list[float], *, tried: tuple[int, ...] = ()) -> tuple[list[int], int]:
    """From rung 0: the rungs that `further` tried itself, and the one that it chose."""

    def attempt(rung: int) -> Trial:
        return Trial(rung, forget[rung], retain[rung])

    trials = [attempt(rung) for rung in (0, *tried)]
    chosen = further(trials[0], len(forget), attempt, trials)
    return [t.rung for t in trials[1 + len(tried):]], chosen.rung


def test_from_the_gentlest_rung_that_holds_on_stronger_ones_are_taken_while_nothing_is_lost():
    assert climbed([0.0, 0.0, 0.0], [0.9] * 3) == ([], 0), "nothing is left to forget"
    assert climbed([0.02, 0.0, 0.0], [0.9] * 3) == ([1], 1)
    assert climbed([0.02, 0.0, 0.0], [0.9] * 3, tried=(1,)) == ([], 1), "it is known already"
    assert climbed([0.02, 0.0, 0.0], [0.9, 0.897, 0.9]) == ([1], 0), "one retained image of 300 is lost"
    assert climbed([0.02, 0.02, 0.0], [0.9] * 3) == ([1], 0), "no more is forgotten"
    assert climbed([0.02], [0.9]) == ([], 0), "there is none"
    assert climbed([0.02, 0.01, nan], [0.9, 0.9, nan]) == ([1, 2], 1)
    assert climbed([0.02, 0.015, 0.01, 0.005], [0.9] * 4) == ([1, 2], 2), f"{FURTHER} at most"


def card(method: type[Searching]) -> str:
    return (Path(__file__).parents[3] / "assets" / "methods" / f"{method.key}.md").read_text()


@pytest.mark.parametrize("method", SEARCHING, ids=lambda m: m.key)
def test_a_card_says_how_many_trials_a_search_makes_at_most(method):
    numbers = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "eleven": 11}
    (said,) = re.findall(rf"up to ({'|'.join(numbers)}) ", card(method))
    count = {"ssd": len(SHARES), "ssse": len(LADDER)}.get(method.key, len(method.ladder))
    assert numbers[said] == most_trials(count, gentlest=method.key == "ssd")


@pytest.mark.parametrize("method", SEARCHING, ids=lambda m: m.key)
def test_a_card_says_where_trials_train_on_the_images_that_they_are_evaluated_on(method):
    """Fisher forgetting reads the retain set, but trains on nothing."""
    trains = "retain" in method.uses and method.key != "fisher_forgetting"
    assert ("no validation part" in card(method).replace("\n", " ")) == trains


def auto(method: type[Searching], **settings: object) -> Searching:
    return method(settings="auto", **{**SMALL.get(method.key, {}), **settings})  # type: ignore[arg-type]  # each method's own


def searched(tiny: Tiny, method: Searching, request: str = "class:2"):
    """(network, what it recorded), with the guard on: a set that it does not declare raises."""
    splits = tiny.splits(request)
    run = tiny.context(statistics=tiny.lent(method, request))
    return method.unlearn(tiny.original(), splits.only(method.reads), run), run.recorded


@pytest.mark.parametrize("method", SEARCHING, ids=lambda m: m.key)
def test_it_reads_forget_and_retain_set_alone_and_makes_the_network_of_a_run_with_the_chosen_settings_given(method, grey, monkeypatch):
    read, derive = set(), _Guarded._derive
    monkeypatch.setattr(_Guarded, "_derive", lambda splits, name: read.add(name) or derive(splits, name))
    asked = auto(method)
    first, recorded = searched(grey, asked)
    assert read == {"forget", "retain"} == asked.reads
    assert all(recording_of(name) for name in recorded)

    params = {"settings": "auto", **SMALL.get(method.key, {})}
    chosen = params_in_effect(params, recorded) | {"settings": "given"}
    again, _ = searched(grey, with_params(method, chosen))
    assert same_weights(first, again)

    accuracies, row = recorded["search/accuracies"], int(recorded["search/chosen"]) + 1
    sets = grey.splits().forget, grey.splits().retain  # 40 and 80 images: fewer than a draw
    assert accuracies[0].tolist() == pytest.approx(share_right(grey.original(), *sets, device="cpu"))
    assert accuracies[row].tolist() == pytest.approx(share_right(first, *sets, device="cpu"))
    assert len(accuracies) == 1 + int(recorded["search/trials"])


def test_as_given_it_reads_what_it_always_read():
    assert {m.key: m().reads == m.uses for m in SEARCHING} == dict.fromkeys((m.key for m in SEARCHING), True)
    assert SSD().reads == {"forget"}


@pytest.mark.parametrize("method", SEARCHING, ids=lambda m: m.key)
def test_a_search_leaves_the_seed_its_choice_and_torchs_generator_alone(method, grey):
    before = torch.random.get_rng_state()
    (one, first), (other, second) = (searched(grey, auto(method)) for _ in range(2))
    assert same_weights(one, other)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first if name.startswith("search/") and name != "search/seconds")
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_trial_that_diverges_is_too_strong_and_never_chosen(grey):
    class Exploding(METHODS["aru"]):  # type: ignore[misc]  # a class from a registry
        ladder = tuple({"share": share, "epochs": 0, "learning_rate": 0.1} for share in (0.0, 0.01, 0.9))

        def after(self, made, model, splits, run):
            if self.share > 0:
                raise Diverged("too much")
            return super().after(made, model, splits, run)

    model, recorded = searched(grey, Exploding(settings="auto"))
    assert recorded["search/of_share"].tolist() == [0.01, 0.0]
    assert float(recorded["search/to_share"]) == 0.0
    assert recorded["search/accuracies"][1].tolist() == pytest.approx([nan, nan], nan_ok=True)
    assert not int(recorded["search/met"])
    assert same_weights(model, grey.original())


def exploding(*shares: float) -> type[Searching]:
    """ARU without healing, which diverges at these shares of three."""

    class Exploding(METHODS["aru"]):  # type: ignore[misc]  # a class from a registry
        ladder = tuple({"share": share, "epochs": 0, "learning_rate": 0.1} for share in (0.0, 0.01, 0.9))

        def after(self, made, model, splits, run):
            if self.share in shares:
                raise Diverged("too much")
            return super().after(made, model, splits, run)

    return Exploding


def test_a_search_whose_last_trial_diverges_makes_the_network_that_it_chose(grey):
    method = exploding(0.9)
    model, recorded = searched(grey, method(settings="auto"))
    assert recorded["search/of_share"].tolist() == [0.01, 0.9]
    assert recorded["search/accuracies"][2].isnan().all()
    assert float(recorded["search/to_share"]) == 0.01
    again, _ = searched(grey, method(share=0.01, epochs=0, learning_rate=0.1))
    assert same_weights(model, again)


def test_the_network_that_is_chosen_is_not_made_once_more(grey):
    made = list[float]()

    class Counted(METHODS["aru"]):  # type: ignore[misc]  # a class from a registry
        ladder = tuple({"share": share, "epochs": 0, "learning_rate": 0.1} for share in (0.0, 0.01, 0.9))

        def after(self, of_before, model, splits, run):
            made.append(self.share)
            return super().after(of_before, model, splits, run)

    model, recorded = searched(grey, Counted(settings="auto"))
    assert made == pytest.approx(recorded["search/of_share"].tolist()), "each of them once"
    assert int(recorded["search/chosen"]) < len(made) - 1, "of a network that is not the last"
    again, _ = searched(grey, Counted(share=float(recorded["search/to_share"]), epochs=0, learning_rate=0.1))
    assert same_weights(model, again)


def test_where_every_trial_diverges_the_run_says_what_was_tried(grey):
    with pytest.raises(Diverged, match=r"tried share = 0\.01, epochs = 0, learning_rate = 0\.01; share = 0, .* settings = given"):
        searched(grey, exploding(0.0, 0.01, 0.9)(settings="auto"))


def test_nothing_stronger_than_a_trial_that_diverged_is_tried():
    # The original has 0.9 and 0.88 is wanted: 0.85 is a harm that is borne while the class is not forgotten. Diverged from rung 6 on.
    retain = [0.9] * 3 + [0.85] * 3 + [nan] * 4
    forget = [0.9] * 6 + [nan] * 4
    assert planted(forget, retain) == ([5, 2, 4, 3, 8, 7, 6], 2)  # above 5, where no other has been: 8, 7, 6 diverge
    assert planted(forget, [0.9] * 6 + [nan] * 4) == ([5, 8, 7, 6], 5)
    assert planted(forget, [0.9] * 6 + [nan] * 4, erase=False) == ([5, 8, 7, 6], 5)
    low = [nan if rung else 0.05 for rung in range(10)]  # an original that is hardly right loses little by chance alone
    trials = bisect(10, lambda rung: Trial(rung, 1.0 if rung == 0 else nan, low[rung]), Objective(0.08, True))
    assert [t.rung for t in trials] == [5, 2, 1, 0]


def test_ssd_finds_a_threshold_that_forgets_a_class_of_digits_and_keeps_the_rest(first_run):
    """Of the network that the shipped recipe trains: 1.00 of the sevens before."""
    home, _ = first_run
    spec = make_spec(catalogue(home.root), "digits", "small_cnn", parse_request("class:7"), "ssd", {"settings": "auto"})
    assert spec.params["alpha"] == "percentile", "what is searched for makes no other run"
    with ResultStore(home.database) as store:
        job = prepare(spec, ArtifactCache(store, Artifacts(home.artifacts_folder)), home.datasets_folder)
        stages = Stages(planned_work(job), lambda *_: None)
        original = original_of(job, stages)
        assert not original.made_now
        model, recorded, _ = unlearn(job, original, precompute(job, original, stages), stages)
    forget, retain = share_right(model, job.splits.test_forget, job.splits.test_retain, device="cpu")
    assert forget <= 0.05
    assert retain >= 0.95
    assert int(recorded["search/met"])
    assert int(recorded["search/trials"]) <= 5 + FURTHER, "halvings of 31 rungs, and a few stronger ones"
    assert 1 < float(recorded["search/to_alpha"]) < 1437 / 137


# The thresholds of SSD.


def test_alphas_are_quantiles_of_the_ratios_whatever_these_are():
    """Of ratios 0.5, 1.0, ..., 500: three in 100,000 are none, half of them are 500 weights above 250.25."""
    of_all = {"w": torch.ones(1000)}
    found = rungs({"w": torch.arange(1, 1001) / 2}, of_all)
    assert found[0]["alpha"] == pytest.approx(500 - 0.01498, abs=0.05)  # four digits
    assert found[-1] == {"alpha": 250.2, "lambda": 1.0}
    assert [r["alpha"] for r in found] == sorted((r["alpha"] for r in found), reverse=True)
    narrow = rungs({"w": 1 + torch.arange(1000) / 1000}, of_all)  # 1.000 to 1.999: no fixed threshold of 3 selects any
    assert narrow[-1] == {"alpha": 1.5, "lambda": 0.075}  # a weight at the threshold keeps a twentieth
    assert narrow[0]["alpha"] == pytest.approx(1.999, abs=1e-3)
    steps = SHARES[1:] / SHARES[:-1]
    assert steps.max() < 1.34, "of weights that are selected: half as many again can cost 0.05 of retain accuracy"


def test_ratios_that_are_not_finite_are_left_out_of_the_quantiles():
    of_all, of_forget = {"w": torch.tensor([0.0, 0.0, 1.0, 1.0])}, {"w": torch.tensor([0.0, 1.0, 2.0, 4.0])}
    assert rungs(of_forget, of_all)[-1]["alpha"] == 3.0  # the middle of 2 and 4
    assert {r["alpha"] for r in rungs({"w": torch.zeros(2)}, {"w": torch.zeros(2)})} == {1.0}
    assert inf not in {r["alpha"] for r in rungs(of_forget, of_all)}


def test_a_search_of_alpha_is_worth_two_predictions_a_trial(grey, monkeypatch):
    """The forget set's importance is computed once; no trial computes a gradient."""
    calls = []
    grey.lent(auto(SSD))  # that of the training set, which tests share
    for module in ("core.methods.search", "core.training.precomputed"):
        monkeypatch.setattr(f"{module}.{'share_right' if 'search' in module else 'fisher_diagonal'}", _counted(calls, module))
    _, recorded = searched(grey, auto(SSD))
    assert calls.count("core.methods.search") == 1 + int(recorded["search/trials"])
    assert calls.count("core.training.precomputed") == 1


def _counted(calls: list[str], module: str):
    from core.training import fisher, loop

    real = loop.share_right if "search" in module else fisher.fisher_diagonal

    def counted(*args: object, **about: object) -> object:
        calls.append(module)
        return real(*args, **about)

    return counted


def test_the_original_is_not_changed_while_settings_are_tried(grey):
    model, splits = grey.original(), grey.splits()
    before = deepcopy(model)
    run = grey.context(statistics={s.key: s.compute(model, splits.train, grey.context()) for s in SSD().statistics(splits.request)})
    method = auto(SSD)
    importances = method.statistics(splits.request)[0].compute(model, splits.forget, run)
    method._searched(model, importances, run.statistics[method.statistics(splits.request)[0].key], splits.only(method.reads), run)
    assert same_weights(model, before)


def test_draws_are_no_larger_than_they_are_declared_to_be(grey, monkeypatch):
    monkeypatch.setattr("core.methods.search.MOST", 7)
    sizes = []
    real = share_right

    def noted(model, *sets, device):
        sizes.append([*map(len, sets)])
        return real(model, *sets, device=device)

    monkeypatch.setattr("core.methods.search.share_right", noted)
    searched(grey, auto(SSD))
    assert set(map(tuple, sizes)) == {(7, 7)}


def test_a_request_for_single_images_is_no_request_for_a_class(grey):
    """Its images stay recognised as well as others; wrong labels must go."""
    _, recorded = searched(grey, auto(SSD), "random:0.1")
    (_, before), *tried = recorded["search/accuracies"].tolist()
    forget, retain = tried[int(recorded["search/chosen"])]
    assert bool(recorded["search/met"]) == (forget >= retain - 0.02 - 1e-6 and retain >= before - 0.02 - 1e-6)
    assert replace(auto(SSD), settings="given").reads == {"forget"}
