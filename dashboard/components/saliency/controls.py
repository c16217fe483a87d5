"""The controls of a saliency map: explainer, target class, and the explainer's settings."""

from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from core.domain.info import DatasetInfo
from core.figures.markdown import NAME, plain, short, visible
from dashboard.session import stays

BASELINE = {"mean": "mean pixels", "black": "black"}
SMOOTH = {0: "off", 8: "8 copies", 24: "24 copies"}
STEPS = {0: "as needed", 64: "64", 160: "160", 400: "400"}


@dataclass(frozen=True)
class Question:
    """Which map to compute. explainer: as the engine describes it. target: "true", "own", or a class or attribute."""

    explainer: dict[str, Any]
    target: str | int
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def about(self) -> dict[str, Any]:
        """The engine's arguments besides the image."""
        return {"how": self.explainer["key"], "target": self.target, "settings": self.settings}


def ask_question(offer: dict[str, Any], data: DatasetInfo) -> Question:
    """Widgets in a row; explainers that do not support the network are one click away, with the reason."""
    fit = {e["key"]: e for e in offer["explainers"] if not e["unfit"]}
    first, second, third, fourth, fifth, last = st.columns([7, 5, 5, 4, 4, 4], vertical_alignment="bottom")
    stays("explainer", list(fit))
    key = first.selectbox("Explainer", list(fit), format_func=lambda k: fit[k]["title"], key="explainer", bind="query-params",
                          help="  \n".join(plain(f"{e['title']}: {e['about']} {e['paper']}.") for e in fit.values()))  # fmt: skip
    chosen = fit[key]
    target = _target(second, data) if chosen["targeted"] else "own"
    settings: dict[str, Any] = {}
    if chosen["layered"]:
        layers = list(offer["layers"])
        stays("saliency_layer", layers, offer["layer"])
        settings["layer"] = third.selectbox(
            "Layer", layers, layers.index(offer["layer"]), format_func=lambda n: _layer(n, offer), key="saliency_layer",
            bind="query-params", help="Deeper layers know more of classes and less of places.",
        )  # fmt: skip
    elif chosen["baseline"]:
        settings["baseline"] = third.selectbox(
            "Baseline", list(BASELINE), format_func=BASELINE.__getitem__, key="saliency_baseline", bind="query-params",
            help="The image that says nothing: the mean of the training pixels, or black. From black, black pixels can get nothing.",
        )  # fmt: skip
    if chosen["smooth"]:
        settings["smooth"] = fourth.selectbox(
            "SmoothGrad", list(SMOOTH), format_func=SMOOTH.__getitem__, key="saliency_smooth", bind="query-params",
            help="The mean of maps of noisy copies of the image (Smilkov et al., arXiv:1706.03825): less speckle, more time.",
        )  # fmt: skip
    if key == "integrated_gradients":
        settings["steps"] = _steps(fifth)
    settings["version"] = chosen["version"]  # of an extension's
    missing = [f"{e['title']} ({e['unfit']})" for e in offer["explainers"] if e["unfit"]]
    if missing:
        with last.popover("Not offered", icon=":material/block:"):
            for reason in missing:
                st.markdown(plain(reason))
    return Question(chosen, target, {name: value for name, value in settings.items() if value})


def _layer(name: str, offer: dict[str, Any]) -> str:
    height, width = offer["layers"][name]
    return f"{name} · {height}×{width}"


def _steps(place: Any) -> int:
    steps = place.selectbox(
        "Steps", list(STEPS), format_func=STEPS.__getitem__, key="saliency_steps", bind="query-params",
        help="On the way from the empty image. As needed: where the gradient turns, until the map misses at most 1 % of the rise of "
        "the target's score and is expected to be at most 2 % off; one image stops after some 3 seconds for all networks, the gallery "
        "after 160 steps an image. A number: as many, spread by Gauss and Legendre, for every network alike. Without SmoothGrad, "
        "which takes 24 unless you choose, the error that is left is shown.",
    )  # fmt: skip
    return int(steps)


def _target(place: Any, data: DatasetInfo) -> str | int:
    """The target class; with several attributes per image there is no true one."""
    shown = [short(visible(name), NAME) for name in data.classes]
    named = {str(index): f"{index}: {name}" if name != str(index) else name for index, name in enumerate(shown)}
    what = "attribute" if data.multi else "class"
    own = "the original's most likely attribute" if data.multi else "each network's own prediction"
    options = ({} if data.multi else {"true": "the true class"}) | {"own": own}
    options |= {index: f"{what} {name}" for index, name in named.items()}
    stays("saliency_target", list(options))
    chosen = place.selectbox(
        "Target class", list(options), format_func=options.__getitem__, key="saliency_target", bind="query-params",
        help=f"The {what} whose logit is explained."
        + ("" if data.multi else " A picture of your own has no true class: each network's own prediction is taken."),
    )  # fmt: skip
    return str(chosen) if chosen in ("true", "own") else int(chosen)
