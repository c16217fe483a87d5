"""What a notebook shows of a run, a study, a comparison and maps: HTML without scripts, legible on a light and on a dark ground."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING

from markupsafe import Markup
import numpy as np
from numpy.typing import NDArray

from core.domain.formatting import percent
from core.domain.run import MODELS
from core.figures.palette import MODEL_COLOUR, MODEL_TITLE
from core.reports.first_screen import FirstScreen
from core.reports.intervals import Spread

if TYPE_CHECKING:
    import pandas as pd

    from core.jobs.studies.table import StudySummary

MOST = 20  # classes that are drawn: the forgotten ones and those that changed most
_LINE = '<p style="margin:.2em 0">{}</p>'
_BOX = '<div style="max-width:46em;line-height:1.45;color:inherit">{}</div>'
_BAR = (
    '<div style="display:flex;align-items:center;gap:.5em"><div style="flex:1;background:rgba(128,128,128,.16)">'
    '<div style="width:{width:.1f}%;height:.5em;background:{colour}"></div></div>'
    '<code style="width:4em;text-align:right">{text}</code></div>'
)
_KEY = '<span style="white-space:nowrap"><span style="display:inline-block;width:.7em;height:.7em;background:{}"></span> {}</span>'
_CLASS = (
    '<tr><td style="text-align:right;white-space:nowrap;vertical-align:middle">{}{}</td>'
    '<td style="width:70%;text-align:left">{}</td></tr>'
)


def run_html(screen: FirstScreen) -> Markup:
    """Verdict, warnings, gauges as a table, accuracy by class as bars."""
    parts = [
        Markup('<p style="margin:.2em 0"><strong>{}.</strong> {}</p><p style="margin:.2em 0;opacity:.75">{}</p>').format(
            screen.lead, screen.sentence, " · ".join(screen.about)
        ),
        Markup(_LINE).format(Markup("Confidence: <strong>{}</strong> ({}).").format(screen.confidence.level, screen.confidence.reason)),
        *(Markup(_LINE).format(f"⚠ {warning.sentence}") for warning in screen.warnings),
        _gauges(screen),
        _classes(screen),
    ]
    return Markup(_BOX).format(Markup("").join(parts))


def study_html(told: "StudySummary") -> Markup:
    """What it comes to, and each variant's numbers over the seeds."""
    metrics = [metric for metric in told.metrics if metric in _SHOWN] or told.metrics[:6]
    rows = [[row.variant.text, *(_spread(row.numbers.get(metric)) for metric in metrics)] for row in told.variants]
    rows += [[title, *(_spread(numbers.get(metric)) for metric in metrics)] for title, numbers in (
        ("original", told.original), ("reference", told.reference))]  # fmt: skip
    said = [line for line in (told.answer, told.caution, told.older) if line]
    head = Markup('<p style="margin:.2em 0"><strong>{}</strong></p>').format(told.plan.name)
    return Markup(_BOX).format(head + _lines(said) + _table(["", *metrics], rows))


def comparison_html(table: "pd.DataFrame", answer: str, caution: str) -> Markup:
    """The answer in a sentence, and the unlearned networks' main numbers."""
    names = [name for name in ("method", "settings", "seed", "request", *_SHOWN, "seconds") if name in table.columns]
    rows = [[str(run_id), *(_cell(row[name]) for name in names)] for run_id, row in table.iterrows()]
    return Markup("<div>{}</div>").format(_lines([line for line in (answer, caution) if line]) + _table(["id", *names], rows))


def maps_html(
    image: NDArray[np.uint8], maps: Mapping[str, NDArray[np.float32]], about: Sequence[str], captions: Mapping[str, str]
) -> Markup:
    """The image (H, W, C) and each network's map (H, W) over it: red where it speaks for the class, blue against."""
    size = max(np.abs(values).max() for values in maps.values()) or 1.0
    figures = [_figure(image, "image")]
    figures += [_figure(_over(image, values / size), captions.get(name, name)) for name, values in maps.items()]
    return Markup("<div>{}<div style='display:flex;flex-wrap:wrap;gap:1em'>{}</div></div>").format(
        _lines([" · ".join(about)]), Markup("").join(figures)
    )


