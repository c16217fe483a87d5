"""Tables in LaTeX for a paper: booktabs, mean ± interval, the best in bold, a label; every special character escaped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, isnan
from typing import TYPE_CHECKING, Any

import numpy as np

from core.domain.errors import WrongInput
from core.domain.info import MetricInfo
from core.domain.methods.ablations import SECOND_REFERENCE_METHOD
from core.domain.methods.judged import titles_of
from core.domain.run import MODELS, model_text
from core.export.imported_runs import not_computed_here
from core.export.report.run_contents import contents
from core.figures.compare.metric_columns import DEFAULT, Column, columns_of
from core.figures.palette import MODEL_TITLE
from core.jobs.catalogue import Catalogue
from core.reports.compare.comparison import about, comparable, comparison, second_retrainings
from core.reports.compare.comparison_sentence import names_of, subjects_apart
from core.reports.compare.comparison_table import table_of
from core.reports.compare.runs_by_seed import Rows
from core.reports.compare.unchanged_methods import UNCHANGED
from core.reports.verdict import Numbers
from core.storage.home import Home
from core.storage.portable import imported_among
from core.storage.runs import ResultStore

if TYPE_CHECKING:
    import pandas as pd

SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
    "±": r"$\pm$", "≈": r"$\approx$", "×": r"$\times$", "−": "$-$", "·": r"$\cdot$", "↑": r"$\uparrow$", "↓": r"$\downarrow$",
    "≥": r"$\geq$", "≤": r"$\leq$", "–": "--", "…": r"\dots{}", "\u00a0": "~", "\u2060": "",
    **{letter: f"$\\{name}$" for letter, name in {
        "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "λ": "lambda", "μ": "mu", "σ": "sigma", "τ": "tau",
        "θ": "theta",
    }.items()},
}  # fmt: skip
GOAL = {"high": r"$\uparrow$", "low": r"$\downarrow$", "match": r"$\approx$"}
UNIT = {"share": r"\%", "times": r"$\times$"}  # how a head writes a metric's unit; others as they are
SECOND = "Second reference"


@dataclass(frozen=True)
class Table:
    """Cells and heads are LaTeX already. ruled: rows above which a rule stands."""

    caption: str
    label: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    ruled: tuple[int, ...] = ()

    @property
    def text(self) -> str:
        r"""The whole `table`; needs \usepackage{booktabs}."""
        body = []
        for index, row in enumerate(self.rows):
            body += [r"\midrule"] * (index in self.ruled) + [f"{' & '.join(row)} \\\\"]
        return "\n".join([
            r"% needs \usepackage{booktabs}", r"\begin{table}", r"\centering", f"\\caption{{{self.caption}}}", f"\\label{{{self.label}}}",
            f"\\begin{{tabular}}{{l{'r' * (len(self.heads) - 1)}}}", r"\toprule", f"{' & '.join(self.heads)} \\\\", r"\midrule",
            *body, r"\bottomrule", r"\end{tabular}", r"\end{table}", "",
        ])  # fmt: skip


def escaped(text: str) -> str:
    """Text as LaTeX shows it letter for letter."""
    return "".join(SPECIAL.get(letter, letter if letter.isprintable() else " ") for letter in text)


def label_of(*words: str) -> str:
    """A label of harmless letters: `tab:digits-class-3`."""
    plain = "-".join(words)
    return "tab:" + "-".join(filter(None, "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in plain).split("-")))


def table_of_run(home: Home, store: ResultStore, run_id: str, shelves: Catalogue) -> str:
    """A finished run's metrics. Raises WrongInput."""
    run = contents(home, store, run_id, shelves)
    title = f"{run.method_title}: forget {run.subject} of {run.run.spec.dataset}, {model_text(run.run.spec)}, seed {run.run.spec.seed}"
    came = not_computed_here({run_id: run.run.imported.file} if run.run.imported else {}, 1)
    return run_table(run_id, run.numbers, run.second_numbers, run.metrics, f"{title}. {came}".strip().removesuffix("."))


def table_of_runs(store: ResultStore, run_ids: Sequence[str], shelves: Catalogue) -> str:
    """Finished runs side by side. Raises WrongInput where none of them is done."""
    frame = comparison(store, run_ids, shelves.methods)
    if not len(frame):
        raise WrongInput("None of these runs is done, so there is nothing for a table yet.")
    beside = comparison(store, second_retrainings(about(store), frame), shelves.methods)
    subject = "; ".join(dict.fromkeys(f"{row['request']} of {row['dataset']}, {row['model']}" for row in frame.to_dict("records")))
    titles = titles_of(shelves.methods)
    label = label_of("comparison", *dict.fromkeys(frame["dataset"]), *dict.fromkeys(frame["request"]))
    came = not_computed_here(imported_among(store, list(frame["id"])), len(frame))
    caption = f"Unlearning {subject}. {came}".strip().removesuffix(".")
    return comparison_table(frame, beside, shelves.metrics, titles, caption, label)


def run_table(run_id: str, numbers: Numbers, second: Numbers | None, metrics: Mapping[str, MetricInfo], title: str) -> str:
    """A run's metrics under each network. title: what the caption says of it, as text."""
    models = [model for model in MODELS if any(value is not None for value in numbers.get(model, {}).values())]
    heads = ["Metric", *(MODEL_TITLE[model] for model in models), *([SECOND] if second else [])]
    rows = []
    for column in columns_of(list(metrics), metrics):
        values = [numbers[model].get(column.key) for model in models] + ([second["unlearned"].get(column.key)] if second else [])
        if any(value is not None for value in values):
            rows.append((_head(column, column.info.title), *(_number(column, value) for value in values)))
    return Table(f"{escaped(title)}. {_aims()}", label_of("run", run_id), tuple(heads), tuple(rows)).text


