"""Whole runs on the digits, computed in this process: what is trained, what is shared, what is said on the way.

Most begin in a copy of a home in which class 3 was unlearned by SSD once, so that they train only what they ask about.
"""

from dataclasses import dataclass
from math import isfinite
from pathlib import Path
import re
import shutil
import sqlite3

import numpy as np
import pytest
import torch

from core import pipeline
from core.data.registry import load_dataset
from core.domain.errors import WrongInput
from core.domain.presets import PRESETS
from core.domain.requests.registry import parse_request
from core.domain.run import STAGES, RunSpec
from core.jobs.validation import make_spec
from core.jobs.write_catalogue import describe
from core.metrics import evaluate
from core.metrics.registry import METRICS
from core.models.registry import MODELS
from core.storage.artifacts import Artifacts
from core.storage.home import Home, open_home
from core.storage.record_types import Outcome
from core.storage.runs import ResultStore
from core.training.context import RunContext, choose_device
from core.training.fisher import squared_batch_gradient
from core.training.loop import Diverged, predict
from core.training.precomputed import ImportanceStatistic
from tests.attributes import one_epoch

SHELVES = describe()


@dataclass
class Computed:
    """What came of a run, and what it said: (share, stage, note, seconds left)."""

    outcome: Outcome
    told: list[tuple[float, str, str, float | None]]

    def value(self, metric: str, model: str = "unlearned") -> float | None:
        return next(m.value for m in self.outcome.measurements if (m.metric, m.model) == (metric, model))

    def reason(self, metric: str, model: str = "unlearned") -> str:
        return next(m.reason for m in self.outcome.measurements if (m.metric, m.model) == (metric, model))


@dataclass
class Engine:
    home: Home

    def spec(self, forget: str = "class:3", method: str = "original", seed: int = 0, reference: bool = True, **settings):
        request = parse_request(forget)
        shelf = (SHELVES, "digits", "small_cnn")
        return make_spec(*shelf, request, method, settings, seed=seed, reference=reference)

    def compute(self, *words: object, **about: object) -> Computed:
        spec = words[0] if words and isinstance(words[0], RunSpec) else self.spec(*words, **about)
        told = []
        return Computed(pipeline.run(spec, self.home, lambda *step: told.append(step)), told)

    def first(self) -> Computed:
        """The run that the home came with, once it is stored; what it said on the way is gone."""
        with ResultStore(self.home.database) as store:
            (run,) = store.runs()
            taken = tuple(store.measurements(run.id))
            return Computed(Outcome(taken, run.seconds, run.speedup, store.artifacts(run.id), run.device), [])

    def kept(self) -> dict[str, int]:
        """How many networks and statistics of each kind are kept."""
        with sqlite3.connect(self.home.database) as db:
            return dict(db.execute("select kind, count(*) from kept where kind not like '%@%' group by kind"))

    def arrays(self, file: str) -> dict[str, torch.Tensor]:
        found = Artifacts(self.home.artifacts_folder).get_arrays(file)
        return {name: torch.from_numpy(array) for name, array in found.items()}


@pytest.fixture
def empty(home, monkeypatch):
    """Nothing was trained yet. One epoch and two splits of the attack: what these tests ask does not depend on how good either is."""
    one_epoch(monkeypatch)
    yield Engine(home)
    torch.set_deterministic_debug_mode("default")


@pytest.fixture
def engine(empty, trained_home):
    """In a home of its own that holds a first run, its original and reference, and what SSD had computed beforehand."""
    shutil.rmtree(empty.home.root)
    shutil.copytree(trained_home.root, empty.home.root)
    return empty


@pytest.fixture
def quick_measures(monkeypatch):
    """Without what takes long to measure: for tests of what is trained, kept, refused and told on the way."""
    for shelf, slow in (("METRICS", {"relearn_steps", "anamnesis_index", "probe_accuracy", "graft_forget_accuracy"}),
                        ("TABLES", {"relearn", "probes", "graft", "cka"})):  # fmt: skip
        whole = getattr(evaluate, shelf)
        assert slow < set(whole)
        monkeypatch.setattr(evaluate, shelf, {key: one for key, one in whole.items() if key not in slow})


@pytest.fixture
def quick(engine, quick_measures):
    return engine


@pytest.fixture
def quick_and_empty(empty, quick_measures):
    return empty


