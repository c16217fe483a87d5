"""streamlit run dashboard/app.py: the server with its request filter, stage and Plotly file, and the script that draws the pages."""

from pathlib import Path
import sys

import streamlit as st

HERE = Path(__file__).resolve().parent
if str(HERE.parent) not in sys.path:  # Streamlit puts dashboard/ on the path, not the project
    sys.path.insert(0, str(HERE.parent))

from starlette.middleware import Middleware  # noqa: E402  # the path must be there first

from dashboard import plotly_file, stage  # noqa: E402  # the path must be there first
from dashboard.http_gate import Gate  # noqa: E402  # the path must be there first
from dashboard.startup import prepare  # noqa: E402  # the path must be there first

prepare()
app = st.App(HERE / "navigation.py", routes=[stage.ROUTE, plotly_file.ROUTE], middleware=[Middleware(Gate)])
