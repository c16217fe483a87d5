"""The script that Streamlit runs for every page: configuration, navigation, and the frame around the page."""

from pathlib import Path
import sys

import streamlit as st

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:  # Streamlit puts dashboard/ on the path, not the project
    sys.path.insert(0, str(ROOT))

from dashboard.components.common.page_frame import frame  # noqa: E402  # the path must be there first
from dashboard.login import way_back  # noqa: E402  # the path must be there first
from dashboard.login.page import in_page, refusal  # noqa: E402  # the path must be there first
import dashboard.preload  # noqa: E402, F401  # the path must be there first; imported for what it does

refused = refusal()
icon = ROOT / "assets" / "favicon.png"
st.set_page_config(page_title="Forgetscope", page_icon=in_page(icon) if refused else str(icon), layout="wide")
page = st.navigation(
    [
        st.Page("views/story.py", title="Story", icon=":material/auto_stories:", default=True),
        st.Page("views/unlearn.py", title="Unlearn", icon=":material/ink_eraser:"),
        st.Page("views/runs.py", title="Runs", icon=":material/format_list_bulleted:"),
        st.Page("views/studies.py", title="Studies", icon=":material/science:"),
        st.Page("views/tune.py", title="Tune", icon=":material/manufacturing:"),
        st.Page("views/sequence.py", title="Sequence", icon=":material/format_list_numbered:"),
        st.Page("views/result.py", title="Result", icon=":material/monitoring:"),
        st.Page("views/parameters.py", title="Parameters", icon=":material/tune:"),
        st.Page("views/inside.py", title="Inside the method", icon=":material/slow_motion_video:"),
        st.Page("views/saliency.py", title="Saliency", icon=":material/center_focus_strong:"),
        st.Page("views/map.py", title="Map", icon=":material/scatter_plot:"),
        st.Page("views/privacy.py", title="Privacy", icon=":material/shield_person:"),
        st.Page("views/compare.py", title="Compare", icon=":material/compare_arrows:"),
        st.Page("views/duel.py", title="Duel", icon=":material/swords:"),
        st.Page("views/present.py", title="Present", icon=":material/co_present:"),
        st.Page("views/guide.py", title="Guide", icon=":material/menu_book:"),
    ],
    position="hidden" if refused else "sidebar",
    expanded=True,  # else Streamlit folds what goes beyond ten pages
)
if not refused and (place := way_back.take(page.url_path)):
    st.switch_page(f"views/{place[0] or 'story'}.py", query_params=place[1])
frame(page, refused)