def test_a_second_request_on_the_same_model_trains_only_what_is_new(quick):
    first = quick.first()
    assert quick.kept() == {"original": 1, "reference": 1, "statistic": 1}
    assert all(first.outcome.seconds[stage] > 0 for stage in STAGES)
    again = quick.compute("class:3", "ssd", alpha=2.0)
    assert quick.kept() == {"original": 1, "reference": 1, "statistic": 1}
    assert [again.outcome.seconds[stage] for stage in ("train", "reference", "precompute")] == [0, 0, 0]
    other = quick.compute("class:4", "ssd")
    assert quick.kept() == {"original": 1, "reference": 2, "statistic": 1}
    assert (other.outcome.seconds["train"], other.outcome.seconds["precompute"]) == (0, 0)
    assert other.outcome.seconds["reference"] > 0
    assert other.outcome.artifacts["original"] == first.outcome.artifacts["original"]


def test_the_reference_is_shared_between_methods_and_between_equal_sets_of_examples(quick):
    first = quick.first()
    indices = (load_dataset("digits").train.labels == 3).nonzero().flatten().tolist()
    samples = f"samples:{','.join(map(str, indices))}"
    for same in (quick.compute("classes:3"), quick.compute(samples), quick.compute("class:3", "finetune", epochs=1)):
        assert same.outcome.artifacts["reference"] == first.outcome.artifacts["reference"]
        assert same.outcome.seconds["reference"] == 0
    assert quick.kept() == {"original": 1, "reference": 1, "statistic": 1}


def test_another_seed_trains_another_original(quick):
    one, other = quick.first(), quick.compute("class:3", reference=False, seed=1)
    assert quick.kept() == {"original": 2, "reference": 1, "statistic": 1}
    assert one.outcome.artifacts["original"] != other.outcome.artifacts["original"]


def test_the_same_spec_computed_in_two_homes_gives_the_same_numbers(engine, tmp_path):
    one, other = engine.first(), Engine(open_home(tmp_path / "other")).compute("class:3", "ssd")
    assert one.outcome.measurements == other.outcome.measurements
    files = [{name: file for name, file in run.outcome.artifacts.items() if name != "costs"} for run in (one, other)]
    assert files[0] == files[1]  # files are named by their content; only seconds differ


def test_a_damaged_kept_file_is_computed_anew_and_not_believed(quick):
    first = quick.first()
    statistic = next(name for name in first.outcome.artifacts if name.startswith("statistic/"))
    cases = {"original": ("train", flip), "reference": ("reference", cut), statistic: ("precompute", Path.unlink)}
    for name, (stage, spoil) in cases.items():
        path = quick.home.artifacts_folder / first.outcome.artifacts[name]
        whole = path.read_bytes()
        spoil(path)
        again = quick.compute("class:3", "ssd")
        assert path.read_bytes() == whole
        assert again.outcome.measurements
        assert set(again.outcome.measurements) <= set(first.outcome.measurements)
        computed = [at for at in ("train", "reference", "precompute") if again.outcome.seconds[at]]
        assert computed == [stage]
    assert quick.kept() == {"original": 1, "reference": 1, "statistic": 1}


def flip(path: Path) -> None:
    """One bit, in the middle of a weight."""
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 1
    path.write_bytes(whole)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_without_a_reference_what_needs_it_is_missing_with_a_reason(engine):
    run = engine.compute("class:4", reference=False)
    assert engine.kept() == {"original": 1, "reference": 1, "statistic": 1}, "no reference more than there was, of class 3"
    assert run.outcome.seconds["reference"] == 0
    assert run.outcome.speedup is None
    assert "reference" not in run.outcome.artifacts
    assert {m.model for m in run.outcome.measurements} == {"original", "unlearned"}
    for metric in ("js_to_reference", "js_to_reference_test", "parameter_distance_to_reference"):
        assert run.value(metric) is None
        assert run.reason(metric) == "This run has no reference model to compare with."
    assert run.value("test_retain_accuracy") is not None


def test_every_metric_is_measured_on_every_model_it_is_for_once_and_has_a_value_or_a_reason(engine):
    taken = engine.first().outcome.measurements
    wanted = [(key, model) for key, metric in METRICS.items() for model in metric.models]
    assert [(m.metric, m.model) for m in taken] == wanted
    assert all((m.value is None) == bool(m.reason) for m in taken)


