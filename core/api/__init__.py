"""Forgetscope from Python: `from core.api import run, study, load, judge, explain, compare`. The same home and queue as the pages'.

Importing it needs no torch: networks are trained and evaluated by processes of their own, as where a page or the command line asks.
"""

from core.api.asking import NotDone, judge, run, study
from core.api.maps import Maps, explain
from core.api.results import Comparison, RunResult, StudyResult, compare, load
from core.domain.errors import WrongInput

__all__ = ["Comparison", "Maps", "NotDone", "RunResult", "StudyResult", "WrongInput", "compare", "explain", "judge", "load", "run", "study"]
