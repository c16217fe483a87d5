"""Sequence: ten requests on digits, one after the other, against ten retrainings: cost, and the damage curve with its interval over seeds.

python tests/benchmarks/bench_sequence.py [--methods ssd ...] [--requests 10] [--of random:1%] [--classes 0 1 2 ...] [--seeds 0 1 2]

--classes: a request for each of these classes instead of parts of one draw. A method without a preset there searches its settings at each
request, and its cost has that in it.
"""

from argparse import ArgumentParser
from pathlib import Path
import sys
import tempfile

from core.domain.formatting import percent
from core.jobs.catalogue import catalogue
from core.jobs.sequences.plan import make_plan
from core.reports.intervals import FEW
from core.sequences import journal
from core.sequences.plan import USUAL, USUAL_OF, USUAL_SEEDS, SequencePlan
from core.sequences.summary import Row, Summary, points, sentences, summary
from core.sequences.walk import walk
from core.storage.home import Home, open_home
from tests.benchmarks.results import append, table, verdict

PAIR = ("digits", "small_cnn")
HEAD = [
    "request", "images", "test", "test, retrained", "damage", "this request", "retrained", "all earlier", "retrained", "agreement",
    "seconds in all", "retraining in all",
]  # fmt: skip


def walked(home: Home, plan: SequencePlan) -> Summary:
    """The whole sequence, in this process, as the job does it."""
    journal.begin(home, plan)
    walk(home, plan.id, lambda *_: None)
    return summary(journal.read(home, plan.id))


def line(row: Row) -> list[object]:
    """A row of the table."""

    def share(network: str, name: str) -> str:
        over = row.accuracies.get((network, name))
        return over.text(percent, with_n=False) if over else "–"

    return [
        row.number or "all in one", row.images, share("unlearned", "test"), share("reference", "test"), points(row.damage),
        share("unlearned", "request"), share("reference", "request"), share("unlearned", "earlier"), share("reference", "earlier"),
        percent(row.agreement.mean), row.spent.mean, row.retrained.mean,
    ]  # fmt: skip


def told(plan: SequencePlan, found: Summary) -> bool:
    """The table and the bar of one method; whether it was met."""
    whole = [found.whole] if found.whole else []
    rows = table(HEAD, [line(row) for row in (*found.rows, *whole)])
    append(f"Sequence: {plan.title}", rows, " ".join(sentences(found, plan.covers)))
    last = found.rows[-1]
    there = len(found.rows) == plan.count and last.damage.n == len(plan.seeds)
    curve = there and (last.damage.n < FEW or all(row.damage.half_width is not None for row in found.rows))
    figure = f"{last.spent.mean:.2f} s against {last.retrained.mean:.2f} s"
    good = verdict(f"{plan.spec.method}: {plan.count} requests take less than {plan.count} retrainings", figure, found.dearer is None)
    return verdict(f"{plan.spec.method}: damage curve with interval over {len(plan.seeds)} seeds", points(last.damage), curve) and good


def main() -> bool:
    """Whether all bars were met."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--methods", nargs="+", default=["ssd"])
    parser.add_argument("--requests", type=int, default=USUAL)
    parser.add_argument("--of", default=USUAL_OF)
    parser.add_argument("--classes", nargs="+", type=int, default=[])
    parser.add_argument("--seeds", nargs="+", type=int, default=list(USUAL_SEEDS))
    asked = parser.parse_args()
    good = list[bool]()
    with tempfile.TemporaryDirectory() as folder:
        home = open_home(Path(folder))
        shelves = catalogue(home.root)
        for method in asked.methods:
            classes = [f"class:{index}" for index in asked.classes]
            plan = make_plan(shelves, *PAIR, method, {}, requests=classes, count=asked.requests, of="" if classes else asked.of,
                             seeds=asked.seeds)  # fmt: skip
            good.append(told(plan, walked(home, plan)))
    return all(good)


if __name__ == "__main__":
    sys.exit(not main())
