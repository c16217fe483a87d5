"""streamlit run dashboard/app.py: the server with its request filter, stage and Plotly file, and the script that draws the pages."""

from pathlib import Path
import sys

import streamlit as st
from streamlit import config

HERE = Path(__file__).resolve().parent
if str(HERE.parent) not in sys.path:  # Streamlit puts dashboard/ on the path, not the project
    sys.path.insert(0, str(HERE.parent))

from starlette.middleware import Middleware  # noqa: E402  # the path must be there first
from starlette.routing import Route  # noqa: E402  # the path must be there first

from dashboard import plotly_file, stage  # noqa: E402  # the path must be there first
from dashboard.http_gate import Gate  # noqa: E402  # the path must be there first
from dashboard.login import sessions  # noqa: E402  # the path must be there first
from dashboard.startup import lifespan, prepare  # noqa: E402  # the path must be there first

prepare()
sessions.install()
# Below a path (server.baseUrlPath) Streamlit moves its own addresses alone; where a proxy takes the path off, these are asked without it.
below = str(config.get_option("server.baseUrlPath") or "").strip("/")
routes = [
    Route(f"{path}{route.path}", route.endpoint, name=route.name)
    for path in (["", f"/{below}"] if below else [""])
    for route in (stage.ROUTE, plotly_file.ROUTE)
]
app = st.App(HERE / "navigation.py", routes=routes, middleware=[Middleware(Gate)], lifespan=lifespan)
