"""Tables in LaTeX: they parse, special characters are escaped, the best is bold by hand, and they compile where there is a LaTeX."""

import re
import shutil
import subprocess

import numpy as np
import pytest
from scipy import stats

from core.export.bundle.bring import bring
from core.export.bundle.write import export
from core.export.latex import escaped, label_of, table_of_run, table_of_runs
from core.storage.home import open_home
from core.storage.runs import ResultStore
from tests.planted import plant, spec

RETAIN = {"ssd": (0.97, 0.98, 0.99), "finetune": (0.90, 0.90, 0.93)}


def parsed(text: str) -> list[list[str]]:
    """The head's and the rows' cells. Fails where braces do not match, or a row has another length than the head."""
    inside = re.search(r"\\begin\{tabular\}\{(l+r+)\}\n\\toprule\n(.*)\\bottomrule\n\\end\{tabular\}", text, re.DOTALL)
    assert inside
    plain = re.sub(r"\\[\\{}]", "", text)
    assert plain.count("{") == plain.count("}")
    lines = [line for line in inside[2].splitlines() if line != r"\midrule"]
    assert all(line.endswith(r" \\") for line in lines)
    rows = [re.split(r" (?<!\\)& ", line.removesuffix(r" \\")) for line in lines]
    assert {len(row) for row in rows} == {len(inside[1])}
    return rows


@pytest.fixture
def ids(home):
    """Two methods, three seeds each, one of them nearer in one metric, the other in another."""
    return [
        plant(home, spec(method, seed=seed), test_retain_accuracy=RETAIN[method][seed], js_to_reference=0.1 if method == "ssd" else 0.05,
              test_forget_accuracy=0.2 if method == "ssd" else 0.02)
        for method in RETAIN for seed in range(3)
    ]  # fmt: skip


def test_mean_interval_and_the_best_in_bold(home, ids, shelves):
    with ResultStore(home.database) as store:
        text = table_of_runs(store, ids, shelves)
    head, *rows = parsed(text)
    by_name = {row[0]: row for row in rows}
    at = {name.split(" (")[0]: place for place, name in enumerate(head)}
    half = 100 * stats.t.ppf(0.975, 2) * np.std(RETAIN["ssd"], ddof=1) / np.sqrt(3)
    retain = at["Retain, test"]
    assert by_name["SSD"][retain] == rf"$\mathbf{{98.0}} \pm {half:.1f}$"
    assert by_name["finetune"][retain].startswith("$91.0 ")
    js = at["JS, forget"]
    assert by_name["finetune"][js].startswith(r"$\mathbf{0.050}")
    assert "mathbf" not in by_name["SSD"][js]
    forget = at["Forget, test"]  # like the reference, which has 0: 2 % is nearer than 20 %
    assert "mathbf" in by_name["finetune"][forget]
    assert "mathbf" not in by_name["SSD"][forget]
    assert "mathbf" not in "".join(by_name["Original"] + by_name["Retrained reference"])
    assert by_name["SSD"][1] == "3"
    assert r"\label{tab:comparison-digits-class-3}" in text
    assert r"small\_cnn" in text


def test_a_mean_of_fewer_runs_says_of_how_many_and_nothing_is_best_among_unlike_counts(home, ids, shelves):
    with ResultStore(home.database) as store:
        with store.db.transaction() as write:
            for run_id in ids[1:3]:  # two of the three of SSD
                write.execute("update measurements set value = null, reason = 'x' where run_id = ? and model = 'unlearned' "
                              "and metric = 'js_to_reference'", (run_id,))  # fmt: skip
        head, *rows = parsed(table_of_runs(store, ids, shelves))
    by_name = {row[0]: row for row in rows}
    at = {name.split(" (")[0]: place for place, name in enumerate(head)}
    assert by_name["SSD"][1] == "3"
    assert by_name["SSD"][at["JS, forget"]] == "$0.100$ ($n = 1$)"
    assert by_name["finetune"][at["JS, forget"]] == r"$0.050 \pm 0.000$"
    assert by_name["SSD"][at["Retain, test"]].startswith(r"$\mathbf{98.0} \pm ")


def test_no_method_is_best_across_requests_and_each_row_names_its_own(home, shelves):
    ids = [plant(home, spec("ssd")), plant(home, spec("ssd", "class:5")), plant(home, spec("finetune"))]
    with ResultStore(home.database) as store:
        text = table_of_runs(store, ids, shelves)
    assert "mathbf" not in text
    assert "Bold" not in text
    names = [row[0] for row in parsed(text)[1:]]
    assert {"SSD [class:3]", "SSD [class:5]", "finetune [class:3]", "Original [class:3]", "Retrained reference [class:5]"} <= set(names)
    assert len(names) == len(set(names)) == 7


def test_what_has_no_end_is_written_as_in_mathematics(home, shelves):
    run_id = plant(home, spec("ssd"), js_to_reference=float("inf"))
    with ResultStore(home.database) as store:
        texts = table_of_runs(store, [run_id], shelves), table_of_run(home, store, run_id, shelves)
    for text in texts:
        assert r"$\infty$" in text
        assert "$inf$" not in text


def test_a_caption_says_that_runs_were_not_computed_here(home, ids, shelves, tmp_path):
    export(home, ids[:3], tmp_path / "a_b.zip")
    there = open_home(tmp_path / "there")
    bring(there, tmp_path / "a_b.zip")
    own = plant(there, spec("finetune"))
    with ResultStore(there.database) as store:
        run, all_four = table_of_run(there, store, ids[0], shelves), table_of_runs(store, [*ids[:3], own], shelves)
        assert "computed elsewhere" not in table_of_run(there, store, own, shelves)
    said = r"computed elsewhere and came in the file a\_b.zip; nothing here has computed them again."
    assert f"seed 0. These numbers were {said}" in run
    assert f"The numbers of 3 of 4 runs were {said}" in all_four


def test_a_run_has_a_row_for_each_metric_that_it_has(reported, shelves):
    home, run_id, _ = reported
    with ResultStore(home.database) as store:
        text = table_of_run(home, store, run_id, shelves)
    head, *rows = parsed(text)
    assert head == ["Metric", "Original", "Unlearned", "Retrained reference", "Second reference"]
    (retain,) = (row for row in rows if row[0].startswith("Accuracy, test retain set"))
    assert retain[2] == "$43.2$"
    assert "mathbf" not in text


def test_special_characters_are_escaped():
    assert escaped(r"50 % of a_b & c#1 {x} $2 \d ~ ^ <s>") == (
        r"50 \% of a\_b \& c\#1 \{x\} \$2 \textbackslash{}d \textasciitilde{} \textasciicircum{} \textless{}s\textgreater{}"
    )
    assert escaped("α ± 2 ≈ é\n") == r"$\alpha$ $\pm$ 2 $\approx$ é "
    assert label_of("study", r"a_b}{\x", "class:3,é") == "tab:study-a-b-x-class-3"


@pytest.mark.skipif(not (shutil.which("pdflatex") or shutil.which("tectonic")), reason="there is no LaTeX on this machine")
def test_it_compiles(home, ids, shelves, tmp_path):
    with ResultStore(home.database) as store:
        text = table_of_runs(store, ids, shelves)
    document = "\n".join([r"\documentclass{article}", r"\usepackage{booktabs}", r"\begin{document}", text, r"\end{document}"])
    (tmp_path / "table.tex").write_text(document)
    tool = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error"] if shutil.which("pdflatex") else ["tectonic"]
    done = subprocess.run([*tool, "table.tex"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
