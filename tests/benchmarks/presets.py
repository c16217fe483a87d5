"""make presets: the accuracy and the seconds of the originals that the default recipes train, on TUNING_SEEDS alone.

python tests/benchmarks/presets.py [DATASET[/MODEL]...]     without words: the sets that need no file, by every model that trains there

It tells whether a recipe in `core/domain/presets.py` trains a network worth unlearning; it writes nothing. A pair that stays under
WORTH of what the best model reaches on the set, or takes longer than LONGEST, needs another recipe or a reason in NOT_OFFERED.
"""

from dataclasses import dataclass
from statistics import mean
import sys
from time import perf_counter

from core.data.registry import DATASETS, load_dataset
from core.domain.presets import NOT_OFFERED, TUNING_SEEDS, preset_for
from core.models.registry import MODELS
from core.training.context import RunContext, choose_device, derived_seed
from core.training.loop import Diverged, fit, share_right
from tests.benchmarks.results import machine, table

WORTH, LONGEST = 0.85, 120.0  # share of the best model's test accuracy on a set; seconds on two quiet cores
WITHOUT_FILES = ("digits", "faces")


@dataclass(frozen=True)
class Trained:
    """Accuracies in [0, 1], NaN where training diverged; seconds of training."""

    train: float
    test: float
    seconds: float


def trained(dataset: str, model: str, seed: int) -> Trained:
    """The original of a run with this seed."""
    data, recipe = load_dataset(dataset), preset_for(dataset, model).recipe
    run = RunContext(lambda: MODELS[model](data.info), recipe, derived_seed(seed, "original"), choose_device())
    began = perf_counter()
    try:
        network = fit(run.fresh_model(), data.train, recipe, run)
    except Diverged:
        return Trained(float("nan"), float("nan"), perf_counter() - began)
    seconds = perf_counter() - began
    return Trained(*share_right(network, data.train, data.test, device=run.device), seconds)


def pairs(words: list[str]) -> list[tuple[str, str]]:
    """Those that are asked for: `digits` is every model on digits, `digits/resnet18` one."""
    asked = [word.partition("/")[::2] for word in words or WITHOUT_FILES]
    return [(d, m) for d, one in asked for m in ([one] if one else MODELS) if words or (d, m) not in NOT_OFFERED]


def main() -> None:
    """Print the table, a pair as soon as it is known."""
    rows, best = [], dict[str, float]()
    asked = pairs(sys.argv[1:])
    if unknown := [d for d, m in asked if d not in DATASETS or m not in MODELS]:
        raise SystemExit(f"There is no such pair: {', '.join(unknown)}.")
    for dataset, model in asked:
        found = [trained(dataset, model, seed) for seed in TUNING_SEEDS]
        recipe = preset_for(dataset, model).recipe
        how = f"{recipe.epochs} epochs, {recipe.batch_size} a batch, {recipe.optimiser} {recipe.learning_rate:g}, {recipe.augment}"
        train, test, seconds = (mean(values) for values in zip(*((t.train, t.test, t.seconds) for t in found), strict=True))
        row = (dataset, model, how, train, test, min(t.test for t in found), seconds)
        rows.append(row)
        best[dataset] = max(best.get(dataset, 0.0), row[4])
        print(*row, flush=True)
    head = ("dataset", "model", "recipe", "train", "test", "worst seed", "seconds", "worth unlearning")
    judged = [(*row, "yes" if row[4] >= WORTH * best[row[0]] and row[6] <= LONGEST else "NO") for row in rows]
    print(f"\nSeeds {TUNING_SEEDS}, those of tuning; {machine()}\n\n{table(head, judged)}")


if __name__ == "__main__":
    main()
