"""A plan of a search of SSD on digits, for the tests."""

from core.domain.requests.classes import ClassRequest
from core.domain.run import RunSpec
from core.tuning.objectives import BLIND
from core.tuning.plan import Budget, SearchPlan
from core.tuning.ranges import Range

PARAMS = {"settings": "given", "importance": "per_sample", "batch_size": 64, "alpha": 4.2, "lambda": 1.0}
RANGES = (Range("alpha", 0.42, 42.0, log=True), Range("lambda", 0.1, 10.0, log=True))


def plan(mode=BLIND, trials=6, **about):
    spec = about.pop("spec", None) or RunSpec("digits", "small_cnn", ClassRequest((3,)), "ssd", PARAMS)
    return SearchPlan(spec, mode, about.pop("ranges", RANGES), budget=Budget(trials), **about)