_SHOWN = ("test_forget_accuracy", "test_retain_accuracy", "mia_auc", "relearn_steps", "js_to_reference")


def _lines(sentences: Sequence[str]) -> Markup:
    return Markup("").join(Markup(_LINE).format(sentence) for sentence in sentences)


def _gauges(screen: FirstScreen) -> Markup:
    marks = [mark for mark in MODELS if any(gauge.values.get(mark) is not None for gauge in screen.gauges)]
    rows = [[gauge.title, *(gauge.text(mark) for mark in marks), gauge.word] for gauge in screen.gauges]
    return _table(["", *(MODEL_TITLE[mark] for mark in marks), ""], rows)


def _classes(screen: FirstScreen) -> Markup:
    """Bars of the networks, class by class, on test images."""
    wide = screen.classes.pivot_table(index="class", columns="model", values="accuracy", observed=True)
    models = [model for model in MODELS if model in wide.columns]
    shown, accuracies = list(wide.index), {model: wide[model].to_dict() for model in models}
    if len(shown) > MOST and {"original", "unlearned"} <= set(models):
        change = (wide["unlearned"] - wide["original"]).abs()
        first = [index for index in shown if index in screen.forgotten]
        shown = (first + [index for index in change.sort_values(ascending=False).index if index not in first])[:MOST]
    legend = Markup(" ").join(Markup(_KEY).format(MODEL_COLOUR[model], MODEL_TITLE[model]) for model in models)

    def bars(index: int) -> Markup:
        known = [(model, value) for model in models if not np.isnan(value := accuracies[model][index])]
        return Markup("").join(Markup(_BAR).format(width=100 * value, colour=MODEL_COLOUR[m], text=percent(value)) for m, value in known)

    marks = {index: " (forgotten)" if index in screen.forgotten else "" for index in shown}
    rows = [Markup(_CLASS).format(screen.names[int(index)], marks[index], bars(index)) for index in shown]
    left = f" The {len(shown)} of {len(wide)} classes that were forgotten or changed most." if len(shown) < len(wide) else ""
    what = "Share of attributes predicted correctly" if screen.multi else "Accuracy by class"
    return Markup('<p style="margin:.6em 0 .2em">{} on test images.{} {}</p><table style="width:100%">{}</table>').format(
        what, left, legend, Markup("").join(rows)
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    """The first column on the left, the others on the right."""

    def line(tag: str, texts: Sequence[str]) -> Markup:
        cell = Markup('<{} style="text-align:{};padding:.1em .6em">{}</{}>')
        cells = [cell.format(Markup(tag), "right" if at else "left", text, Markup(tag)) for at, text in enumerate(texts)]
        return Markup("<tr>{}</tr>").format(Markup("").join(cells))

    return Markup('<table style="margin:.4em 0">{}{}</table>').format(line("th", head), Markup("").join(line("td", row) for row in rows))


def _spread(over: Spread | None) -> str:
    return "–" if over is None else over.text(with_n=False)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "–" if np.isnan(value) else f"{value:.4g}"
    return str(value)


def _over(image: NDArray[np.uint8], share: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A signed map in [-1, 1] over a pale grey picture (H, W, C), as RGB."""
    grey = 200 + 0.2 * image.mean(2, keepdims=True)
    strength = np.abs(share)[..., None]
    colour = np.where(share[..., None] > 0, np.array([178.0, 24.0, 43.0]), np.array([33.0, 102.0, 172.0]))
    mixed: NDArray[np.uint8] = (grey * (1 - strength) + colour * strength).round().astype(np.uint8)
    return mixed


def _figure(pixels: NDArray[np.uint8], caption: str) -> Markup:
    from PIL import Image  # noqa: PLC0415  # only pictures need it

    stream = BytesIO()
    Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[..., 0]).save(stream, "PNG")
    source = f"data:image/png;base64,{b64encode(stream.getvalue()).decode()}"
    return Markup(
        '<figure style="margin:0;text-align:center"><img src="{}" alt="{}" style="width:9em;image-rendering:pixelated">'
        "<figcaption>{}</figcaption></figure>"
    ).format(source, caption, caption)
