"""A finished run as a deck of five slides: verdict, gauges, classes, the first warning, and what the run cannot show."""

from contextvars import copy_context
from typing import Any

from core.domain.errors import WrongInput
from core.export.report.passport import passport
from core.export.report.run_contents import RunContents, contents
from core.figures.class_figures import class_shift
from core.figures.gauges import described, gauge_figure
from core.figures.palette import DARK
from core.figures.plotly_script import plain_figure
from core.figures.stage_figure import safe_figure
from core.jobs.catalogue import Catalogue
from core.reports.checks.registry import CHECKED
from core.reports.first_screen import FirstScreen, headline, of_stored_run
from core.storage.audience.decks import NOTES, TEXT, TITLE, Slide
from core.storage.home import Home
from core.storage.runs import ResultStore

OPEN = 3  # sentences of what remains open that stand on the slide; the others are in its notes


def run_deck(home: Home, run_id: str, shelves: Catalogue) -> tuple[str, list[Slide]]:
    """Its title and slides. Raises WrongInput where there is no such run, it is not done, or stored no table of classes."""
    with ResultStore(home.database) as store:
        run = contents(home, store, run_id, shelves)
        if run.data is None:
            raise WrongInput(f"This Forgetscope does not know the dataset {run.run.spec.dataset!r:.60}, so there is nothing to present.")
        screen = of_stored_run(home, store, run.run, run.data, run.method_title)
    return f"{run.method_title}: forget {run.subject}"[:TITLE], copy_context().run(_slides, run, screen)


def _slides(run: RunContents, screen: FirstScreen) -> list[Slide]:
    DARK.set(False)  # a slide is stored as on paper; the stage turns it dark
    source, about = f"/result?run={run.run.id}", " · ".join(screen.about)
    what = "attribute" if screen.multi else "class"
    reason = f"{screen.confidence.level.capitalize()} confidence: {screen.confidence.reason}."
    near = screen.nearness[:1].upper() + screen.nearness[1:]
    classes = class_shift(screen.classes, screen.names, screen.forgotten, screen.multi)
    wanted = f"A forgotten {what} should fall to the reference; no other should move." if screen.forgotten else (
        "The unlearned network should stand where the reference does."
    )  # fmt: skip
    warned = {warning.sentence for warning in screen.warnings}
    left = [line for line in passport(run).open if line not in warned]
    return [
        Slide("text", screen.lead[:TITLE], screen.sentence[:TEXT], f"{about}\n{reason}\n{screen.costs}"[:NOTES], source),
        Slide("figure", "How near to a retrained network?", f"{near}. Blue bands: where another retrained network might lie.",
              described(screen.gauges)[:NOTES], source, _plain(gauge_figure(screen.gauges))),
        Slide("figure", f"Accuracy by {what}, on test images", wanted, "", source, _plain(classes)),
        _warning(screen, source),
        Slide("text", "What this run cannot show", "\n".join(left[:OPEN])[:TEXT], "\n".join(left[OPEN:])[:NOTES], source),
    ]  # fmt: skip


def _plain(figure: Any) -> dict[str, Any]:
    return safe_figure(plain_figure(figure))


def _warning(screen: FirstScreen, source: str) -> Slide:
    if not screen.warnings:
        return Slide("text", "No check warns", f"Looked for: {', '.join(CHECKED.values())}."[:TEXT], screen.confidence.reason, source)
    head, rest = headline(screen.warnings[0].sentence)
    others = "\n".join(warning.sentence for warning in screen.warnings[1:])
    return Slide("text", f"Doubt: {head[:1].lower()}{head[1:]}"[:TITLE], rest.replace(". ", ".\n")[:TEXT], others[:NOTES], source)
