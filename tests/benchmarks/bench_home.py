"""A home of 10,000 finished runs: the Runs page, Compare at first and again, while a run reports its progress ten times a second.

python tests/benchmarks/bench_home.py [RUNS]

Seconds that the server's script takes for a page, without a browser's own: `bench_compare` and `bench_pages` have those.
"""

from collections.abc import Callable
from contextlib import contextmanager
import os
from pathlib import Path
import subprocess
import sys
import tempfile
from time import perf_counter

from streamlit.testing.v1 import AppTest

from core.domain.code_version import catalogue_version
from core.jobs.write_catalogue import write
from core.storage.home import Home, open_home
from core.storage.run_list import Wanted, count, page_of
from core.storage.runs import ResultStore
import dashboard.preload  # noqa: F401  # as the server has imported it before anybody asks
from tests.benchmarks.chromium import told
from tests.planted_rows import plant_rows

RUNS = 10_000
SAMPLES = 9
APP = Path(__file__).resolve().parents[2] / "dashboard" / "navigation.py"
# A run that trains, in a process of its own: it writes where it stands, and is told when to stop by its input's end.
WRITER = """
import sys, threading
from pathlib import Path
from core.storage.processes import ProcessId
from core.storage.runs import ResultStore
from tests.planted import spec
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
with ResultStore(Path(sys.argv[1])) as store:
    run_id = store.add(spec("ssd", seed=4711))
    attempt, share = store.claim(ProcessId.of_this_process())[1], 0.0
    print("begun", flush=True)
    while not ended.wait(0.1):
        share = min(0.9, share + 0.0001)
        store.progress(run_id, attempt, share, "train", f"epoch {int(1000 * share)}")
"""


@contextmanager
def training(home: Home):
    """Somebody writes progress ten times a second."""
    command = [sys.executable, "-c", WRITER, str(home.database)]
    with subprocess.Popen(command, cwd=APP.parents[1], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        yield
        process.communicate()


def seconds(act: Callable[[], object]) -> float:
    """That it takes."""
    began = perf_counter()
    act()
    return perf_counter() - began


def page(view: str) -> AppTest:
    """Not yet run."""
    at = AppTest.from_file(str(APP), default_timeout=600)
    at.switch_page(view)
    return at


def sound(at: AppTest) -> None:
    """No exception on it."""
    assert not at.exception, [error.value for error in at.exception]
    if not at.title:
        raise RuntimeError("The page has no title: it was not drawn, and its seconds say nothing.")


def main() -> int:
    """1 where a bar is missed."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    with tempfile.TemporaryDirectory() as place:
        home = open_home(Path(place) / "home")
        print(f"{runs:,} runs planted in {seconds(lambda: plant_rows(home, runs)):.1f} s")
        write(home.root / "catalogue" / catalogue_version())
        os.environ["FORGETSCOPE_HOME"] = str(home.root)
        with training(home):
            compare, listed = page("views/compare.py"), page("views/runs.py")
            good = [told("Compare, at first", [seconds(compare.run)], 3)]
            sound(compare)
            good.append(told("Compare, again", [seconds(compare.run) for _ in range(SAMPLES)], 0.5))
            good.append(told("Runs, at first", [seconds(listed.run)], 1))
            sound(listed)
            good.append(told("Runs, again", [seconds(listed.run) for _ in range(SAMPLES)], 0.3))
            listed.text_input(key="find").set_value("ssd class:3 seed=1")
            good.append(told("Runs, a search", [seconds(listed.run)], 0.5))
            with ResultStore(home.database) as store:
                wanted = Wanted(text="scrub samples:12", sort="longest")
                searched = seconds(lambda: (count(store, wanted), page_of(store, wanted, most=10)))
                good.append(told("a search in the database", [searched], 0.3))
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
