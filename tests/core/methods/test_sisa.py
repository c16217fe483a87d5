"""SISA: only the stages that saw a forgotten image are trained again, and what comes of it is what training all again gives."""

from dataclasses import dataclass, field, replace

import pytest
import torch
from torch import Tensor

from core.data.splits import Splits
from core.domain.errors import WrongInput
from core.domain.requests.samples import SamplesRequest
from core.domain.run import Recipe
from core.methods.baselines.last_layers import LastLayers
from core.methods.baselines.retrain import Retrain
from core.methods.sisa import SISA
from core.models.ensemble import Ensemble
from core.training.context import RunContext, derived_seed
from core.training.grid import Grid, Sharded, Weights, grid_of
from core.training.loop import fit
from core.training.sharding import joined, train_all, train_cell
from tests.benchmarks.bench_passes import counting
from tests.tiny import RECIPE, TRAIN, Tiny, same_weights, tiny_of

THREE = Recipe(epochs=4, batch_size=16, learning_rate=0.1, shards=3, slices=3)  # 120 images: shards of 40, slices of 13, 13 and 14
SEED = 7


def grid(recipe: Recipe) -> Grid:
    return grid_of(TRAIN, recipe.shards, recipe.slices, derived_seed(SEED, "shards"))


@dataclass
class World:
    """Tiny images, without those that are gone, and the weights after each stage of an original that was trained on the rest."""

    recipe: Recipe
    gone: tuple[int, ...] = ()
    stages: dict[tuple[int, int], Weights] = field(default_factory=dict)

    @property
    def tiny(self) -> Tiny:
        return tiny_of(1)

    def kept(self, also: tuple[int, ...] = ()) -> Tensor:
        kept = torch.ones(TRAIN, dtype=torch.bool)
        kept[[*self.gone, *also]] = False
        return kept

    def about(self, forget: tuple[int, ...] = ()) -> Sharded:
        asked = torch.zeros(TRAIN, dtype=torch.bool)
        asked[list(forget)] = True
        whole = grid(self.recipe)
        return Sharded(
            self.tiny.build, SEED, whole.of(self.kept(forget)), whole.of(asked).counts, lambda *cell: self.stages.get(cell)
        )  # fmt: skip

    def context(self, forget: tuple[int, ...] = (), seed: int = 1) -> RunContext:
        return RunContext(self.build, self.recipe, seed, sharded=self.about(forget))

    def build(self) -> torch.nn.Module:
        members = [self.tiny.build() for _ in range(self.recipe.shards)]
        return Ensemble(members, multi=False) if len(members) > 1 else members[0]

    def trained(self) -> "World":
        """With every stage, in eval mode."""
        run, about, images = self.context(), self.about(), self.tiny.dataset.train.subset(self.kept())
        for shard in range(self.recipe.shards):
            for stage in range(1, self.recipe.slices + 1):
                start = self.stages.get((shard, stage - 1))
                self.stages[shard, stage] = train_cell(about, about.retained, images, (shard, stage), start, run)
        return self

    def network(self) -> torch.nn.Module:
        model = self.build()
        model.load_state_dict(joined([self.stages[shard, self.recipe.slices] for shard in range(self.recipe.shards)]))
        return model.eval()

    def unlearn(self, *forget: int, method=None, seed: int = 1) -> tuple[torch.nn.Module, dict[str, Tensor]]:
        run, images, asked = self.context(forget, seed), self.tiny.dataset, ~self.kept(forget)
        left = self.kept()  # what went before is no part of the training set any more
        train, named, nothing = images.train.subset(left), asked[left], torch.zeros(len(images.test), dtype=torch.bool)
        splits = Splits(SamplesRequest(forget), train, images.test, named, nothing, float(named.double().mean()))
        method = method or SISA()
        return method.unlearn(self.network(), splits.only(method.uses), run), run.recorded


@pytest.fixture(scope="module")
def world() -> World:
    return World(THREE).trained()


def place(recipe: Recipe, shard: int, slice_: int, which: int = 0) -> int:
    """An image of this cell, all counted from 0."""
    whole = grid(recipe)
    return int(((whole.shard == shard) & (whole.slice == slice_)).nonzero().flatten()[which])


def members(model: torch.nn.Module) -> list[torch.nn.Module]:
    return list(model.members)


