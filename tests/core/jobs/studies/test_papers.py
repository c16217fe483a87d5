"""The papers that ship: their files are sound, their studies can be asked for, and what they lack is told."""

from dataclasses import replace

import pytest

from core.domain.errors import WrongInput
from core.domain.info import Column
from core.domain.requests.published import MUCAC, MUFAC
from core.domain.study import StudyPlan, Variant
from core.jobs.studies import papers as papers_module
from core.jobs.studies.papers import dataset_of, paper_of, papers, plan_for, reproduction, run_setting
from core.jobs.studies.table import StudySummary, VariantSummary
from core.jobs.studies.toml_file import plan_from_toml
from core.jobs.validation import make_spec
from core.reports.compare.comparison import TIME
from core.reports.intervals import Spread

NOT_OURS = {"test_accuracy"}  # over all test images; ours are apart
MUFAC_README = {  # accuracy on the test set, |accuracy of the attack - 1/2|, and the score that the authors compute of them
    "original": (0.5951, 0.2136, 0.5839), "reference": (0.488, 0.0445, 0.6995), "finetune": (0.6055, 0.2129, 0.5898),
    "cf3": (0.59, 0.2126, 0.5824), "gradient_ascent": (0.4048, 0.0485, 0.6539), "scrub": (0.5984, 0.1415, 0.6577),
    "unsir_images_stage_1": (0.5893, 0.2089, 0.5857), "unsir_images_stage_2": (0.5925, 0.199, 0.5972),
    "neggrad_plus": (0.5633, 0.0953, 0.6863),
}  # fmt: skip


