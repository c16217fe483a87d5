"""A and B compared in detail: each section draws both, or raises WrongInput with the reason why it cannot."""

import pandas as pd
import streamlit as st

from core.domain.errors import WrongInput
from core.domain.formatting import percent
from core.figures.class_figures import NO_MATRIX
from core.figures.compare import flow_and_overlap_figures as flows
from core.figures.compare import pair_figures
from core.figures.markdown import plain
from core.figures.plotly_layout import CONFIG
from core.reports.checks.across_seeds import check_study
from core.reports.checks.registry import examine
from core.reports.compare.runs_by_seed import SUBJECT, numbers_by_seed
from core.reports.odd_results import told_of
from dashboard.components.common.checks_panel import case_of, show_checks
from dashboard.components.compare.compared_runs import ComparedRuns, Side
from dashboard.queries import catalogue, runs
from dashboard.queries.runs import RunHandle

METHODS = 8  # rows of the map of overlaps
SPLITS = ("test", "train", "forget")


def require_same_dataset(a: Side, b: Side) -> None:
    """Raises WrongInput where A and B are about different datasets."""
    if a.dataset != b.dataset:
        raise WrongInput(f"A is about {a.dataset} and B about {b.dataset}: they have no classes or images in common.")


def _require_one_class(a: Side, b: Side) -> None:
    """Raises WrongInput where images have several attributes."""
    for side in (a, b):
        if side.multi:
            raise WrongInput(f"{side.letter} is about {side.dataset}: {NO_MATRIX}")


def by_class(a: Side, b: Side) -> None:
    """Bars of the difference in accuracy by class."""
    require_same_dataset(a, b)
    tables = [side.table("per_class") for side in (a, b)]
    ours, theirs = (table[table["model"] == "unlearned"] for table in tables)
    forgotten, what = tuple(sorted({*a.picks, *b.picks})), "attribute" if a.multi else "class"
    st.plotly_chart(
        pair_figures.class_difference(ours, theirs, a.classes(int(ours["class"].max()) + 1), forgotten, multi=a.multi),
        key="difference", config=CONFIG,
        alt=f"Bars by {what}: accuracy of B's unlearned network minus A's, on test and on training images",
    )  # fmt: skip
    titles = [catalogue.request_title(side.request, side.dataset) for side in (a, b)]
    other = "" if a.request == b.request else f" A had to forget {titles[0]}, B {titles[1]}."
    st.caption(
        "How to read it: up (gold), B is right more often; down (teal), A is."
        + ("" if a.multi else " For a forgotten class (✕), up means that B remembers more.") + plain(other)
    )


def matrices(a: Side, b: Side) -> None:
    """The confusion matrix of each network, with its mean confidence."""
    _require_one_class(a, b)
    split = st.segmented_control("Images", SPLITS, default="test", key="matrix", bind="query-params", required=True,
                                 help="test: test images. train: the training set. forget: the forget set alone.")  # fmt: skip
    for column, side in zip(st.columns(2), (a, b), strict=True):
        cells = side.table("confusion")
        chosen = cells[(cells["model"] == "unlearned") & (cells["split"] == split)]
        if not len(chosen):
            raise WrongInput(f"Run {side.id} stored no predictions on the {split} set: another version of Forgetscope made it.")
        row = "taught label" if side.request.flips_labels and split != "test" else "true class"
        classes = side.classes(int(side.table("per_class")["class"].max()) + 1)  # a class without a prediction has no cell
        column.plotly_chart(
            pair_figures.matrix(chosen, classes, side.title, row), key=f"matrix-{side.letter}",
            config=CONFIG,
            alt=f"Heat map: {row} against prediction of {side.title}, {split} images",
        )  # fmt: skip
    st.caption(
        "How to read it: a row is a true class (or the label that the original was taught, where the request made some of them wrong); "
        "a cell says how many of its images got that prediction, and below it how sure the network was of it on average."
    )


def forget_predictions(a: Side, b: Side) -> None:
    """Predictions on the forget set, compared with the reference's."""
    _require_one_class(a, b)
    columns = st.columns(2)
    for column, side in zip(columns, (a, b), strict=True):
        examples = side.table("examples")
        classes = side.classes(int(side.table("per_class")["class"].max()) + 1)
        counts = flows.prediction_counts(examples, len(classes))
        referenced = "reference_answer" in examples
        left = "retrained reference" if referenced else "true class"
        if referenced:
            column.metric(
                f"{side.letter}: total variation distance", percent(flows.total_variation(counts)),
                help="Between the reference's and the unlearned network's predictions on the forget set: half the sum of the "
                "differences of their shares. 0 %: the same distribution; 100 %: no prediction in common.",
            )  # fmt: skip
        else:
            column.caption(f"{side.letter} has no retrained reference, so its predictions stand beside the true classes.")
        column.plotly_chart(
            flows.flow(counts, classes, left, "unlearned"), key=f"flow-{side.letter}", config=CONFIG,
            alt=f"Bands from the {left}'s predictions on the forget set to those of {side.title}, unlearned network",
        )  # fmt: skip
    st.caption(
        "How to read it: the number says how far the two distributions of predictions are apart. Left, what a network that never saw the "
        "forgotten images takes them for; right, what the unlearned one does. Blue: the same image gets the same prediction; "
        "orange: another one."
    )


