"""Thirty people at one dashboard while a run trains, and a thousand clicks in a row: how long each waits, what the server keeps.

python tests/benchmarks/bench_sessions.py [SECONDS]

The clients speak Streamlit's own protocol instead of being thirty browsers, which two cores could not run: each opens a page as a
new session (what a page load costs the server), reads all that it is sent, waits a few seconds, and asks the whole page once more
(a click outside a fragment, the dearest kind). A browser's own drawing is not in these figures.
"""

import asyncio
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
import random
from statistics import median, quantiles
import sys
import tempfile
import time

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from core.domain.requests.classes import ClassRequest
from core.domain.run import ACTIVE, RunSpec
from core.jobs import submit
from core.storage.home import Home, open_home
from tests.benchmarks.chromium import finished_run
from tests.benchmarks.results import append, table, verdict
from tests.browser.kit import Dashboard

SESSIONS, SECONDS = 30, 60.0
BETWEEN = (2.0, 6.0)  # seconds that a person looks before the next load or click
MEDIAN, P95, MEMORY, CLICKS = 2.0, 5.0, 300.0, 1000  # seconds, seconds, MB, clicks
PAGES = ("", "runs", "studies", "result", "parameters", "inside", "saliency", "map", "privacy", "compare")
SMALL = 2000  # bytes; the message that a script has finished is shorter


class Tab:
    """One session on one page."""

    def __init__(self, socket: ClientConnection, page: str, run_id: str) -> None:
        self._socket = socket
        self._page = page
        self._query = f"run={run_id}"

    async def ask(self) -> float:
        """Seconds until the script that draws the page has come to its end, everything read. Raises where it broke off."""
        began = time.perf_counter()
        asked = BackMsg()
        asked.rerun_script.query_string = self._query
        asked.rerun_script.page_name = self._page
        await self._socket.send(asked.SerializeToString())
        while True:
            frame = await asyncio.wait_for(self._socket.recv(), 120)
            if isinstance(frame, bytes) and len(frame) < SMALL:
                message = ForwardMsg.FromString(frame)
                if message.WhichOneof("type") == "script_finished":
                    return time.perf_counter() - began


async def person(url: str, page_of: "cycle[str]", run_id: str, end: float, loads: list[float], clicks: list[float]) -> None:
    """Opens a page, looks, clicks once, looks, and goes on to the next one."""
    while time.monotonic() < end:
        async with connect(url, subprotocols=[Subprotocol("streamlit")], max_size=None, compression=None) as socket:
            tab = Tab(socket, next(page_of), run_id)
            loads.append(await tab.ask())
            await asyncio.sleep(random.uniform(*BETWEEN))
            clicks.append(await tab.ask())
            await asyncio.sleep(random.uniform(*BETWEEN))


async def crowd(url: str, run_id: str, sessions: int, seconds: float) -> tuple[list[float], list[float]]:
    """Seconds of every page load, and of every click."""
    loads: list[float] = []
    clicks: list[float] = []
    pages, end = cycle(PAGES), time.monotonic() + seconds
    await asyncio.gather(*(person(url, pages, run_id, end, loads, clicks) for _ in range(sessions)))
    return loads, clicks


async def thousand(url: str, run_id: str, count: int) -> None:
    """So many clicks by one person, page after page."""
    for page in PAGES:
        async with connect(url, subprotocols=[Subprotocol("streamlit")], max_size=None, compression=None) as socket:
            tab = Tab(socket, page, run_id)
            for _ in range(count // len(PAGES)):
                await tab.ask()


def training(home: Home) -> str:
    """The id of a run that trains for as long as the measurement lasts."""
    return submit.submit(home, RunSpec("digits", "resnet18", ClassRequest((5,)), "finetune", {"epochs": 5}, seed=7))


def megabytes(server: Dashboard) -> float:
    """What the server's process holds alone or in its share of what others hold too."""
    return float(server.process.memory_full_info().uss) / 1e6


def row(name: str, values: Sequence[float]) -> tuple[object, ...]:
    """name, count, median, 95 %, longest."""
    return name, len(values), median(values), quantiles(values, n=20)[-1], max(values)


def main() -> int:
    """How many bars were missed."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    with tempfile.TemporaryDirectory() as folder:
        home = open_home(Path(folder) / "home")
        run_id = finished_run(home)
        server = Dashboard(home, Path(folder) / "server.log")
        server.start()
        url = f"ws://127.0.0.1:{server.port}/_stcore/stream"
        try:
            asyncio.run(crowd(url, run_id, 1, 1.0))
            alone = asyncio.run(crowd(url, run_id, 1, seconds / 2))
            busy = training(home)
            while not server.run(busy).share:
                time.sleep(0.1)
            loads, clicks = asyncio.run(crowd(url, run_id, SESSIONS, seconds))
            trained = server.run(busy).status in ACTIVE
            submit.cancel(home, busy)
            server.ended(busy)
            before = megabytes(server)
            asyncio.run(thousand(url, run_id, CLICKS))
            after = megabytes(server)
            complaints = server.complaints()
        finally:
            server.stop()
    rows = [row("page load, alone", alone[0]), row("click, alone", alone[1]), row(f"page load, {SESSIONS} sessions", loads),
            row(f"click, {SESSIONS} sessions", clicks)]  # fmt: skip
    append("Thirty sessions while a run trains", table(("what", "times", "median s", "95 % s", "longest s"), rows),
           f"The server holds {before:.0f} MB before, {after:.0f} MB after {CLICKS} clicks.")  # fmt: skip
    good = [
        verdict("the run trained all the while", "yes" if trained else "no", trained),
        verdict(f"click, {SESSIONS} sessions, median", f"{median(clicks):.2f} s (bar {MEDIAN} s)", median(clicks) <= MEDIAN),
        verdict(f"click, {SESSIONS} sessions, 95 %", f"{rows[3][3]:.2f} s (bar {P95} s)", float(str(rows[3][3])) <= P95),
        verdict(f"memory after {CLICKS} clicks", f"{after:.0f} MB (bar {MEMORY:.0f} MB)", after <= MEMORY),
        verdict("nothing blew up in the server", f"{len(complaints)} lines", not complaints),
    ]
    return good.count(False)


if __name__ == "__main__":
    sys.exit(main())
