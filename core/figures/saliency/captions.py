"""Captions of the Saliency page: of images, predictions, completeness errors, colours, and maps of different classes."""

from typing import Any

from core.domain.formatting import percent
from core.domain.info import DatasetInfo
from core.figures.palette import MODEL_TITLE


def named(label: Any, data: DatasetInfo) -> str:
    """An image by its label: a class, or its attributes 0 and 1; None for a user's own."""
    if label is None:
        return "your own"
    if isinstance(label, list):
        return ", ".join(name for name, has in zip(data.classes, label, strict=True) if has) or "no attribute"
    return f"truly {data.classes[label]}"


def prediction(output: dict[str, Any], data: DatasetInfo) -> str:
    """A network's prediction, and its probability of the target class where that is another one."""
    shares, answer, target = output["probabilities"], output["answer"], output["target"]
    lead = "most likely attribute:" if data.multi else "says"  # its probability may be below one half
    first = f"{lead} {data.classes[answer]}, {percent(shares[answer])}"
    return first if target == answer else f"{first}; {data.classes[target]}, {percent(shares[target])}"


def completeness(output: dict[str, Any]) -> str:
    """The completeness error: how far the map's sum misses the logit's rise, and an estimate of the error by pixel.

    '' where the explainer is not complete.
    """
    if output["difference"] is None:
        return ""
    if output["error"] is None:
        return "The network's gradients are no numbers on the way: this map says nothing."
    off = "" if output["off"] is None else f"; pixel by pixel the map is about {100 * output['off']:.1f} % off"
    steps = f"{off}; {output['steps']} steps" if output["steps"] else off
    if not output["difference"]:
        return f"The logit does not rise; error {output['error']:.2g}{steps}."
    way = "rises" if output["difference"] > 0 else "falls"
    miss = f"{100 * abs(output['error'] / output['difference']):.2f} %"
    return f"The logit {way} by {abs(output['difference']):.2f}; completeness error {miss}{steps}."


def reading_of_errors(models: dict[str, dict[str, Any]]) -> str:
    """What “off” below a map means; '' where no map shows it. models: name -> the engine's answer."""
    if all(output["off"] is None for output in models.values()):
        return ""
    return "How far a map is off is a forecast: all pixels' errors added up without their signs, as a share of the map so added up. "


def different_targets(targets: dict[str, int], explainer: dict[str, Any]) -> list[tuple[str, str]]:
    """Pairs of networks whose maps are about different classes; none where the explainer's map is the same for all."""
    names = list(targets) if explainer["targeted"] else []
    return [(a, b) for i, a in enumerate(names) for b in names[i + 1 :] if targets[a] != targets[b]]


def class_warning(targets: dict[str, int], data: DatasetInfo) -> str:
    """The warning for an image whose networks' maps are about different classes."""
    each = ", ".join(f"{MODEL_TITLE[name].lower()}: {data.classes[target]}" for name, target in targets.items())
    return (
        f"These maps are about different classes ({each}). Scores of such a pair tell that the prediction changed as much as that the "
        "network looks elsewhere, and its difference is left out; for one class under all networks, choose it under “Target class”."
    )


def reading(explainer: dict[str, Any]) -> str:
    """What the colours of a map mean."""
    if explainer["key"] == "rollout":
        return "the redder a pixel, the more of its patch reaches the last block, for or against any class; there is no blue"
    if explainer["key"] == "saliency":
        return "the redder a pixel, the more the target's score depends on it, for or against; there is no blue"
    if explainer["key"] == "guided_backprop":
        return "a brighter red pixel would raise the logit of the class that the map is about, a brighter blue one lower it"
    return "red pixels speak for the class that the map is about, blue ones against it"


def reading_of_differences(explainer: dict[str, Any]) -> str:
    """What the colours of a difference of two maps mean."""
    what = "weight for the target" if explainer["signed"] else "weight, for or against,"
    return f"red means more {what} than under the second network, blue less"