def grows_and_names_stages_in_order(told):
    shares = [share for share, *_ in told]
    assert shares == sorted(shares)
    assert shares[0] >= 0
    assert shares[-1] == 1
    stages = [stage for _, stage, *_ in told]
    order = [stage for index, stage in enumerate(stages) if index == 0 or stages[index - 1] != stage]
    assert order == [stage for stage in STAGES if stage in order]
    assert {"unlearn", "evaluate"} <= set(order)
    assert all(left is None or left >= 0 for *_, left in told)


@pytest.mark.parametrize("method", ["finetune", "retrain", "original"])
def test_progress_only_grows_ends_at_one_and_names_the_stages_in_their_order(quick, method):
    grows_and_names_stages_in_order(quick.compute("class:3", method, **({"epochs": 1} if method == "finetune" else {})).told)


def test_progress_is_told_as_well_where_everything_is_to_do_and_where_everything_is_kept(quick_and_empty):
    told, again = (quick_and_empty.compute("class:3", "ssd").told for _ in range(2))
    grows_and_names_stages_in_order(told)
    assert {"train", "reference", "precompute"} <= {stage for _, stage, *_ in told}
    grows_and_names_stages_in_order(again)


def test_what_a_run_says_of_itself_follows_from_the_models_it_keeps(engine):
    """Accuracies from the stored weights, worked out here; the tables and files are all there."""
    outcome = engine.first().outcome
    data = load_dataset("digits")
    for name in ("original", "unlearned", "reference"):
        model = MODELS["small_cnn"](data.info)
        model.load_state_dict(engine.arrays(outcome.artifacts[name]))
        right = predict(model, data.test, "cpu").argmax(1) == data.test.labels
        of_three = data.test.labels == 3
        by_key = {(m.metric, m.model): m.value for m in outcome.measurements}
        assert by_key["test_forget_accuracy", name] == pytest.approx(right[of_three].double().mean().item())
        assert by_key["test_retain_accuracy", name] == pytest.approx(right[~of_three].double().mean().item())
    tables = {name: Artifacts(engine.home.artifacts_folder).get_table(outcome.artifacts[name]) for name in
              ("per_class", "confusion", "layers")}  # fmt: skip
    assert len(tables["per_class"]) == 2 * 3 * 10
    assert (tables["confusion"]["count"] > 0).all()  # train, test, and the forget set; a cell without an image has no row
    assert len(tables["confusion"].groupby(["split", "model"])) == 3 * 3
    assert tables["confusion"].groupby(["split", "model"])["count"].sum().unique().tolist() == [147, 360, 1437]
    assert "ssd/alpha" in engine.arrays(outcome.artifacts["recorded"])


def test_what_a_run_measures_inside_is_what_its_tables_show(engine):
    run = engine.first()
    tables = {name: Artifacts(engine.home.artifacts_folder).get_table(run.outcome.artifacts[name]) for name in
              ("examples", "cka", "relearn", "probes", "graft")}  # fmt: skip
    for model in ("original", "unlearned", "reference"):
        curve = tables["relearn"].query("model == @model")
        assert run.value("relearn_steps", model) == curve[curve["accuracy"] >= curve["target"]]["step"].min()
        assert run.value("probe_accuracy", model) == tables["probes"].query("model == @model and layer == 'hidden'")["accuracy"].item()
    graft = tables["graft"].query("direction == 'model_below' and k == 3").set_index("model")["forget"]
    cka = tables["cka"].query("set == 'forget' and model == 'unlearned' and other == 'reference' and layer == 'hidden'")
    for model in ("unlearned", "reference"):
        assert run.value("graft_forget_accuracy", model) == graft[model]
    assert run.value("cka_forget_to_reference") == pytest.approx(cka["cka"].item())
    forget = tables["examples"].query("set == 'forget'")
    assert (forget["unlearned_answer"] == forget["label"]).mean() == run.value("train_forget_accuracy")
    assert forget["unlearned_entropy"].mean() == pytest.approx(run.value("forget_entropy"), rel=1e-5)
    answers, touched = (engine.arrays(run.outcome.artifacts[name]) for name in ("answers", "touched"))
    assert answers["reference"].shape == (len(tables["examples"]), 10)
    before, after = (engine.arrays(run.outcome.artifacts[name])["classifier.bias"] for name in ("original", "unlearned"))
    assert not (np.unpackbits(touched["classifier.bias"].numpy(), count=10).astype(bool) & (before == after).numpy()).any()