def comparison_table(
    frame: "pd.DataFrame", everything: "pd.DataFrame", metrics: Mapping[str, MetricInfo], titles: Mapping[str, str], caption: str,
    label: str,
) -> str:  # fmt: skip
    """Runs side by side, those that differ by their seed alone as mean ± half-width of the 95 % interval. frame: see `comparison`.

    everything: with the second retrainings; titles: of methods, by key. In bold: the best mean among methods that changed something,
    and what reads the same as it; nothing of runs about several requests, and none of numbers that are of different counts of runs.
    """
    keys = [name for name in DEFAULT if name in comparable(frame) and name in frame and frame[name].notna().any()]
    columns = columns_of(keys, metrics)
    rows, one_subject = table_of(frame, everything, keys, True), not subjects_apart(frame)
    names, best = _names(frame, rows, titles), {column.key: _best(rows, column) & one_subject for column in columns}
    cells: list[tuple[str, ...]] = []
    ruled: list[int] = []
    for place, of in enumerate(rows.about["of"]):
        n = int(rows.about["n"].iloc[place])
        texts = [_cell(column, rows.values[column.key].iloc[place], rows.halves[column.key].iloc[place], bool(best[column.key][place]))
                 + _of_fewer(int(rows.counts[column.key].iloc[place]), n) for column in columns]  # fmt: skip
        cells.append((names[place], str(n), *texts))
        if of == "unlearned" and not ruled and place:
            ruled.append(place)
    heads = ("Method", "$n$", *(_head(column, column.title) for column in columns))
    covered = f" {escaped('; '.join(rows.covers))}" if rows.covers else ""
    interval = f" Mean $\\pm$ half of the 95\\,\\% interval (Student's $t$){covered}; $n$: runs." if rows.covers else ""
    bold = " Bold: the best, where all have as many runs." if one_subject else ""
    return Table(f"{escaped(caption)}.{interval} {_aims()}{bold}", label, heads, tuple(cells), tuple(ruled)).text


def _names(frame: "pd.DataFrame", rows: Rows, titles: Mapping[str, str]) -> list[str]:
    heads = frame.set_index("id")
    own = [row["id"] for row in rows.about.to_dict("records") if row["of"] == "unlearned"]
    short = dict(zip(own, names_of(heads.loc[own].reset_index(), titles), strict=True)) if own else {}
    apart = subjects_apart(frame)
    return [_name(row, short, apart) for row in rows.about.to_dict("records")]


def _name(row: Mapping[Any, Any], short: Mapping[str, str], apart: Sequence[str]) -> str:
    """apart: what of the subject is named, as runs differ in it."""
    about = escaped("".join(f" [{row[name]}]" for name in apart))
    if row["of"] != "unlearned":
        return MODEL_TITLE[row["of"]] + about
    if row["method"] == SECOND_REFERENCE_METHOD:
        return SECOND + about
    return escaped(short[row["id"]] + (f" ({UNCHANGED})" if row["unchanged"] else ""))


def _best(rows: Rows, column: Column) -> np.ndarray:
    """bool (rows,): the best of those that are ranked, and what is written alike; none where there is nothing to compare, or means of
    unlike counts of runs.
    """
    values, cost = rows.values[column.key].to_numpy(float), rows.values[column.key].to_numpy(float)
    if column.info.goal == "match":
        cost = rows.gaps[column.key].to_numpy(float)
    elif column.info.goal == "high":
        cost = -cost
    second = (rows.about["method"] == SECOND_REFERENCE_METHOD).to_numpy(bool)
    ranked = rows.ranked & ~second & ~np.isnan(cost)
    if ranked.sum() < 2 or len(set(rows.counts[column.key][ranked])) > 1:
        return np.zeros(len(values), bool)
    least = cost[ranked].min()
    written = {column.digits(value) for value in values[ranked & (cost == least)]}
    return np.array([bool(here) and column.digits(value) in written for here, value in zip(ranked, values, strict=True)])


def _cell(column: Column, value: float, half: float, bold: bool) -> str:
    if isnan(value):
        return "--"
    number = f"\\mathbf{{{_digits(column, value)}}}" if bold else _digits(column, value)
    return f"${number}$" if isnan(half) else f"${number} \\pm {_digits(column, half)}$"


def _of_fewer(count: int, n: int) -> str:
    """What follows a number that not all n runs of its row have."""
    return "" if count in (0, n) else f" ($n = {count}$)"


def _number(column: Column, value: float | None) -> str:
    return "--" if value is None else f"${_digits(column, value)}$"


def _digits(column: Column, value: float) -> str:
    """As in mathematics."""
    return column.digits(value) if isfinite(value) else r"\infty" if value > 0 else r"-\infty"


def _head(column: Column, title: str) -> str:
    unit = UNIT.get(column.info.unit, column.info.unit)
    named = unit and column.info.unit != column.info.title.lower() and column.info.unit not in column.info.title.lower().split()
    return f"{escaped(title)}{f' ({unit})' if named else ''} {GOAL[column.info.goal]}"


def _aims() -> str:
    return r"$\uparrow$: higher is better, $\downarrow$: lower is better, $\approx$: like the reference."
