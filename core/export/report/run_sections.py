"""A run's report as sections: what the pages show of it, in the order in which a reviewer reads."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from importlib.metadata import PackageNotFoundError, version
import json
import platform

import pandas as pd

from core.domain.code_version import LIBRARIES
from core.domain.errors import WrongInput
from core.domain.evaluation import Evaluation
from core.domain.formatting import percent
from core.domain.hyperparameters import used
from core.domain.run import STAGES
from core.export.markdown_html import html_of
from core.export.report.repeat import run_command
from core.export.report.run_contents import RunContents
from core.export.report.saliency_section import Ask, saliency
from core.export.report.weights_section import weights
from core.figures import class_figures, training_curves
from core.figures.gauges import described, gauge_figure
from core.figures.inside import shared_frames
from core.figures.metric_tables import families
from core.figures.palette import MODEL_TITLE
from core.figures.privacy.attack import Attack, aligned, order_of, score_figures, strongest_attack, summary_row
from core.figures.privacy.interpretation import reading, span_of, why_not_counted
from core.figures.privacy.recoverability_figures import DIRECTIONS, graft_lines, probe_lines, relearn_curves
from core.figures.privacy.threshold_slider import threshold_slider
from core.figures.sections import Block, FigureBlock, Section, TableBlock, TextBlock
from core.metrics.privacy.threshold_attack import TooFewExamples
from core.reports.cost_line import stage_seconds, times
from core.reports.early_stopping import kept_epochs, stopping_words
from core.reports.gauges import gauges
from core.reports.method_card import text_of
from core.reports.odd_results import told_of
from core.storage.artifacts import Artifacts

TOOLBAR = 28  # pixels over a figure that has no legend there
STAGE_TITLE = {
    "train": "Training the original", "reference": "Training the reference", "precompute": "Precompute", "unlearn": "Unlearning",
    "evaluate": "Evaluation",
}  # fmt: skip


def run_sections(run: RunContents, pictures: Ask | None = None, chosen: str = "") -> list[Section]:
    """Every section that the run has data for; one whose files are gone says so. pictures: asks the engine for saliency maps of
    images of the dataset; without it no image of the dataset is shown. chosen: the image that comes first then, as `train:12`.
    """
    parts: list[tuple[str, str, Callable[[], Section]]] = [
        ("gauges", "How near to a retrained network?", partial(_gauges, run)),
        ("classes", "Accuracy by class", partial(_classes, run)),
        ("weights", "What happened to the weights", partial(weights, run)),
        *([("saliency", "Saliency maps", partial(saliency, run, pictures, chosen))] if pictures else []),
        ("attack", "Membership inference attack", partial(_attack, run)),
        ("recoverability", "Recoverability", partial(_recoverability, run)),
        ("metrics", "All metrics", partial(_metrics, run)),
        *([("training", "Training", partial(_training, run))] if "training" in run.files else []),  # older versions stored none
        ("method", "The method", partial(_method, run)),
        ("settings", "Settings, versions, and how to repeat it", partial(_settings, run)),
    ]  # fmt: skip
    return [_made(run.run.id, *part) for part in parts]


def _made(run_id: str, key: str, title: str, make: Callable[[], Section]) -> Section:
    try:
        with told_of(run_id):
            return make()
    except WrongInput as wrong:
        return Section(key, title, (str(wrong),))


def _gauges(run: RunContents) -> Section:
    if run.case is None:
        raise WrongInput("The run's table of classes is missing, and with it what these four numbers are compared by.")
    found = gauges(run.case, run.report["reasons"])
    figure = gauge_figure(found)
    figure.update_layout(height=figure.layout.height + TOOLBAR, margin_t=TOOLBAR)
    text = (
        "◇ original, ● unlearned, ■ retrained reference, □ second reference. The band is where another retrained network might lie, "
        "chance included: a dot inside it is as near as retraining itself comes."
    )
    return Section("gauges", "How near to a retrained network?", (), [
        FigureBlock("gauges", "Forget and retain accuracy, membership attack, relearning", figure, described(found), text),
    ])  # fmt: skip


def _classes(run: RunContents) -> Section:
    if run.data is None:
        raise WrongInput(f"This Forgetscope does not know the dataset {run.run.spec.dataset!r:.60}, so its classes have no names.")
    classes, multi, forgotten = run.data.classes, run.data.multi, run.run.spec.request.classes
    what = "attribute" if multi else "class"
    table = run.table("per_class")
    shift = class_figures.class_shift(table[table["split"] == "test"], classes, forgotten, multi)
    blocks: list[Block] = [FigureBlock(
        f"accuracy-by-{what}", f"Accuracy by {what}, on test images", shift,
        f"Accuracy by {what} of the original, the unlearned and the reference network",
        "A forgotten class should fall to where the reference stands; every other class should not move." if forgotten
        else "The unlearned network should stand where the reference does.",
    )]  # fmt: skip
    if not multi:
        blocks += _confusion(run, classes, forgotten)
        with suppress(WrongInput):  # older versions stored none
            blocks.append(FigureBlock(
                "predictions-on-forget-set", "Predictions on the forget set",
                shared_frames.prediction_shares(run.table("confusion"), classes),
                "Bars: share of the forget set by prediction, of each network",
                "Share of the forget set with each prediction; the unlearned network's bars should look like the hatched reference's.",
            ))  # fmt: skip
    return Section("classes", f"Accuracy by {what}", (), blocks)


def _confusion(run: RunContents, classes: tuple[str, ...], forgotten: tuple[int, ...]) -> Iterator[FigureBlock]:
    cells = run.table("confusion")
    cells = cells[cells["split"] == "test"]
    rows = class_figures.most_confused(cells, len(classes), forgotten)  # the same for all networks
    for model, title in MODEL_TITLE.items():
        own = cells[cells["model"] == model]
        if len(own):
            yield FigureBlock(
                f"confusion-{model}", f"Confusion matrix: {title.lower()}", class_figures.confusion(own, classes, "", only=rows),
                f"Heat map: true class against prediction of the {title.lower()} network",
                "A row is a true class, a cell how many of its test images got that prediction; the diagonal is right.", wide=False,
            )  # fmt: skip


def attack_of(run: RunContents) -> Attack:
    """The attack that report and passport are about, with the second reference where its examples are there. Raises WrongInput."""
    examples = run.table("examples")
    second = None
    if run.second_files and "examples" in run.second_files:
        with suppress(WrongInput):
            second = aligned(Artifacts(run.home.artifacts_folder).get_table(run.second_files["examples"]), examples)
    return strongest_attack(examples, run.run.spec.request, second)


def _attack(run: RunContents) -> Section:
    attack = attack_of(run)
    about = (
        "An attacker looks at one number of one network, its loss on an image, and guesses which images were in its training set. On what "
        "was forgotten it should do no better, and no worse, than on a network that was retrained without it."
    )
    try:
        figure, (low, high) = threshold_slider(attack), span_of(attack, attack.model)
        lines, right = [summary_row(attack, model) for model in order_of(attack)], attack.rates(attack.model).balanced_accuracy
    except TooFewExamples:
        return Section("attack", "Membership inference attack", (about, why_not_counted(attack.sides)))
    held = (
        f"The threshold at the start was fitted on one half of the images; on the other half ({len(attack.counted.forget)} forgotten, "
        f"{len(attack.counted.unseen)} unseen) it " if attack.chosen else "At the threshold at the start the attack "
    ) + f"has a balanced accuracy of {percent(right)} (95 % interval {percent(round(low, 3))} to {percent(round(high, 3))})."
    missing = [why for _, reasons in lines for why in reasons]
    blocks: list[Block] = [
        FigureBlock(
            "membership-attack", "Scores, ROC and threshold", figure,
            "Step histograms of the loss of forget, retain and test images under the unlearned network; below, ROC curves of all networks "
            "on log axes",
            "Drag the slider: images in the shaded part are called members. In the lower figure the attack works above the long-dashed "
            "chance line; far left it works without false alarms, which is what harms.",
        ),
        *_to_match(attack),
        TableBlock("Over all thresholds", pd.DataFrame([line for line, _ in lines]), " ".join([
            "AUC: 50 % is chance, 100 % tells all; TPR is what is found while at most so many test images are accused.",
            *dict.fromkeys(missing),
        ])),
    ]  # fmt: skip
    return Section("attack", "Membership inference attack", (about, held, reading(attack)), blocks)


def _to_match(attack: Attack) -> Iterator[FigureBlock]:
    """The reference's scores, where there is a reference."""
    if "reference" in attack.values:
        yield FigureBlock(
            "scores-of-reference", "The reference's scores: the picture to match", score_figures(attack)["reference"],
            f"Step histograms of the {attack.score.title} of forget, retain and test images: {MODEL_TITLE['reference']}",
            "Where the forget set's solid line lies upon the dashed one of test images, no threshold can part them.",
        )  # fmt: skip


