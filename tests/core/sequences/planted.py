"""Plans of sequences of SSD on digits, and steps whose numbers are written by hand, for the tests."""

from core.domain.requests.classes import ClassRequest
from core.domain.requests.random import RandomRequest
from core.domain.run import RunSpec
from core.sequences import journal
from core.sequences.journal import DONE, Step
from core.sequences.plan import SequencePlan

PARAMS = {"settings": "given", "importance": "per_sample", "batch_size": 64, "alpha": 4.2, "lambda": 1.0}


def spec(request, method="ssd", params=None):
    return RunSpec("digits", "small_cnn", request, method, PARAMS if params is None else params)


def parts(count=3, size=14.0, **about):
    """So many parts of one draw, and all of them in one."""
    asked = {"seeds": (0,), "own_draws": True} | about
    whole = spec(RandomRequest(amount=count * size))
    return SequencePlan((spec(RandomRequest(amount=size)),) * count, whole, parts=True, **asked)


def classes(*picks, **about):
    """A request for each class."""
    return SequencePlan(tuple(spec(ClassRequest((pick,))) for pick in picks), **{"seeds": (0,)} | about)


def step(seed, number, test=0.9, reference=0.9, *, forget=0.0, earlier=None, cost=1.0, retrain=4.0, state=DONE, **about):
    """A step that was never made: the method took `cost` seconds, a quarter of them for statistics."""
    if state != DONE:
        return Step(seed, number, state, 14, why="The loss became nan.")

    def of(network_test, request):
        more = {} if earlier is None else {"earlier": earlier if request == forget else 0.0}
        return {"request": request, **more, "retain": 1.0, "test": network_test}

    accuracies = {"unlearned": of(test, forget), "before": of(0.95, 1.0), "original": of(0.95, 1.0)}
    seconds = {"statistics": cost / 4, "unlearn": 3 * cost / 4}
    if reference is None:
        return Step(seed, number, DONE, 14, 0.1, accuracies, None, seconds, **about)
    accuracies["reference"] = {**of(reference, 0.0), **({} if earlier is None else {"earlier": 0.0})}
    return Step(seed, number, DONE, 14, 0.1, accuracies, 0.75, seconds | {"retrain": retrain}, **about)


def stored(home, plan, steps):
    """A sequence with these steps."""
    journal.begin(home, plan)
    for one in steps:
        journal.add_step(home, plan.id, one)
    return journal.read(home, plan.id)