def test_one_shard_of_one_slice_is_retraining_bit_for_bit(tiny):
    assert same_weights(tiny.unlearn(SISA(), seed=5), tiny.unlearn(Retrain(), seed=5))
    one = replace(THREE, shards=1, slices=1)
    about = World(one).about()
    assert one.stages == (4,)
    context = RunContext(about.build, one, derived_seed(SEED, "shard 0, stage 1"))
    by_hand = fit(context.fresh_model(), tiny_of(1).dataset.train, one, context)
    ours = tiny_of(1).build()
    ours.load_state_dict(train_all(about, tiny_of(1).dataset.train, World(one).context()))
    assert same_weights(ours, by_hand)


def test_what_comes_of_it_is_what_training_all_again_without_the_images_gives(world):
    forget = place(THREE, 0, 1), place(THREE, 2, 0), place(THREE, 2, 2)
    unlearned, recorded = world.unlearn(*forget)
    assert same_weights(unlearned, World(THREE, forget).trained().network())
    assert not unlearned.training
    assert recorded["sisa/redone"].tolist() == [[0, 1, 1], [0, 0, 0], [1, 1, 1]]
    assert recorded["sisa/forgotten"].tolist() == [[0, 1, 0], [0, 0, 0], [1, 0, 1]]
    assert recorded["sisa/retained"].tolist() == [[13, 12, 14], [13, 13, 14], [12, 13, 13]]
    assert ((recorded["sisa/seconds"] > 0) == (recorded["sisa/redone"] > 0)).all()


def test_a_redone_stage_is_a_fresh_training_on_what_stays_from_the_stored_start(world):
    gone = place(THREE, 1, 2)
    unlearned, _ = world.unlearn(gone)
    whole, kept = grid(THREE), torch.arange(TRAIN) != gone
    part = world.tiny.dataset.train.subset((whole.shard == 1) & kept)
    own = RunContext(world.tiny.build, replace(THREE, epochs=2, shards=1, slices=1), derived_seed(SEED, "shard 1, stage 3"))
    start = own.fresh_model()
    start.load_state_dict(world.stages[1, 2])
    assert THREE.stages == (2, 2, 2)
    assert same_weights(members(unlearned)[1], fit(start, part, own.recipe, own))


def test_shards_that_are_not_hit_stay_as_they_are_to_the_last_bit(world):
    unlearned, _ = world.unlearn(place(THREE, 1, 0))
    for shard, (before, after) in enumerate(zip(members(world.network()), members(unlearned), strict=True)):
        assert same_weights(before, after) == (shard != 1)


def test_an_image_that_is_left_over_by_the_division_belongs_to_the_last_slice_and_is_gone(world):
    whole = grid(THREE)
    assert whole.counts.tolist() == [[13, 13, 14]] * 3
    left_over = place(THREE, 0, 2, which=13)
    unlearned, recorded = world.unlearn(left_over)
    assert recorded["sisa/redone"][0].tolist() == [0, 0, 1]
    assert same_weights(unlearned, World(THREE, (left_over,)).trained().network())
    assert not same_weights(unlearned, world.network())


def test_what_is_left_over_by_the_shards_belongs_to_the_last_one():
    assert grid_of(11, 3, 2, seed=1).counts.tolist() == [[1, 2], [1, 2], [2, 3]]
    assert grid_of(7, 1, 1, seed=1).counts.tolist() == [[7]]


def test_shards_mix_the_classes_of_a_set_that_is_sorted_by_class_and_forgetting_moves_no_image_to_another():
    labels, whole = torch.arange(10).repeat_interleave(100), grid_of(1000, 5, 2, seed=3)
    for shard in range(5):
        assert (torch.bincount(labels[whole.shard == shard], minlength=10) >= 8).all(), "20 of each are expected"
    kept = torch.arange(1000) % 3 > 0
    assert torch.equal(whole.of(kept).shard, whole.shard[kept])
    assert torch.equal(grid_of(1000, 5, 2, seed=3).slice, whole.slice)
    assert not torch.equal(grid_of(1000, 5, 2, seed=4).shard, whole.shard)


def test_the_passes_that_it_records_are_those_that_hooks_count(world):
    with counting() as count:
        _, recorded = world.unlearn(place(THREE, 0, 1), place(THREE, 2, 2))
    assert recorded["sisa/passes"].sum() == count.passes == 2 * (25 + 39) + 2 * 39
    with counting() as count:
        World(THREE).trained()
    assert count.passes == 3 * 2 * (13 + 26 + 40)