def test_speedup_is_the_references_own_seconds_over_those_of_the_method(quick):
    seconds, idle = quick.first().outcome.seconds, quick.compute("class:3")
    assert seconds["reference"] > 0
    assert idle.outcome.speedup is None  # who does nothing is not fast
    again = quick.compute("class:3", "ssd")  # the reference is kept, and what it took is still known
    assert again.outcome.seconds["reference"] == 0
    assert again.outcome.speedup == pytest.approx(seconds["reference"] / again.outcome.seconds["unlearn"])


def test_doing_nothing_leaves_every_number_of_the_original(engine):
    run = engine.compute("class:3")
    for key, metric in METRICS.items():
        if {"original", "unlearned"} <= set(metric.models):
            assert run.value(key) == run.value(key, "original"), key
    assert run.value("parameter_distance") == 0


@pytest.mark.parametrize(
    "forget, count, method",
    [("random:0.05", 72, "ssd"), ("random:30@4", 30, "retrain"), ("samples:12,90,401", 3, "ssd")],
)
def test_random_and_sample_requests_run_to_the_end(engine, forget, count, method):
    run = engine.compute(forget, method)
    assert run.value("test_forget_accuracy") is None
    assert run.reason("test_forget_accuracy") == "There are no test-forget examples for this request."
    for metric in ("train_forget_accuracy", "train_retain_accuracy", "test_retain_accuracy"):
        assert 0 <= run.value(metric) <= 1
    assert (run.value("train_forget_accuracy") * count) % 1 == pytest.approx(0, abs=1e-9)
    assert (run.value("attack_loss_accuracy") is None) == (count < 10)


def test_retraining_never_answers_with_the_class_and_is_no_copy_of_the_reference(quick):
    run = quick.compute("class:3", "retrain")
    assert run.value("test_forget_accuracy") == 0
    assert run.value("train_forget_accuracy") == 0
    assert run.value("test_forget_accuracy", "reference") == 0
    assert run.value("parameter_distance_to_reference") > 0.1  # its seed is its own
    outcome = run.outcome
    original, retrained = (quick.arrays(outcome.artifacts[name]) for name in ("original", "unlearned"))
    for name, weights in original.items():
        if weights.ndim >= 2 and weights.dtype == torch.float32 and not name.startswith("normalise"):
            assert (retrained[name] != weights).all(), name


def test_a_method_that_leaves_weights_that_are_not_finite_is_told_in_one_sentence(engine, monkeypatch):
    def spoiled(self, model, splits, run):
        with torch.no_grad():
            model.classifier.bias[0] = float("nan")
        return model

    monkeypatch.setattr("core.methods.baselines.original.Original.unlearn", spoiled)
    with pytest.raises(Diverged, match=r"left weights in classifier\.bias that are not finite.*\.$"):
        engine.compute("class:3")


DIVERGING = {  # method: settings that no network survives
    "gradient_ascent": {"learning_rate": 1.0, "epochs": 20},
    "neggrad_plus": {"alpha": 0.0, "learning_rate": 1.0, "clip": 1000},
    "scrub": {"learning_rate": 1.0, "alpha": 100},
    "finetune": {"learning_rate": 1.0, "batch_size": 8, "epochs": 3},
    "salun": {"learning_rate": 1.0, "batch_size": 8, "epochs": 3},
}


WRECKED = "neggrad_plus"  # it ends, and its network answers nothing rightly: every measure is asked of it


@pytest.mark.parametrize("method", [method for method in DIVERGING if method != WRECKED])
def test_parameters_that_diverge_end_the_run_with_the_step_and_the_reason_or_with_finite_numbers(quick, method):
    finite_or_a_reason(quick, method)


@pytest.mark.parametrize("method", [m if m == WRECKED else pytest.param(m, marks=pytest.mark.slow) for m in DIVERGING])
def test_every_measure_of_a_wrecked_network_is_finite_or_missing(engine, method):
    finite_or_a_reason(engine, method)


def finite_or_a_reason(engine, method):
    try:
        computed = engine.compute("class:3", method, reference=False, **DIVERGING[method])
    except Diverged as reason:
        told = str(reason)
        where = r"(at step \d+ of \d+ \(.+\)|in epoch \d+ of \d+)"
        assert re.fullmatch(rf"(The loss|[\w.]+) became .+ {where}; a lower learning rate may help\.", told)
    else:
        assert all(m.value is None or isfinite(m.value) for m in computed.outcome.measurements)
        left = Artifacts(engine.home.artifacts_folder).get_arrays(computed.outcome.artifacts["unlearned"])
        assert all(np.isfinite(array).all() for array in left.values())