def _recoverability(run: RunContents) -> Section:
    found = run.case.recoverability(run.report["reasons"]) if run.case else None
    sentences = (found.sentence, *(part.sentence for part in found.parts)) if found else ()
    blocks = []
    for name, draw in (("relearn", _relearning), ("probes", _probes), ("graft", _grafts)):
        with suppress(WrongInput):
            table = run.table(name)
            if len(table):
                blocks += draw(table)
    return Section("recoverability", "Recoverability", sentences, blocks)


def _relearning(table: pd.DataFrame) -> list[FigureBlock]:
    return [FigureBlock(
        "relearning", "Relearning", relearn_curves(table), "Accuracy on the forget set by training step, for each network, and the target",
        "A line that reaches the target sooner than the dashed reference's still knew something.",
    )]  # fmt: skip


def _probes(table: pd.DataFrame) -> list[FigureBlock]:
    return [FigureBlock(
        "linear-probes", "Linear probes", probe_lines(table),
        "Balanced accuracy of finding the forgotten classes in each layer's features, for each network",
        "Where the solid line lies above the reference's, this layer still tells the forgotten class apart.",
    )]  # fmt: skip


def _grafts(table: pd.DataFrame) -> list[FigureBlock]:
    return [
        FigureBlock(
            f"layer-grafting-{direction.replace('_', '-')}", f"Layer grafting: {title[:1].lower()}{title[1:]}",
            graft_lines(table, direction),
            f"{title}: accuracy by number of layers, on forget and on retain images",
            "Thick lines are the forget set, thin dotted ones the retain set.",
        )
        for direction, title in DIRECTIONS.items() if (table["direction"] == direction).any()
    ]  # fmt: skip