def test_one_image_costs_2r_plus_1_over_3rs_of_training_on_average():
    """Even slices of 20 and stages of 2a whole epochs each: S = 2, R = 3, 4 epochs, a = 2; of each image in turn."""
    recipe = replace(THREE, shards=2, slices=3)
    assert recipe.stages == (2, 2, 2)
    cells = [sum(2 * 20 * stage for stage in range(first, 4)) for first in (1, 2, 3)]
    assert sum(cells) / 3 / (4 * 120) == pytest.approx((2 * 3 + 1) / (3 * 3 * 2))
    assert SISA().passes(120, 1, recipe) == pytest.approx(4 * 119 * 7 / 18)
    assert recipe.passes == 4
    assert SISA().passes(120, 1, replace(THREE, shards=5, slices=1)) == pytest.approx(4 * 119 / 5)
    assert SISA().passes(1000, 20, replace(THREE, shards=20, slices=1)) == pytest.approx(4 * 980 * (1 - 0.95**20))


def test_where_members_disagree_evenly_the_first_of_the_classes_is_the_answer():
    class Says(torch.nn.Module):
        def __init__(self, *logits: float) -> None:
            super().__init__()
            self.logits = torch.tensor([logits])

        def forward(self, x: Tensor) -> Tensor:
            return self.logits.expand(len(x), -1)

    x = torch.zeros(2, 1, 8, 8)
    for pair in ((Says(0.0, 1.0, 3.0), Says(0.0, 3.0, 1.0)), (Says(0.0, 3.0, 1.0), Says(0.0, 1.0, 3.0))):
        assert Ensemble(list(pair), multi=False)(x).argmax(1).tolist() == [1, 1]
    mean = (torch.tensor([0.0, 1.0, 3.0]).softmax(0) + torch.tensor([0.0, 3.0, 1.0]).softmax(0)) / 2
    torch.testing.assert_close(Ensemble(list(pair), multi=False)(x)[0].exp(), mean)
    odds = Ensemble([Says(0.0, 2.0), Says(-1.0, 2.0)], multi=True)(x)[0]
    torch.testing.assert_close(odds.sigmoid(), torch.tensor([(0.5 + 0.26894142) / 2, 0.88079708]))


def test_two_requests_one_by_one_are_both_at_once(world):
    first, second = place(THREE, 0, 2), place(THREE, 0, 1)
    after_first = World(THREE, (first,)).trained()
    assert same_weights(after_first.network(), world.unlearn(first)[0])
    assert same_weights(after_first.unlearn(second)[0], world.unlearn(first, second)[0])


def test_where_a_stage_is_not_kept_the_one_before_is_trained_again_and_nothing_else_changes(world):
    forget = place(THREE, 1, 2)
    lost = World(THREE, (), {cell: weights for cell, weights in world.stages.items() if cell != (1, 2)})
    unlearned, recorded = lost.unlearn(forget)
    assert recorded["sisa/redone"][1].tolist() == [0, 1, 1]
    assert same_weights(unlearned, world.unlearn(forget)[0])


def test_retraining_is_by_the_same_shards_from_other_seeds(world):
    forget = place(THREE, 1, 2)
    retrained = world.unlearn(forget, method=Retrain(), seed=9)[0]
    about = replace(world.about((forget,)), seed=9)
    by_hand = world.build()
    by_hand.load_state_dict(train_all(about, world.tiny.dataset.train.subset(world.kept((forget,))), world.context()))
    assert same_weights(retrained, by_hand)
    assert not any(same_weights(one, other) for one, other in zip(members(retrained), members(world.network()), strict=True))


def test_a_stage_that_nothing_is_left_for_leaves_the_weights_as_they_are(world):
    whole = grid(THREE)
    first = tuple(((whole.shard == 0) & (whole.slice == 0)).nonzero().flatten().tolist())
    unlearned, recorded = world.unlearn(*first)
    assert recorded["sisa/passes"][0].tolist() == [0, 2 * 13, 2 * 27]
    assert same_weights(unlearned, World(THREE, first).trained().network())


def test_it_refuses_a_recipe_without_shards_and_others_refuse_an_ensemble_in_a_sentence():
    with pytest.raises(WrongInput, match=r"^SISA .* needs an original .*: --recipe shards=5 slices=3\.$"):
        SISA().check_recipe(RECIPE)
    SISA().check_recipe(replace(RECIPE, slices=2))
    LastLayers().check_recipe(replace(RECIPE, slices=3))
    with pytest.raises(WrongInput, match=r"cannot serve an ensemble, which shards=2 makes: its last layers would be those of one member"):
        LastLayers().check_recipe(replace(RECIPE, shards=2))
