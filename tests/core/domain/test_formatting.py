"""Times as people write and read them, and how long a study will take."""

import pytest

from core.domain.errors import WrongInput
from core.domain.formatting import duration
from core.domain.run import RunStatus
from core.jobs.studies.progress import seconds_left, takes
from core.jobs.validation import limit_of
from core.storage.durations import Place
from core.storage.record_types import PASSES, Forecast
from core.storage.studies import Member


@pytest.mark.parametrize("seconds, text", [
    (0.2, "1 s"), (45, "45 s"), (59.6, "1 min"), (90, "1 min 30 s"), (7200, "2 h"), (7215, "2 h"), (5400, "1 h 30 min"),
    (76 * 3600, "3 d 4 h"), (2 * 86400 + 30, "2 d"),
])  # fmt: skip
def test_a_duration_has_two_units_at_most(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize("text, seconds", [
    ("", None), ("  ", None), ("90", 90), ("90s", 90), ("1.5", 1.5), ("15 min", 900), ("2h", 7200), ("1h 30min", 5400), ("1.5H", 5400),
    ("1d", 86400), ("1h30m", 5400),
])  # fmt: skip
def test_a_limit_is_read_as_people_write_it(text, seconds):
    assert limit_of(text) == seconds


@pytest.mark.parametrize("text", ["0", "0.5", "x", "-3", "10 20", "1e5", "400d", "2h5", "h", "inf", "nan", "9" * 400, "1h" * 9000])
def test_what_is_no_limit_is_told_in_one_sentence(text):
    with pytest.raises(WrongInput, match="from 1 second to 365 days, such as 90, 15min, 2h") as wrong:
        limit_of(text)
    assert len(str(wrong.value)) < 200


def member(run_id, status, left=None, stands_in=False):
    return Member(run_id, 0, 0, "", status, 0.0, "", left, "", stands_in)


def test_a_study_ends_with_the_last_of_its_runs_in_the_queue():
    places = {"b": Place(1, 10, 30), "d": Place(4, 90, 120)}
    runs = [member("a", RunStatus.RUNNING, 10.0), member("b", RunStatus.QUEUED), member("c", RunStatus.DONE), member("d", RunStatus.QUEUED)]
    assert seconds_left(runs, places) == 120  # what comes between them included
    assert seconds_left(runs[:1], places) == 10
    assert seconds_left([*runs, member("e", RunStatus.QUEUED)], places) is None
    assert seconds_left(runs, places | {"d": Place(4, None, None)}) is None
    assert seconds_left([member("c", RunStatus.DONE), member("f", RunStatus.RUNNING, None)], {}) is None


def test_how_long_a_study_takes_is_said_or_said_to_be_unknown():
    assert takes(Forecast(150.0, None)) == "It takes about 2 min 30 s on this machine, after what is queued already."
    reckoned = "It takes about 2 min 30 s and 0.7 GB of memory on this machine, after what is queued already"
    assert takes(Forecast(150.0, 7e8, PASSES)) == f"{reckoned}, reckoned from a measured pass where nothing like it has finished here."
    assert takes(Forecast(None, None)).startswith("How long it takes is not known")
    assert takes(Forecast(0.0, None)) == ""  # all of it is stored
