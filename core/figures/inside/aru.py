"""Inside Attack-and-Reset: the noise, the attack, which kernel slices it points at, the reset and the healing."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import plotly.graph_objects as go

from core.domain.formatting import percent
from core.figures.image_sprite import sprite
from core.figures.inside.figures import Line, bars, kernels, lines
from core.figures.inside.frames import Frame, Panel, Story, missing
from core.figures.markdown import plain
from core.figures.palette import ACCENT, QUIET, SET_COLOUR, SET_TITLE, is_dark

LAYERS = 8  # convolutions that get their own frame
ACROSS, SMALL = 8, 24  # images in a row of a grid; an image of fewer pixels is enlarged, else the gaps would be as wide
RULES = {
    "aru": "the slices where both push most alike are reset, {share} of this layer, for there noise does what the images do",
    "random": "but this run is the ablation: {share} of this layer's slices are reset, drawn at random",
    "largest": "but this run is the ablation: the slices where they differ most are reset, {share} of this layer",
}


def frames(story: Story, ablation: np.ndarray | None, offer: Callable[[], None], overlap: Callable[[], None]) -> list[Frame]:
    """ablation: accuracies (epochs + 1, 2) while the random-mask ablation healed; offer: draws what replaces them.

    overlap: draws how many slices noise of the other direction picks too, or an offer to compute it.
    """
    return [*_attack(story), *_masks(story, overlap), _healing(story, ablation, offer)]


def _attack(story: Story) -> list[Frame]:
    recorded = story.under("aru")
    if "images" not in recorded or "noise" not in recorded:
        return [missing("The attack", "attacked images")]
    losses, radius = np.asarray(recorded.get("attack_loss", []), dtype=float), float(story.params["radius"])
    down = lowers(story)
    moved = f"the mean loss of the forget set goes from {losses[0]:.3g} to {losses[-1]:.3g} nats" if len(losses) else "the loss should move"
    why = (
        "surer of it: noise that the network reads as the image is what ARU needs" if down
        else "less sure of it: this run's noise goes up the loss, where a co-author's script goes down"
    )
    return [
        Frame(
            f"Noise that {'imitates' if down else 'hides'} the forget set",
            f"Each forgotten image gets noise of at most {radius * 255:.3g}/255 a pixel that makes the network {why}.",
            partial(_attacked_images, recorded["images"], recorded["noise"], radius, "surer" if down else "less sure"),
        ),
        Frame(
            "The attack, step by step",
            f"Every step of projected gradient {'descent' if down else 'ascent'} moves each pixel a little "
            f"{'towards' if down else 'away from'} being recognised: in {max(0, len(losses) - 1)} steps {moved}.", partial(_losses, losses),
        ),
    ]  # fmt: skip


def _attacked_images(images: np.ndarray, noise: np.ndarray, radius: float, how_sure: str) -> Sequence[Panel]:
    shown = np.asarray(images, dtype=float)[:ACROSS], np.asarray(noise, dtype=float)[:ACROSS]
    rows = np.concatenate([shown[0], 0.5 + shown[1] / (2 * radius), shown[0] + shown[1]])
    return [Panel(
        f"Above: images of the forget set · in the middle: their noise, {0.5 / radius:.0f} times louder · below: both together",
        "grey noise is no change, black and white the largest change that was allowed; below is what the network is shown, to the eye "
        f"the same as above, to the network {how_sure}.",
        f"{len(shown[0])} images of the forget set, their amplified noise, and the attacked images", grid=grid_of(rows, len(shown[0])),
    )]  # fmt: skip


def grid_of(pixels: np.ndarray, across: int = ACROSS) -> np.ndarray:
    """float (N, C, H, W), cut to [0, 1] -> one picture, uint8 (h, w, 3)."""
    levels = (np.clip(np.asarray(pixels, dtype=float), 0, 1) * 255).round().astype(np.uint8)
    scale = max(1, SMALL // max(levels.shape[2:]))
    return sprite(levels.repeat(scale, 2).repeat(scale, 3), 255, min(across, len(levels)))


def _losses(losses: np.ndarray) -> Sequence[Panel]:
    figure = lines([Line("forget set", losses, SET_COLOUR["forget"])], "step of the attack", "mean loss, nats")
    return [Panel("Loss of the attacked images", "the loss before each step and after the last; lower means that the network is surer.",
                  "Line: mean loss of the forget set at each step of the attack", figure)]  # fmt: skip


def _masks(story: Story, overlap: Callable[[], None]) -> list[Frame]:
    scores, masks = story.under("aru_difference"), story.under("aru_mask")
    if not scores or set(masks) != set(scores):
        return [missing("Difference and mask", "differences of gradients")]
    names = evenly_spaced(list(scores), LAYERS)
    rule = RULES.get(str(story.params.get("mask")), "{share} of this layer's slices are reset")
    more = f" {len(names)} of {len(scores)} convolutions are shown." if len(names) < len(scores) else ""
    masked = [
        Frame(
            f"Which slices go: {plain(name)}",
            "Slice by slice, the gradient on the images is held against that on the noise alone; "
            f"{rule.format(share=percent(float(np.mean(masks[name]))))}.{more}",
            partial(_layer, name, np.asarray(scores[name]), np.asarray(masks[name])),
        )
        for name in names
    ]
    return [*masked, Frame(
        "Reset",
        f"The chosen slices go back to {'their initial values' if story.params.get('reset') == 'init' else 'zero'}, in every convolution "
        "alike: what they had learnt is gone, and so is part of everything else.", partial(_by_layer, masks),
    ), Frame(
        "Noise of the other direction",
        f"Here the attack {'lowers' if lowers(story) else 'raises'} the loss. A co-author's script lowers it, summaries of the paper say "
        "that it is raised: where both pick the same slices, it makes no difference which is meant.",
        lambda: [Panel("", draw=overlap)],
    )]  # fmt: skip


def lowers(story: Story) -> bool:
    """Whether the noise makes the network surer of its image."""
    return bool(story.params.get("direction", "minimise") == "minimise")  # a run of before there was a choice has none


def shared_slices(overlaps: Mapping[str, np.ndarray]) -> go.Figure:
    """Weight's name -> share of the slices picked by one direction's noise that the other's picks too."""
    shares = [float(share) for share in overlaps.values()]
    return bars(list(overlaps), shares, "convolution, input to output", "slices in common", share=True)