@pytest.fixture
def nothing_here(tmp_path, monkeypatch):
    """An empty data folder."""
    monkeypatch.setenv("FORGETSCOPE_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def with_faces(shelves):
    """The shelves, with datasets as importing MUFAC and MUCAC gives them."""
    faces = replace(
        shelves.datasets["faces"], key="mufac@01234567", title="mufac", height=128, width=128, classes=MUFAC.classes, test_count=3043,
        train_counts=(1253,) * 7 + (1254,), columns=(Column("family", ("F0001", "F0002"), (5000, 5025)),), embedded=False,
    )  # fmt: skip
    people = Column("identity", tuple(map(str, range(6217))), (4,) * 6217)
    famous = replace(shelves.datasets["faces_attributes"], key="mucac@01234567", classes=MUCAC.classes, columns=(people,),
                     multi_count=25846, train_counts=(1, 1, 1), embedded=False)  # fmt: skip
    return replace(shelves, datasets={**shelves.datasets, faces.key: faces, famous.key: famous})


def part_of(shelves, key, **about):
    """A dataset that a user added: the same classes in another order and spelling, fewer images."""
    whole = shelves.datasets[key]
    classes = tuple(name.replace(" ", "_").upper() for name in reversed(whole.classes))
    counts = tuple(count // 5 for count in whole.train_counts)
    return replace(whole, key=f"{key}-part@01234567", title=f"{key}-part", classes=classes, train_counts=counts, **about)


def with_data(shelves, *data):
    return replace(shelves, datasets={**shelves.datasets, **{one.key: one for one in data}})


@pytest.mark.parametrize("key", papers())
def test_a_papers_file_is_a_study_with_grounded_numbers(key, with_faces):
    paper = paper_of(key)
    plan = plan_for(paper, with_faces, download=True)
    assert plan.title == paper.title
    assert plan.variants[-1].is_floor
    if paper.files:  # else the dataset's key is the user's
        assert plan_from_toml((papers_module.FOLDER / f"{key}.toml").read_text(), with_faces) == plan
    known = {*with_faces.metrics, *TIME}
    assert set(paper.shown) <= known
    for number in paper.numbers:
        assert number.metric in known | NOT_OURS
        assert number.where
        assert number.source
        assert number.evidence
        assert 0 <= number.value <= (1 if number.metric not in TIME else 1000)
    assert len({(number.row, number.metric) for number in paper.numbers}) == len(paper.numbers)
    assert set(paper.setting) <= set(run_setting(plan, with_faces))
    assert all(note.endswith(".") for note in paper.notes)
    assert not paper.get.endswith(".")


@pytest.mark.parametrize("key", papers())
def test_a_papers_file_states_every_setting_that_its_runs_use(key, with_faces):
    """So that no preset of ours, made for other networks, comes in unseen."""
    plan = plan_for(paper_of(key), with_faces, download=True)
    for variant in (one for one in plan.variants if not one.is_floor):
        used = make_spec(with_faces, plan.dataset, plan.model, plan.request, variant.method, variant.settings).params
        counting = {p.name for p in with_faces.methods[variant.method].params if not p.idle(used)}
        assert counting - {"settings"} <= {*variant.settings}, variant.method
        assert used.get("settings", "given") == "given"


@pytest.mark.parametrize("key", [key for key in papers() if key.startswith("ssd-cifar") and key != "ssd-cifar10"])
def test_ssds_baselines_are_its_authors_own(key, with_faces):
    """By their code: 80 times 3 noise images under the class's own name; batches of 256 (128 of the ViT), 128, 32 and 128."""
    found = {one.method: one.settings for one in plan_for(paper_of(key), with_faces, download=True).variants}
    assert found["bad_teacher"]["batch_size"] == (128 if key.endswith("vit") else 256)
    assert found["random_label"]["batch_size"] == 128
    assert ("unsir" in found) == ("00-class" in key or "20-class" in key)
    if unsir := found.get("unsir"):
        assert (unsir["impair"], unsir["copies"], unsir["noise_count"], unsir["norm_mode"]) == ("channels", 80, 32, "moved")
        assert (unsir["batch_size"], unsir["repair_batch_size"]) == (32, 128)


def test_the_face_benchmarks_do_not_clip(with_faces):
    for key in ("mufac", "mucac"):
        (own,) = [one.settings for one in plan_for(paper_of(key), with_faces).variants if one.method == "neggrad_plus"]
        assert own["clip"] == 1000.0


def test_the_published_speed_up_is_held_against_the_reconstruction_and_variant_c_has_a_row_of_its_own(shelves):
    paper = paper_of("weight-perturbation")
    plan = plan_for(paper, shelves, download=True)
    rows = [VariantSummary(one, ("a",), plan.seeds, {"speedup": Spread(speed, None, 1)}, {})
            for one, speed in zip(plan.variants, (4.0, 9.0, 1.0), strict=True)]  # fmt: skip
    found = reproduction(paper, StudySummary("s1", plan, tuple(rows), {}, {}), shelves).rows
    told = {one.published.row: (one.published.value, one.ours.mean) for one in found if one.published.metric == "speedup" and one.ours}
    assert plan.variants[0].settings["variant"] == "A"
    assert told == {
        "weight_perturbation": (15.0, 4.0), "weight_perturbation · fraction=0.05 · learning_rate=0.05 · steps=20 · variant=C": (None, 9.0),
    }  # fmt: skip


def test_the_face_benchmarks_scores_are_those_of_their_accuracies_and_attacks():
    published = {(number.row, number.metric): number.value for number in paper_of("mufac").numbers}
    assert set(published) == {(row, metric) for row in MUFAC_README for metric in ("test_retain_accuracy", "nomus")}
    for row, (accuracy, off, score) in MUFAC_README.items():
        assert (published[row, "test_retain_accuracy"], published[row, "nomus"]) == (accuracy, score)
        assert accuracy / 2 + (1 - 2 * off) / 2 == pytest.approx(score, abs=1e-3)  # rounded to four digits by the authors, each


def test_a_dataset_that_is_not_here_is_told_with_how_one_comes_by_it(nothing_here, shelves, with_faces):
    wanted = (
        rf"^UNSIR, ResNet-18, CIFAR-10, classes 0 and 2 needs CIFAR-10, which is not in {nothing_here}; put the folder "
        r"cifar-10-batches-py there, or set FORGETSCOPE_DATA to the folder that holds it\.$"
    )
    for subset, there in ((False, shelves), (True, with_faces), (False, with_data(shelves, part_of(shelves, "cifar10")))):
        with pytest.raises(WrongInput, match=wanted):
            dataset_of(paper_of("unsir-cifar10"), there, subset=subset)
    with pytest.raises(WrongInput, match=r"^MUFAC, .* needs MUFAC, which has not been added here; ask for it as .* --layout mufac`\.$"):
        dataset_of(paper_of("mufac"), shelves, subset=True)


def test_the_papers_own_dataset_is_taken_where_it_lies_in_the_data_folder_or_one_below(nothing_here, shelves):
    part = part_of(shelves, "cifar10")
    for place in ("cifar-10-batches-py", "CIFAR10/cifar-10-batches-py"):
        (nothing_here / place).mkdir(parents=True)
        assert dataset_of(paper_of("ssd-cifar10"), with_data(shelves, part), subset=True).key == "cifar10"
        (nothing_here / place).rmdir()
    assert dataset_of(paper_of("ssd-cifar10"), shelves, download=True).key == "cifar10"


def test_a_subset_is_the_largest_dataset_with_the_same_classes_and_the_request_is_read_by_their_names(nothing_here, shelves):
    large = part_of(shelves, "cifar10")
    small = replace(large, key="smaller@01234567", train_counts=(10,) * 10)
    plan = plan_for(paper_of("unsir-cifar10"), with_data(shelves, small, large), subset=True)
    assert (plan.dataset, plan.request.picks) == (large.key, (7, 9))  # the classes 2 and 0 of ten, counted from the other end
    assert plan.title == "UNSIR, ResNet-18, CIFAR-10, classes 0 and 2 (at hand)"
    twenty = part_of(shelves, "cifar20", columns=())
    with pytest.raises(WrongInput, match="needs CIFAR-20, which is not in"):  # it has no kinds that are finer
        plan_for(paper_of("ssd-cifar20-subclass"), with_data(shelves, twenty), subset=True)
    assert plan_for(paper_of("ssd-cifar20-class"), with_data(shelves, twenty), subset=True).dataset == twenty.key


def summary_of(plan, numbers):
    absent = {"nomus": "It has none."}
    rows = tuple(VariantSummary(one, ("a", "b"), plan.seeds, numbers.get(one.method, {}), absent) for one in plan.variants)
    return StudySummary("s1", plan, rows, numbers["original"], numbers["reference"])


def test_ours_stands_beside_the_published_number_with_the_settings_that_differ(nothing_here, shelves):
    paper = paper_of("unsir-cifar10")
    data = with_data(shelves, part_of(shelves, "cifar10"))
    plan = plan_for(paper, data, subset=True)
    near, far = Spread(0.7, 0.02, 3), Spread(0.2, 0.05, 3)
    found = reproduction(paper, summary_of(plan, {
        "unsir": {"test_retain_accuracy": near, "test_forget_accuracy": far}, "original": {"test_retain_accuracy": Spread(0.8, 0.1, 3)},
        "reference": {},
    }), data)  # fmt: skip
    rows = {(row.published.row, row.published.metric): row for row in found.rows}
    assert rows["unsir", "test_retain_accuracy"].ours == near
    assert rows["unsir", "test_retain_accuracy"].covered  # 0.7095 lies in 0.68 to 0.72
    assert rows["unsir", "test_forget_accuracy"].covered is False  # 0 does not lie in 0.15 to 0.25
    assert (rows["original", "test_accuracy"].ours, rows["original", "test_accuracy"].published.value) == (None, 0.7717)
    assert rows["original", "test_retain_accuracy"].ours == Spread(0.8, 0.1, 3)
    assert rows["original", "test_retain_accuracy"].published.value is None
    told = {one.name: (one.published, one.ours) for one in found.differences}
    assert told["dataset"] == ("CIFAR-10", "cifar10-part")
    assert told["training images"] == ("50,000", "10,000")
    assert told["forgotten images"] == ("10,000", "2,000")
    assert told["epochs"][0] == "40"
    assert told["seeds"] == ("1", "3")
    assert "pixels" not in told  # 32 in both
    (record,) = [one for one in found.table() if (one["row"], one["metric"]) == ("unsir", "test_retain_accuracy")]
    assert (record["published"], record["ours"], record["half_width"], record["n"], record["covered"]) == (0.7095, 0.7, 0.02, 3, True)


def test_a_number_without_end_is_none_in_the_table(shelves):
    paper = paper_of("weight-perturbation")
    plan = StudyPlan("fashion_mnist", "small_cnn", plan_for(paper, shelves, download=True).request, (Variant("weight_perturbation"),), (0,))
    numbers = {"weight_perturbation": {"speedup": Spread(float("inf"), None, 1)}, "original": {}, "reference": {}}
    (record, *_) = reproduction(paper, summary_of(plan, numbers), shelves).table()
    assert (record["published"], record["ours"], record["difference"]) == (15.0, None, None)