def _metrics(run: RunContents) -> Section:
    tables = families(dict(run.report), run.metrics, run.second_numbers)
    about = "Retrained reference: trained without the forget set. " + (
        "Second reference: retrained once more, from another seed; how far it lies from the reference is the retraining variability, and "
        "no method can come nearer." if run.second_numbers else "There is no second reference, so the retraining variability is not known."
    )
    return Section("metrics", "All metrics", (about,), [TableBlock(family, table) for family, table in tables.items()])


def _training(run: RunContents) -> Section:
    table, spec = run.table("training"), run.run.spec
    kept = kept_epochs(spec, table)
    figure = training_curves.training_curves(table, kept)
    words = " ".join(filter(None, [stopping_words(spec, table), training_curves.words(table, kept)]))
    block = FigureBlock("training", "Loss and accuracy by epoch", figure, training_curves.ALT, words)
    return Section("training", "Training", (), [block])


def _method(run: RunContents) -> Section:
    if run.method is None:
        raise WrongInput(f"This Forgetscope does not know the method {run.run.spec.method!r:.60}.")
    plain_words, fine_print = text_of(run.method)
    ours = "Reconstruction: this method's algorithm is not public; the run shows our reading of its abstract."
    card = TextBlock(html_of(f"{plain_words}\n\n{fine_print.replace('#### ', '### ')}"))
    return Section("method", f"The method: {run.method.title}", (ours,) if run.method.reconstruction else (), [card])


def _settings(run: RunContents) -> Section:
    spec, report = run.run.spec, run.report
    had_effect = used(spec.params, run.method.params if run.method else ())
    params = pd.DataFrame([{"Parameter": name, "Value": str(value)} for name, value in had_effect.items()], columns=["Parameter", "Value"])
    facts = {
        "Run": run.run.id, "Dataset": f"{run.data.title} ({spec.dataset})" if run.data else spec.dataset, "Model": spec.model,
        "Forget request": spec.request.text, "Method": f"{run.method_title} ({spec.method})", "Seed": str(spec.seed),
        "Device": run.run.device or "not stored", "Threads": str(run.run.threads or "not stored"),
        "Version of the code": spec.engine, "Asked for": f"{run.run.created_at:%Y-%m-%d %H:%M} UTC",
        "Finished": f"{run.run.finished_at:%Y-%m-%d %H:%M} UTC" if run.run.finished_at else "not stored",
        **{f"{STAGE_TITLE[stage]}": stage_seconds(report, stage) for stage in STAGES},
        "Speed-up over retraining": times(report["speedup"]),
        "Packages where this report was written": f"Python {platform.python_version()}, {', '.join(_packages())}",
    }  # fmt: skip
    if report["own_recipe"]:
        facts["Training recipe"] = report["own_recipe"]
    if report["own_weights"]:
        facts["The original's weights"] = report["own_weights"]
    blocks: list[Block] = [TableBlock("About the run", pd.DataFrame(facts.items(), columns=["What", "Value"]))]
    if len(params):
        blocks.append(TableBlock("Parameters of the method", params))
    again = run_command(spec, run.method, Evaluation(**{**report["evaluation"], "without": tuple(report["evaluation"]["without"])}))
    blocks += [TextBlock(again, "The same from a terminal", code=True),
               TextBlock(json.dumps(report["spec"], indent=1, default=str), "The whole specification", code=True)]  # fmt: skip
    return Section("settings", "Settings, versions, and how to repeat it", (), blocks)


def _packages() -> Iterator[str]:
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):
            yield f"{name} {version(name)}"