def evenly_spaced(names: list[str], most: int) -> list[str]:
    """At most so many, evenly from first to last."""
    return names if len(names) <= most else [names[i] for i in np.linspace(0, len(names) - 1, most).round().astype(int)]


def _layer(name: str, score: np.ndarray, mask: np.ndarray) -> Sequence[Panel]:
    by_filter = mask.mean(1)
    filters = bars([str(i) for i in range(len(by_filter))], by_filter, "filter (output channel)", "slices reset", share=True)
    return [
        Panel("Difference of gradients", f"a {'dark' if is_dark() else 'pale'} cell is a slice that noise and image push alike.",
              f"Heat map: difference matrix of {name}", kernels(score)),
        Panel("Mask", "a coloured cell is a slice that was reset" + ("." if max(mask.shape) <= 96 else "; cells are means of neighbours."),
              f"Heat map: slices of {name} that were reset", kernels(mask, of_bits=True)),
        Panel("Reset, filter by filter", "share of each filter's slices that was reset.",
              f"Bars: share of each filter of {name} that was reset", filters),
    ]  # fmt: skip


def _by_layer(masks: Mapping[str, np.ndarray]) -> Sequence[Panel]:
    names, where = list(masks), "convolution, input to output"
    of_slices = [float(np.mean(mask)) for mask in masks.values()]
    of_filters = [float((np.asarray(mask).mean(1) == 1).mean()) for mask in masks.values()]
    return [
        Panel("Slices that were reset", "the share is the same in every layer: ρ.", "Bars: share of each convolution's slices reset",
              bars(names, of_slices, where, "slices reset", share=True)),
        Panel("Filters that lost every slice", "such a filter knows nothing any more.",
              "Bars: share of each convolution's filters reset whole", bars(names, of_filters, where, "filters reset whole", share=True)),
    ]  # fmt: skip


def _healing(story: Story, ablation: np.ndarray | None, offer: Callable[[], None]) -> Frame:
    if "aru/healing" not in story.recorded:
        return missing("Healing", "accuracies while healing")
    accuracies = np.asarray(story.recorded["aru/healing"], dtype=float)
    is_ablation = story.params.get("mask") != "aru"
    comparison = "; compared with the ablation that reset as many slices at random" if ablation is not None else ""
    if ablation is None and not is_ablation:
        comparison = "; its ablation would tell whether the choice of slices matters"
    return Frame(
        "After the reset, and while it heals",
        f"The reset leaves {percent(accuracies[0, 0])} on the forget set and {percent(accuracies[0, 1])} on the retain set; training on "
        f"the retain set takes it to {percent(accuracies[-1, 1])}, and the forget set to {percent(accuracies[-1, 0])}{comparison}.",
        partial(_healed, accuracies, ablation, None if is_ablation else offer),
    )


def healing(accuracies: np.ndarray, ablation: np.ndarray | None, which: int, name: str) -> go.Figure:
    """Accuracy on one set (a column of `accuracies`) after the reset and after each epoch; dotted: the ablation's."""
    shown = [Line("this run", accuracies[:, which], ACCENT)]
    if ablation is not None:
        shown.append(Line("random mask", ablation[:, which], QUIET, "dot", symbol="square-open"))
    return lines(shown, "epochs of healing", f"accuracy, {name}", share=True)


def _healed(accuracies: np.ndarray, ablation: np.ndarray | None, offer: Callable[[], None] | None) -> Sequence[Panel]:
    alike = "; where the dotted line runs alike, the choice of slices made no difference" if ablation is not None else ""
    hows = {"forget": f"it should stay low while retain accuracy recovers{alike}.",
            "retain": "it should come back to where it was before the reset."}
    panels = [
        Panel(SET_TITLE[name], how, f"Lines: accuracy on {SET_TITLE[name].lower()} after each epoch of healing",
              healing(accuracies, ablation, which, SET_TITLE[name].lower()))
        for which, (name, how) in enumerate(hows.items())
    ]  # fmt: skip
    return panels if ablation is not None or offer is None else [*panels, Panel("The same with a random mask", draw=offer)]
