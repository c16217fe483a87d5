"""A number that stands in several places is the same in each: Compare, Studies, the command line and its files, on one study.

Every run's forget accuracy is the same on average over the seeds, so that rows of one mean have to keep their own intervals.
"""

from collections.abc import Callable
import csv
import io
import json
import re

import numpy as np
import pytest
from scipy import stats

from core.domain.code_version import catalogue_version
from core.domain.requests.registry import parse_request
from core.figures.compare.metric_columns import columns_of
from core.jobs import submit as jobs
from core.jobs.catalogue import catalogue
from core.jobs.studies import submit
from core.jobs.studies.plan import make_plan, specs
from core.jobs.studies.table import summary
from core.jobs.write_catalogue import write
from core.reports.compare.comparison import comparison
from core.reports.compare.comparison_table import table_of
from core.storage.home import Home
from core.storage.runs import ResultStore
from dashboard.components.compare.columns import styled
from dashboard.components.studies.table import table as study_table
from tests.planted import plant

METRICS = ("test_retain_accuracy", "train_forget_accuracy", "js_to_reference", "seconds")
VALUES = {  # by method: of both accuracies; one mean, other intervals
    "ssd": (0.97, 0.98, 0.99), "finetune": (0.98, 0.98, 0.98), "salun": (0.90, 0.99, 1.05), "retrain": (0.979, 0.98, 0.981),
}  # fmt: skip


@pytest.fixture(params=["class:3", "random:0.05"])
def study(home, monkeypatch, request) -> tuple[Home, str]:
    """A home in which a study of three seeds was done; its id."""
    monkeypatch.setattr(jobs, "ensure_supervisor", lambda *_: None)
    write(home.root / "catalogue" / catalogue_version())
    shelves = catalogue(home.root)
    plan = make_plan(shelves, "digits", "small_cnn", parse_request(request.param), [(m, {}) for m in list(VALUES)[:3]], (0, 1, 2))
    for spec in specs(plan, shelves):
        value = VALUES[spec.method][spec.seed]
        plant(home, spec, test_retain_accuracy=value, train_forget_accuracy=value)
    return home, submit.submit(home, plan, shelves)


def cells(html: str, first: str) -> dict[str, list[str]]:
    """Row's name -> the texts of its numbers, of a table's HTML whose rows begin with the column `first`."""
    head = re.findall(r"<th[^>]*>([^<]*)</th>", html)
    assert first in head
    rows = [re.findall(r"<td[^>]*>([^<]*)</td>", row) for row in html.split("<tr>") if "<td" in row]
    return {row[0].split(" (")[0]: row[2 : 2 + len(METRICS)] for row in rows}


def test_every_place_says_the_same_of_each_number(study, in_process: Callable[..., tuple[object, str, str]]):
    home, study_id = study
    shelves = catalogue(home.root)
    table = list(csv.DictReader(io.StringIO(in_process("compare", study_id, "--csv")[1])))
    listed = json.loads(in_process("compare", study_id, "--json")[1])
    shown = json.loads(in_process("show", study_id, "--json")[1])
    with ResultStore(home.database) as store:
        told, frame = summary(home, store, study_id), comparison(store)
    columns = columns_of(list(METRICS), shelves.metrics)
    rows = table_of(frame, frame, METRICS, True)
    on_compare = cells(styled(rows, columns, {}).to_html(), "Method")
    on_studies = cells(study_table(told, columns).to_html(), "Variant")
    assert "0.0 %" in on_compare["finetune"][0]
    for variant, plain in zip(told.variants, shown["variants"], strict=True):
        method = variant.variant.method
        for metric, column in zip(METRICS, columns, strict=True):
            values = [float(row[metric]) for row in table if row["method"] == method]
            assert values == pytest.approx([row[metric] for row in listed if row["method"] == method])
            half = stats.t.ppf(0.975, 2) * np.std(values, ddof=1) / np.sqrt(3)
            found = variant.numbers[metric]
            assert (found.mean, found.half_width, found.n) == (pytest.approx(np.mean(values)), pytest.approx(half, abs=1e-12), 3)
            assert plain["metrics"][metric] == {"mean": found.mean, "half_width": found.half_width, "n": 3}
            at = rows.about.index[(rows.about["method"] == method) & (rows.about["of"] == "unlearned")][0]
            assert (rows.values[metric][at], rows.halves[metric][at]) == pytest.approx((found.mean, found.half_width), abs=1e-12)
            named = "Second reference" if method == "retrain" else method
            assert on_compare[named][METRICS.index(metric)] == column.text(found.mean, found.half_width)
    for name in on_compare.keys() & on_studies.keys():  # methods, the original and the reference
        assert on_compare[name][:3] == on_studies[name][:3]
    assert {"Original", "Retrained reference", "ssd"} <= on_compare.keys() & on_studies.keys()
    text = in_process("show", study_id)[1]
    line = next(line for line in text.splitlines() if line.startswith("test_retain_accuracy"))
    assert "98.0 ± 2.5 % (3)" in line
    assert "98.0 ± 0.0 % (3)" in line  # of the method whose seeds agree, beside the other of the same mean
    assert shown["answer"] == told.answer
    assert " ".join(text.split()).find(" ".join(told.answer.split())) > 0
