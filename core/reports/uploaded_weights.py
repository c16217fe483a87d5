"""What is said of uploaded weights: how they may be read, what the trials found, and when another reading is far better; no torch."""

from collections.abc import Mapping
from typing import Any

from core.data.name_order import named_orders
from core.domain.errors import WrongInput
from core.domain.formatting import percent
from core.domain.run import NORMALISATIONS, ORDERS, WeightsAs
from core.reports.significance import SURE, standard_error

FAR = 0.02  # share of images: another normalisation must be right on more than that, and than chance explains, to be far better
POOR = 0.5  # share of images: who is right less often has perhaps learned other images
SHOWN = 6  # names of classes in a row
LONGEST = 24  # letters of a class's name
Told = Mapping[str, Any]  # what core.training.uploaded_weights.client.own_weights answers


def offered(told: Told) -> dict[str, str]:
    """Normalisations that these weights may be read by: key -> in words."""
    if "tried" in told:
        return {one["key"]: one["title"] for one in told["tried"]}
    return {key: words for key, words in NORMALISATIONS.items() if key != "file" or told["carried"]}


def start(told: Told) -> str:
    """Where the file says nothing, the normalisation with which the network is right most often."""
    return "file" if told["carried"] else str(told.get("best", "dataset"))


def likely_order(told: Told, normalisation: str) -> str:
    """The name of an order of the classes with which the network is far better; '' where none is."""
    return str(_tried(told, normalisation).get("likely", ""))


def reading(told: Told, classes: tuple[str, ...], normalisation: str, order: str) -> WeightsAs:
    """order: one of ORDERS, '' for as the classes stand here. Raises WrongInput where there is no such reading."""
    if normalisation not in offered(told):
        raise WrongInput(f"These weights can be read with the normalisations {', '.join(offered(told))}; got {normalisation!r}.")
    if not order:
        return WeightsAs(normalisation)
    orders = {row["name"]: tuple(row["order"]) for row in _tried(told, normalisation).get("orders", ())} | named_orders(classes)
    if order == "matched" and order not in orders and "tried" not in told:
        raise WrongInput("The order that fits best is found on images, and none could be tried; name another order of the classes.")
    return WeightsAs(normalisation, order, orders[order]) if order in orders else WeightsAs(normalisation)


def accuracy_line(told: Told, how: WeightsAs) -> str:
    """How often the network is right so; '' where that was not measured."""
    row = _row(told, how.normalisation, how.order_name)
    if row is None:
        return str(told.get("untried", ""))
    train, test = told["images"]
    return (
        f"Read so it is right on {percent(row['train'])} of {train:,} training images and {percent(row['test'])} of {test:,} test images."
    )


def why(told: Told, how: WeightsAs) -> str:
    """Why this normalisation is the one that stands there first; '' for any other."""
    if told["carried"] or how.normalisation != start(told) or "tried" not in told:
        return ""
    return f"The file does not say how pixels were normalised; of {len(told['tried'])} ways tried, this one is right most often."


def warnings(told: Told, classes: tuple[str, ...], how: WeightsAs) -> list[str]:
    """What should be thought of before a run: another normalisation or order with which the network is far better."""
    ours = _row(told, how.normalisation, how.order_name)
    if ours is None:
        return []
    found = []
    best = max(told["tried"], key=lambda one: _share(told, _best(told, one["key"], how)))
    theirs = _best(told, best["key"], how)
    if _share(told, theirs) < POOR:
        found.append(
            f"However it is read, it is right on no more than {percent(theirs['train'])} of the training images: was it trained on this "
            "dataset?"
        )
        return found
    error = standard_error(_share(told, ours), _share(told, theirs), sum(told["images"]))
    if best["key"] != how.normalisation and _share(told, theirs) - _share(told, ours) > max(FAR, SURE * error):
        found.append(
            f"With the normalisation {best['key']} ({best['title']}) it is right on {percent(theirs['train'])} of the training images, "
            f"with {how.normalisation} on {percent(ours['train'])}: probably it was trained with the former."
        )
    likely = likely_order(told, how.normalisation)
    better = _row(told, how.normalisation, likely) or ours
    if likely != how.order_name and _share(told, better) - _share(told, ours) > FAR:
        found.append(
            f"In the order {in_words(classes, tuple(better['order']))} ({ORDERS.get(likely, 'as they stand here')}) it is right on "
            f"{percent(better['train'])} of the training images, in the order {in_words(classes, how.order)} on {percent(ours['train'])}: "
            "probably its classes stand in the former."
        )
    return found


def in_words(classes: tuple[str, ...], order: tuple[int, ...]) -> str:
    """The first classes in that order; empty for as they stand here."""
    names = [classes[place] for place in order or range(len(classes))][: SHOWN + 1]
    names = [name if len(name) <= LONGEST else name[: LONGEST - 1] + "…" for name in names]
    return ", ".join(names[:SHOWN]) + (" …" if len(names) > SHOWN else "")


def _tried(told: Told, normalisation: str) -> Mapping[str, Any]:
    return next((one for one in told.get("tried", ()) if one["key"] == normalisation), {})


def _row(told: Told, normalisation: str, order: str) -> Mapping[str, Any] | None:
    """A matched order is not the same one with every normalisation; where it found none, that is as they stand here."""
    rows = {row["name"]: row for row in _tried(told, normalisation).get("orders", ())}
    return rows.get(order, rows.get(""))


def _best(told: Told, normalisation: str, how: WeightsAs) -> Mapping[str, Any]:
    """Of a normalisation, what it gives in the chosen order, or in its likely one where that is better."""
    rows = [row for name in (how.order_name, likely_order(told, normalisation)) if (row := _row(told, normalisation, name))]
    return max(rows, key=lambda row: _share(told, row))


def _share(told: Told, row: Mapping[str, Any]) -> float:
    train, test = told["images"]
    return float((row["train"] * train + row["test"] * test) / max(1, train + test))
