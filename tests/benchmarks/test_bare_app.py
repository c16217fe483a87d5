"""The page that the dashboard is measured against shows as much as it, and the ratio of medians decides."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from tests.benchmarks import bare_app, bench_browser

BAR = {"type": "bar", "mode": None, "xaxis": "x", "yaxis": "y", "x": 12, "y": 12, "z": None}
MAP = {"type": "heatmap", "mode": None, "xaxis": "x", "yaxis": "y2", "x": 12, "y": 2, "z": [2, 12]}
SHOWN = {
    "path": "parameters", "widgets": {"stSlider": 2, "stCheckbox": 1, "stButton": 3},
    "figures": [{"key": "ratios", "width": 482, "height": 340, "moves": True, "traces": [BAR, BAR]},
                {"key": "importance", "width": 980, "height": 300, "moves": False, "traces": [MAP]}],
    "pictures": [[8, 9]], "tables": [[4, 5]], "grids": [[3, 2]],
}  # fmt: skip


def specs(app):
    return {element.proto.id.rsplit("-", 1)[-1]: json.loads(element.proto.spec) for element in app.get("plotly_chart")}


def test_it_shows_as_many_of_everything_and_the_first_slider_moves_the_figures_that_move():
    script = f"from tests.benchmarks import bare_app; bare_app.page({SHOWN!r})"
    app = AppTest.from_string(script, default_timeout=20).run()
    assert not app.exception
    assert (len(app.slider), len(app.toggle), len(app.button)) == (2, 1, 3)
    assert [table.value.shape for table in (*app.table, *app.dataframe)] == [(4, 5), (3, 2)]
    before = specs(app)
    assert [(len(s["data"]), s["layout"]["width"], s["layout"]["height"]) for s in before.values()] == [(2, 482, 340), (1, 980, 300)]
    after = specs(app.slider[0].set_value(10).run())
    assert [before[key]["data"] != after[key]["data"] for key in before] == [True, False]


def test_traces_have_as_many_points():
    bars, heat = (bare_app.figure(figure, 3, bare_app.np.random.default_rng(0)).data for figure in SHOWN["figures"])
    assert [(len(bar.x), len(bar.y)) for bar in bars] == [(12, 12)] * 2
    assert heat[0].z.shape == (2, 12)
    assert heat[0].yaxis == "y2"


@pytest.mark.parametrize(("ours", "verdict"), [([0.1, 0.3, 9.0], "PASS"), ([0.1, 0.31, 0.31], "FAIL")])
def test_the_ratio_of_the_medians_decides(ours, verdict):
    row = bench_browser.compared("a page", (ours, [0.05, 0.2, 0.9]), 1.5)
    assert row["verdict"] == verdict
    assert row["ratio"] == pytest.approx(sorted(ours)[1] / 0.2)