def test_gradient_ascent_without_measure_does_diverge(engine):
    with pytest.raises(Diverged, match=r"at step \d+ of 60 \(climbing\)"):
        engine.compute("class:3", "gradient_ascent", reference=False, learning_rate=1.0, epochs=20)


def test_an_overflow_that_batchnorm_hides_from_the_loss_is_no_result(engine, monkeypatch):
    def spoiled(self, model, splits, run):
        with torch.no_grad():
            model.norm2.running_var[0] = float("inf")
        return model

    monkeypatch.setattr("core.methods.baselines.original.Original.unlearn", spoiled)
    with pytest.raises(Diverged, match=r"left weights in norm2\.running_var that are not finite"):
        engine.compute("class:3")


def test_a_statistic_of_another_engine_version_is_computed_anew(quick, monkeypatch):
    assert quick.compute("class:5", "ssd", reference=False).outcome.seconds["precompute"] == 0
    monkeypatch.setattr("core.training.run_setup.shared_version", lambda *_: "another")
    again = quick.compute("class:7", "ssd", reference=False).outcome
    assert again.seconds["precompute"] > 0
    assert again.seconds["train"] == 0


def test_a_stored_statistic_that_does_not_fit_the_model_is_computed_anew(quick):
    first = quick.first()
    (name,) = [n for n in first.outcome.artifacts if n.startswith("statistic/")]
    files = Artifacts(quick.home.artifacts_folder)
    arrays = files.get_arrays(first.outcome.artifacts[name])
    other = files.put_arrays({n: a[..., :1] if n == "hidden.weight" else a for n, a in arrays.items()})
    with sqlite3.connect(quick.home.database) as db:
        db.execute("update kept set file = ? where kind = 'statistic'", (other,))
    again = quick.compute("class:5", "ssd", reference=False)
    assert again.outcome.seconds["precompute"] > 0
    assert again.outcome.artifacts[name] == first.outcome.artifacts[name]


def test_the_device_is_the_one_asked_for(quick, monkeypatch):
    assert quick.compute("class:3", reference=False).outcome.device == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device() == choose_device("cpu") == "cpu"
    with pytest.raises(WrongInput, match=r"^FORGETSCOPE_DEVICE asks for cuda:0, but PyTorch finds no GPU here; .*\.$"):
        choose_device("cuda:0")
    monkeypatch.setenv("FORGETSCOPE_DEVICE", "cuda:0")
    with pytest.raises(WrongInput, match="finds no GPU"):
        quick.compute("class:3", reference=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [choose_device(asked) for asked in ("", "cuda", "cuda:1", "cpu")] == ["cuda", "cuda", "cuda:1", "cpu"]
    with pytest.raises(WrongInput, match=r"^FORGETSCOPE_DEVICE asks for cuda:2, but the GPUs here go .* to cuda:1\.$"):
        choose_device("cuda:2")


def test_stop_is_heard_in_every_stage_and_a_stopped_run_keeps_what_was_trained(quick_and_empty):
    quick = quick_and_empty

    class Stop(Exception):
        pass

    def until(stage):
        def report(_share, at, *_):
            if at == stage:
                raise Stop

        return report

    for stage, kept in (
        ("train", {}),
        ("reference", {"original": 1}),
        ("precompute", {"original": 1, "reference": 1}),
        ("unlearn", {"original": 1, "reference": 1, "statistic": 1}),
        ("evaluate", {"original": 1, "reference": 1, "statistic": 1}),
    ):
        with pytest.raises(Stop):
            pipeline.run(quick.spec("class:3", "ssd"), quick.home, until(stage))
        assert quick.kept() == kept


def test_the_batch_estimator_looks_at_the_training_set_sorted_by_class():
    """As the authors' loaders give it: in another order it is another number, so the order must not be chance."""
    statistic = ImportanceStatistic("batch", 32)
    data = load_dataset("digits").train.subset(torch.arange(200))
    model = MODELS["small_cnn"](load_dataset("digits").info)
    context = RunContext(lambda: model, PRESETS["digits", "small_cnn"].recipe)
    by_hand = data.subset(data.labels.argsort(stable=True))
    wanted = squared_batch_gradient(model, by_hand.batches(32))
    for name, value in statistic.compute(model, data, context).items():
        torch.testing.assert_close(value, wanted[name])