def layer_similarity(a: Side, b: Side) -> None:
    """Layer-wise CKA with original and reference."""
    tables = [side.table("cka") for side in (a, b)]
    columns = st.columns(2)
    for column, where, title in zip(columns, ("forget", "retain"), ("the forget set", "the retain set"), strict=True):
        ours, theirs = (table[table["set"] == where] for table in tables)
        column.markdown(f"**On {title}**")
        if not len(ours) and not len(theirs):
            column.caption("Too few images to compare features on.")
            continue
        column.plotly_chart(pair_figures.cka_lines(ours, theirs), key=f"cka-{where}", config=CONFIG,
                            alt=f"Likeness of A's and B's layers with the original's and the reference's, on {title}")  # fmt: skip
    st.caption(
        "How to read it: 1, the layer makes the same of the images. On the forget set a thorough method leaves the original (dotted) "
        "and comes near the reference (dashed); on retain images it should stay with both."
    )


def weights(about: pd.DataFrame, a: Side, b: Side) -> None:
    """Which weights both changed, layer by layer, and the overlap of other methods with A."""
    counts = a.handle.overlap(b.handle)
    if not counts:
        raise WrongInput("A and B are different networks: they have no layer of the same shape in common.")
    layers = a.table("layers")
    table = flows.overlap_table(counts, dict(zip(layers["layer"], layers["weights"].astype(int), strict=True)))
    if not table[["a", "b"]].to_numpy().any():
        raise WrongInput("Neither A nor B changed a weight.")
    left, right = st.columns(2)
    share = flows.all_layers(counts)
    left.markdown(f"**A and B have {percent(share)} of their changed weights in common**")
    left.plotly_chart(flows.overlap_bars(table), key="overlap", config=CONFIG,
                      alt="Bars by layer: share of the weights that A or B changed which both changed")  # fmt: skip
    others = representatives(about, a)
    rows = [(method, a.handle.overlap(other)) for method, other in others]
    if rows:
        right.markdown("**Each method with A**, in %")
        right.plotly_chart(flows.overlap_map(flows.by_method(rows, list(table["layer"]))), key="overlaps", config=CONFIG,
                           alt="Heat map: overlap of each method's changed weights with A's, layer by layer")  # fmt: skip
    st.caption(
        "How to read it: 100 %, both changed the same weights of that layer; the grey line is what two blind choices of as many "
        "weights would share. Changed: at all, but at most the tenth of all weights that moved most."
    )


def representatives(about: pd.DataFrame, a: Side) -> list[tuple[str, RunHandle]]:
    """Method and handle of one run a method, of A's dataset, request, model and seed: another seed starts from other weights."""
    ours, shared = about[about["id"] == a.id].iloc[0], [*SUBJECT, "seed"]
    alike = about[(about[shared] == ours[shared]).all(axis=1) & (about["id"] != a.id)]
    shown = alike.drop_duplicates("method").sort_values("method")[:METHODS]
    handles = [RunHandle(i, str(at.to_pydatetime()), a.handle.root) for i, at in zip(shown["id"], shown["finished"], strict=True)]
    return list(zip(shown["method"], handles, strict=True))


def warning_counts(a: Side, b: Side) -> None:
    """How many warnings the automatic checks have for A and B, in one line: their tab may be closed."""
    counts = []
    for side in (a, b):
        run = runs.run(side.id)
        try:
            with told_of(side.id):
                count = len(examine(case_of(run)).warnings) if run else 0
        except WrongInput:  # say, of a dataset that is no longer registered; the tab says so
            return
        counts.append(f"{side.letter}: {count or 'no'} warning{'s' * (count != 1)}")
    st.caption(f":material/fact_check: Automatic checks: {', '.join(counts)}; the tab Trust says which.")


def checks(compared: ComparedRuns, a: Side, b: Side) -> None:
    """The automatic checks of both, and whether their difference is larger than that between seeds."""
    for column, side in zip(st.columns(2), (a, b), strict=True):
        column.markdown(f"**{plain(side.title)}**")
        run = runs.run(side.id)
        if run is None:
            raise WrongInput(f"Run {side.id} was deleted meanwhile; reload the page.")
        with column:
            show_checks(run, key=f"trust-{side.letter}")
    if a.request == b.request and a.dataset == b.dataset:
        ours, theirs = (numbers_by_seed(compared.frame, compared.group_of(side.id)) for side in (a, b))
        rivals = {} if ours == theirs else {f"B ({_counted(len(theirs))})": theirs}
        warnings = check_study(ours, a.request, rivals=rivals)
        st.markdown(f"**Over seeds: A's {len(ours)}, B's {len(theirs)}**")
        for warning in warnings:
            st.markdown(f":material/warning: {plain(warning.sentence)}")
        if not warnings:
            fell = "less accuracy on the forget request" if a.request.by_class else "predictions nearer to the reference's"
            apart = "; its predictions lie nearer to the reference's than B's do, seed by seed" if rivals else ""
            st.markdown(f":material/check_circle: A's effect, {fell} than before, is larger than what seeds change{apart}.")


def _counted(seeds: int) -> str:
    return f"{seeds} {'seed' if seeds == 1 else 'seeds'}"
