"""Which weights matter to the forget set: by layer, by kernel, by filter."""

from base64 import b64decode, b64encode
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.domain.formatting import percent
from core.figures.image_sprite import png, to_rgb
from core.figures.parameters import importance_and_alpha_figures as drawn
from core.figures.plotly_layout import CONFIG
from dashboard.components.common.tables import show_frame
from dashboard.components.parameters.importance_source import Source
from dashboard.session import belongs, stays

TILE, GAP = 34, 2  # pixels of an image's side in a strip, about; between two
LARGEST = 64  # pixels of an image's side that are sent
MIDDLE = 127  # the byte of a weight of 0
Json = dict[str, Any]


def importances(source: Source, view: Json) -> None:
    """One tab per view; only the open one is drawn."""
    parts = {
        "By layer": partial(_by_layer, view), "Distributions": partial(_distributions, view),
        "Kernels": partial(_kernels, source, view), "Filters": partial(_filters, source, view),
    }  # fmt: skip
    for tab, draw in zip(st.tabs(list(parts), key="important", on_change="rerun", bind="query-params"), parts.values(), strict=True):
        if tab.open:
            with tab:
                draw()


def _by_layer(view: Json) -> None:
    st.plotly_chart(drawn.importance_map(view["layers"]), key="importance", config=CONFIG,
                    alt="Heat map: mean importance of each parameter tensor on all data, on the forget set, and the ratio")  # fmt: skip
    st.caption(
        "How to read it: above, the stronger the colour the more the layer matters. Below, orange: it matters more to the forget set "
        f"than to all data; blue: less. {percent(view['dead'])} of all weights feel no gradient on any training image."
    )


def _distributions(view: Json) -> None:
    left, right = st.columns(2)
    left.markdown("**Importance of single weights**")
    left.plotly_chart(drawn.bands(view["layers"], ["all", "forget"], "importance"), key="bands", config=CONFIG,
                      alt="Boxes by layer: importance of single weights on all data and on the forget set")  # fmt: skip
    right.markdown("**Their ratio, forget set to all data**")
    right.plotly_chart(drawn.bands(view["layers"], ["ratio"], "ratio"), key="ratio-bands", config=CONFIG,
                       alt="Boxes by layer: ratio of importance on the forget set to importance on all data")  # fmt: skip
    st.caption(
        "How to read it: log scales; a box holds the middle half of a layer's weights, its whiskers reach from the lowest to the highest "
        "twentieth. Weights that feel nothing are left out. A box above the dotted line belongs to the forget set."
    )


def _layer(source: Source, view: Json, key: str, start: int) -> str:
    layers = view["maps"]
    belongs(key, source.run.id, layers[start])
    stays(key, layers, layers[start])
    return str(st.selectbox("Layer", layers, index=layers.index(layers[start]), key=key, bind="query-params"))


def _kernels(source: Source, view: Json) -> None:
    layer = _layer(source, view, "kernel-layer", min(1, len(view["maps"]) - 1))
    answer = source.ask("kernel_map", layer=layer)
    st.plotly_chart(drawn.kernels(answer["ratios"], answer["block"], "forget / all"), key="kernels", config=CONFIG,
                    alt=f"Heat map of {layer}: ratio of importance by output and input channel")  # fmt: skip
    together = "" if answer["block"] == [1, 1] else f" Of {answer['shape'][0]} × {answer['shape'][1]}, neighbours are drawn together."
    st.caption(
        "How to read it: a cell is a whole kernel slice, its mean importance to the forget set over that to all data; orange: more "
        f"than 1. An orange row is a filter that serves the forget set, an orange column an input that does.{together}"
    )


def _filters(source: Source, view: Json) -> None:
    layer = _layer(source, view, "filter-layer", 0)
    answer = source.ask("top_filters", layer=layer)
    table = filter_table(answer)
    settings = {
        "Channel": st.column_config.NumberColumn(width=65), "Ratio": st.column_config.NumberColumn(format="%.2f", width=60),
        "Filter": st.column_config.ImageColumn(width=65, help="Its own weights: bright above 0, dark below."),
        "Forget images": st.column_config.ImageColumn(width=245), "Retain images": st.column_config.ImageColumn(width=245),
        "Forget / retain response": st.column_config.TextColumn("Response", width=110, help="To forget / to retain images."),
    }  # fmt: skip
    show_frame(table, row_height=TILE + 12, height="content", key="filters",
               column_config={name: setting for name, setting in settings.items() if name in table},
               alt=f"The output channels of {layer} with the highest ratio, and the images that drive each most")  # fmt: skip
    counts = answer["looked_at"]
    st.caption(
        "How to read it: the channels whose importance is most the forget set's own, and the images to which the original's channel "
        f"responds most, among {counts['forget']} images of the forget set and {counts['retain']} of the retain set. Response: the "
        "largest value in the image, before normalisation, on average over each set."
    )


def filter_table(answer: Json) -> pd.DataFrame:
    """One row per channel, its images as strips. answer: see core.analysis.weights.top_filters.top_filters."""
    images = _array(answer["images"], answer["shape"])
    half = images.shape[1] // 2
    few = {name: min(half, count) for name, count in answer["looked_at"].items()}  # the rest repeats the last image
    kernels = None if answer["kernels"] is None else _array(answer["kernels"], answer["kernel_shape"])
    rows = []
    for index, (channel, ratio, forget, retain) in enumerate(answer["channels"]):
        row = {"Channel": channel, "Ratio": ratio}
        if kernels is not None:
            row["Filter"] = strip(kernels[index : index + 1], 255)
        row |= {"Forget images": strip(images[index, : few["forget"]], answer["peak"]),
                "Retain images": strip(images[index, half : half + few["retain"]], answer["peak"]),
                "Forget / retain response": f"{forget:.2f} / {retain:.2f}"}  # fmt: skip
        rows.append(row)
    return pd.DataFrame(rows)


def _array(text: str, shape: list[int]) -> np.ndarray:
    return np.frombuffer(b64decode(text), np.uint8).reshape(shape)


def strip(images: np.ndarray, peak: int) -> str:
    """uint8 (N, C, H, W), levels 0 to peak, side by side as one picture, in a data address."""
    coarse = -(-max(images.shape[2:]) // LARGEST)
    pixels = to_rgb(images[:, :, ::coarse, ::coarse], peak)
    scale = max(1, TILE // max(pixels.shape[1:3]))
    large = pixels.repeat(scale, 1).repeat(scale, 2)
    gap = np.full((large.shape[1], GAP, 3), MIDDLE, np.uint8)
    row = np.concatenate([part for image in large for part in (image, gap)][:-1], 1)
    return "data:image/png;base64," + b64encode(png(row, 1)).decode()
