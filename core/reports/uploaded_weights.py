"""Texts about uploaded weights: how they may be read, their accuracy, and whether another reading is far better; no torch."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from core.data.name_order import named_orders
from core.domain.errors import WrongInput
from core.domain.formatting import percent
from core.domain.run import NORMALISATIONS, ORDERS, WeightsAs
from core.reports.chance_tolerance import SURE, standard_error

FAR = 0.02  # share of images: another normalisation must be right on more than that, and than chance explains, to be far better
POOR = 0.5  # share of images: a network that is right less often was perhaps trained on other images
SHOWN = 6  # names of classes in a row
LONGEST = 24  # letters of a class's name
WeightsReport = Mapping[str, Any]  # as core.training.uploaded_weights.client.own_weights returns it


def offered(report: WeightsReport) -> dict[str, str]:
    """Normalisations that these weights may be read by: key -> in words."""
    if "tried" in report:
        return {one["key"]: one["title"] for one in report["tried"]}
    return {key: words for key, words in NORMALISATIONS.items() if key != "file" or report["carried"]}


def start(report: WeightsReport) -> str:
    """The default normalisation: the file's own, else that of the highest accuracy."""
    return "file" if report["carried"] else str(report.get("best", "dataset"))


def likely_order(report: WeightsReport, normalisation: str) -> str:
    """The name of an order of the classes with which the network is far better; '' where none is."""
    return str(_tried(report, normalisation).get("likely", ""))


def reading(report: WeightsReport, classes: tuple[str, ...], normalisation: str, order: str) -> WeightsAs:
    """order: one of ORDERS, '' for the dataset's own. Raises WrongInput where there is no such reading."""
    if normalisation not in offered(report):
        raise WrongInput(f"These weights can be read with the normalisations {', '.join(offered(report))}; got {normalisation!r}.")
    if not order:
        return WeightsAs(normalisation)
    orders = {row["name"]: tuple(row["order"]) for row in _tried(report, normalisation).get("orders", ())} | named_orders(classes)
    if order == "matched" and order not in orders and "tried" not in report:
        raise WrongInput("The order that fits best is found on images, and none could be tried; name another order of the classes.")
    return WeightsAs(normalisation, order, orders[order]) if order in orders else WeightsAs(normalisation)


def read_like(report: WeightsReport, classes: tuple[str, ...], follow: WeightsAs, normalisation: str = "") -> WeightsAs:
    """How a network that was made from another one is read: as that one, but by the normalisation that its own file carries.

    follow: how the other is read; normalisation: where one was asked for by name, it is the other's too, and counts. Raises WrongInput.
    """
    own = not normalisation and (report["carried"] or follow.normalisation == "file")
    return replace(follow, normalisation=reading(report, classes, start(report) if own else follow.normalisation, "").normalisation)


def accuracy_line(report: WeightsReport, how: WeightsAs) -> str:
    """How often the network is right so; '' where that was not measured."""
    row = _row(report, how.normalisation, how.order_name)
    if row is None:
        return str(report.get("untried", ""))
    train, test = report["images"]
    return (
        f"Read so it is right on {percent(row['train'])} of {train:,} training images and {percent(row['test'])} of {test:,} test images."
    )


def why(report: WeightsReport, how: WeightsAs) -> str:
    """Why this normalisation is the default; '' for any other."""
    if report["carried"] or how.normalisation != start(report) or "tried" not in report:
        return ""
    return f"The file does not say how pixels were normalised; of {len(report['tried'])} ways tried, this one is right most often."


def warnings(report: WeightsReport, classes: tuple[str, ...], how: WeightsAs) -> list[str]:
    """Warnings before a run: another normalisation or order of classes with which the network is far better."""
    ours = _row(report, how.normalisation, how.order_name)
    if ours is None:
        return []
    sentences = []
    best = max(report["tried"], key=lambda one: _share(report, _best(report, one["key"], how)))
    theirs = _best(report, best["key"], how)
    if _share(report, theirs) < POOR:
        sentences.append(
            f"However it is read, it is right on no more than {percent(theirs['train'])} of the training images: was it trained on this "
            "dataset?"
        )
        return sentences
    error = standard_error(_share(report, ours), _share(report, theirs), sum(report["images"]))
    if best["key"] != how.normalisation and _share(report, theirs) - _share(report, ours) > max(FAR, SURE * error):
        sentences.append(
            f"With the normalisation {best['key']} ({best['title']}) it is right on {percent(theirs['train'])} of the training images, "
            f"with {how.normalisation} on {percent(ours['train'])}: probably it was trained with the former."
        )
    likely = likely_order(report, how.normalisation)
    better = _row(report, how.normalisation, likely) or ours
    if likely != how.order_name and _share(report, better) - _share(report, ours) > FAR:
        sentences.append(
            f"In the order {in_words(classes, tuple(better['order']))} ({ORDERS.get(likely, 'as they stand here')}) it is right on "
            f"{percent(better['train'])} of the training images, in the order {in_words(classes, how.order)} on {percent(ours['train'])}: "
            "probably its classes stand in the former."
        )
    return sentences


def in_words(classes: tuple[str, ...], order: tuple[int, ...]) -> str:
    """The names of the first classes in that order; empty for the dataset's own."""
    names = [classes[place] for place in order or range(len(classes))][: SHOWN + 1]
    names = [name if len(name) <= LONGEST else name[: LONGEST - 1] + "…" for name in names]
    return ", ".join(names[:SHOWN]) + (" …" if len(names) > SHOWN else "")


def _tried(report: WeightsReport, normalisation: str) -> Mapping[str, Any]:
    return next((one for one in report.get("tried", ()) if one["key"] == normalisation), {})


def _row(report: WeightsReport, normalisation: str, order: str) -> Mapping[str, Any] | None:
    """The accuracies of a normalisation and order; those of the dataset's own order where the matched one is missing."""
    rows = {row["name"]: row for row in _tried(report, normalisation).get("orders", ())}
    return rows.get(order, rows.get(""))


def _best(report: WeightsReport, normalisation: str, how: WeightsAs) -> Mapping[str, Any]:
    """Of a normalisation, what it gives in the chosen order, or in its likely one where that is better."""
    rows = [row for name in (how.order_name, likely_order(report, normalisation)) if (row := _row(report, normalisation, name))]
    return max(rows, key=lambda row: _share(report, row))


def _share(report: WeightsReport, row: Mapping[str, Any]) -> float:
    train, test = report["images"]
    return float((row["train"] * train + row["test"] * test) / max(1, train + test))
