"""How the browser tests start the dashboard, look at a page and act on it; Streamlit's own selectors live only here."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
import os
from pathlib import Path
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from typing import Any, TypeVar
import urllib.request

from playwright.sync_api import BrowserContext, Page, WebSocket, expect
import psutil
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from core.domain.run import ACTIVE
from core.storage.home import Home
from core.storage.record_types import Run
from core.storage.runs import ResultStore

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--process-per-site"]  # see `kept_warm`; fmt: skip
# On a deep link to a page, Streamlit's frontend looks for its base path at /<page>/_stcore/ first and gets 404.
PROBE = re.compile(r"/[^/]+/_stcore/(health|host-config)\b")
HERE_ONLY = re.compile(r"(https?|wss?)://127\.0\.0\.1[:/]|data:|blob:|about:")
PATHS = {  # title -> path of every page that the navigation names; the first one is at home
    title: f"/{name}" if place else "/"
    for place, (name, title) in enumerate(
        re.findall(r'st\.Page\("views/(\w+)\.py", title="([^"]+)"', (ROOT / "dashboard" / "navigation.py").read_text(encoding="utf-8"))
    )
}
WIDTHS = (390, 768, 1280, 1920)
expect.set_options(timeout=15_000)  # a loaded machine is slow, not wrong


def find_chromium() -> str:
    """One that is on the machine, else Debian's where that can be installed. Raises with what to install."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found and os.geteuid() == 0 and shutil.which("apt-get"):
        for words in (["update"], ["install", "-y", "--no-install-recommends", "chromium"]):
            subprocess.run(["apt-get", "-qq", *words], check=False, stdout=subprocess.DEVNULL)
        found = shutil.which("chromium")
    if not found or not shutil.which(found):
        raise RuntimeError("The browser tests need a Chromium: install Debian's package chromium, or name one in CHROMIUM.")
    return found


def until(look: Callable[[], T], seconds: float = 20.0) -> T:
    """What `look` says once it says something true."""
    end = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < end, f"waited {seconds:g} s in vain"
        time.sleep(0.02)
    return seen


class Dashboard:
    """`make run` on a home and a port of its own, and the store behind it. below: the path that it is served below, if any."""

    def __init__(self, home: Home, log: Path, *options: str, below: str = "", **environment: str) -> None:
        self.home = home
        self.log = log
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}{below}"
        self._options = (*options, *(["--server.baseUrlPath", below.strip("/")] if below else []))
        self._environment = environment
        self._make: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        """What starts it."""
        return run_command(self.port, *self._options)

    def start(self) -> float:
        """Seconds until the server answered."""
        began = time.monotonic()
        # The queue's process, which has torch loaded, waits for the next test that runs something: a minute is too short for that.
        environment = {**os.environ, "FORGETSCOPE_HOME": str(self.home.root), "FORGETSCOPE_IDLE_SECONDS": "600"} | self._environment
        with open(self.log, "ab") as out:  # a file, never a pipe: a full pipe stops the server
            self._make = subprocess.Popen(
                self.command(), cwd=ROOT, env=environment, stdout=out, stderr=out, start_new_session=True
            )
        try:
            until(self._answers, 60)
        except BaseException:
            self.stop()
            print(self.log.read_text())
            raise
        return time.monotonic() - began

    def _answers(self) -> bool:
        assert self._make is not None
        assert self._make.poll() is None, f"make run ended:\n{self.log.read_text()}"
        try:
            with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1) as reply:
                return bool(reply.read() == b"ok")
        except OSError:
            return False

    def stop(self) -> None:
        """As Ctrl-C does: make and what it started."""
        if self._make is None:
            return
        for sign in (signal.SIGINT, signal.SIGKILL):
            if self._make.poll() is None:
                os.killpg(self._make.pid, sign)
                try:
                    self._make.wait(10)
                except subprocess.TimeoutExpired:
                    continue
        self._make = None

    @property
    def process(self) -> psutil.Process:
        """The server itself, below make."""
        assert self._make is not None
        below = psutil.Process(self._make.pid).children(recursive=True)
        return next(p for p in below if "streamlit" in p.cmdline())

    def run(self, run_id: str) -> Run:
        """A run as it stands now."""
        with ResultStore(self.home.database) as store:
            store.reconcile()
            return store.existing(run_id)

    def runs(self) -> list[Run]:
        """All of them."""
        with ResultStore(self.home.database) as store:
            return store.runs()

    def ended(self, run_id: str, seconds: float = 40.0) -> Run:
        """The run once it is over."""
        until(lambda: self.run(run_id).status not in ACTIVE, seconds)
        return self.run(run_id)

    def pid_of(self, run_id: str) -> int:
        """The process that computes the run."""
        db = sqlite3.connect(self.home.database)
        try:
            return until(lambda: db.execute("select worker_pid from runs where id = ?", (run_id,)).fetchone()[0])
        finally:
            db.close()

    def complaints(self) -> list[str]:
        """Lines of the server's log that tell of something that blew up behind the browser's back."""
        lines = self.log.read_text().splitlines()
        return [line for line in lines if re.search(r"Traceback|Uncaught|Error:|Exception", line)]


def run_command(port: int, *options: str) -> list[str]:
    """The README's command, in the environment that the tests run in; its plain twin where there is no make."""
    arguments = " ".join([f"--server.port {port}", *options])
    if shutil.which("make"):
        return ["make", "run", f"VENV={sys.prefix}", f"ARGS={arguments}"]
    return [sys.executable, "-m", "streamlit", "run", "dashboard/app.py", *arguments.split()]


def free_port() -> int:
    """Free a moment ago."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@dataclass
class Watch:
    """Everything about a page that nobody asked for, and how often its script ran."""

    page: Page
    bad: list[str] = field(default_factory=list)
    runs: int = 0  # of the script or of one of its fragments, that came to their end
    excused: bool = False  # while the server is down on purpose

    def __post_init__(self) -> None:
        on = self.page.on
        on("console", lambda m: m.type == "error" and self._note(f"console: {m.text} {m.location.get('url', '')}"))
        on("pageerror", lambda error: self._note(f"page error: {error}"))
        on("response", lambda r: r.status >= 400 and self._note(f"{r.status} {r.url}"))
        on("request", lambda r: HERE_ONLY.match(r.url) or self._note(f"left the machine: {r.url}"))
        on("requestfailed", lambda r: r.failure != "net::ERR_ABORTED" and self._note(f"failed: {r.url} {r.failure}"))
        on("websocket", self._listen)

    def _note(self, what: str) -> None:
        if not self.excused and not PROBE.search(what):
            self.bad.append(what)

    def _listen(self, socket: WebSocket) -> None:
        if not HERE_ONLY.match(socket.url):
            self._note(f"left the machine: {socket.url}")
        socket.on("framereceived", self._count)

    def _count(self, frame: bytes | str) -> None:
        if isinstance(frame, bytes) and len(frame) < 1000:  # the message that a script has finished is a few bytes
            message = ForwardMsg.FromString(frame)
            self.runs += message.WhichOneof("type") == "script_finished"

    @contextmanager
    def excuse(self) -> Iterator[None]:
        """The server goes down and comes back in here."""
        self.excused = True
        yield
        self.page.wait_for_timeout(300)  # what was under way is told late
        self.excused = False


# Run on every page before its own scripts: what it asks for again and again is known without waiting for it.
CLOCKS = """(() => {
    const set = window.setInterval, stop = window.clearInterval, going = new Map();
    window.setInterval = (act, period, ...rest) => { const id = set(act, period, ...rest); going.set(id, period); return id; };
    window.clearInterval = (id) => { going.delete(id); stop(id); };
    window.clocks = () => [...going.values()];
})()"""


def clocks(page: Page) -> list[float]:
    """Seconds between the calls of each clock that goes on the page: a part that is drawn anew by itself has one."""
    return [period / 1000 for period in page.evaluate("clocks()")]


def kept_warm(context: BrowserContext) -> BrowserContext:
    """One tab stays open, and its process, in which later tabs find compiled what they would compile anew: half of a page's seconds."""
    context.new_page().goto("/_stcore/health")
    return context


def ready(page: Page) -> Page:
    """The script has run to its end, nothing is stale, no skeleton is left, no exception is shown."""
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]", timeout=30_000)
    expect(page.locator("[data-testid=stSkeleton]")).to_have_count(0)
    expect(page.locator("[data-stale=true]")).to_have_count(0)
    expect(page.locator("[data-testid=stException]")).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    return page


INK = "Array.from(document.querySelectorAll('.js-plotly-plot'), plot => plot._fullLayout?.font.color)"
SCHEME = "getComputedStyle(document.querySelector('[data-testid=stApp]')).colorScheme"


def turned(page: Page, scheme: str) -> Page:
    """The system goes from light to dark or back under a page that is open, and the page and its charts have been drawn anew for it."""
    watch: Watch = page.watch  # type: ignore[attr-defined]  # conftest put it there
    runs, old = watch.runs, set(page.evaluate(INK))
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # a literal by any name
    until(lambda: page.evaluate(SCHEME) == scheme and watch.runs > runs)
    until(lambda: not old & set(page.evaluate(INK)))
    return still(ready(page))


# Colours that fade into those of another theme. What turns or blinks for ever (a spinner, a cursor) is no change under way.
UNDER_WAY = "document.getAnimations().some(a => a.playState === 'running' && a.effect?.getComputedTiming().endTime !== Infinity)"


def still(page: Page) -> Page:
    """No transition is under way: what is measured now of colours stays so."""
    until(lambda: not page.evaluate(UNDER_WAY))
    return page


def above_the_fold(page: Page, *parts: str) -> None:
    """At 1440 × 900 all of these are seen whole, and nothing is scrolled. parts: selectors."""
    page.set_viewport_size({"width": 1440, "height": 900})
    page.get_by_test_id("stMain").evaluate("(e) => e.scrollTo(0, 0)")
    for part in parts:
        def whole(part: str = part) -> bool:
            box = page.locator(part).first.bounding_box()
            return box is not None and box["height"] > 40 and box["y"] >= 0 and box["y"] + box["height"] <= 900

        until(whole, 5)  # until the page is as wide as its window


def figure(page: Page, key: str) -> dict[str, Any]:
    """A drawn figure's traces (name, x, y) and shapes, by the key of its chart, once there is exactly one of it.

    Counted and read in one call: a chart that is being replaced stands there twice for a moment.
    """
    charts = page.locator(f".st-key-{key} .js-plotly-plot")
    script = """([plot, ...more]) => !more.length && plot?._fullLayout && plot._fullData ? ({
        shapes: (plot._fullLayout.shapes || []).map(shape => shape.x0),
        traces: plot._fullData.map(t => ({name: t.name, x: Array.from(t.x || []), y: Array.from(t.y || [])})),
    }) : null"""
    told: dict[str, Any] = until(lambda: charts.evaluate_all(script))  # the element stands before Plotly has laid it out
    return told


def drawn(page: Page, *keys: str, seconds: float = 15.0) -> None:
    """Every one of these charts is there, once; `seconds`: more where a process of its own computes them first."""
    for key in keys:
        expect(page.locator(f".st-key-{key} .js-plotly-plot .main-svg").first).to_be_visible(timeout=seconds * 1000)
        expect(page.locator(f".st-key-{key} .js-plotly-plot")).to_have_count(1)


# Whether what the chart has found under the pointer is the mark at this place of the window, and not one on the way there.
FOUND = """(plot, [x, y]) => (plot._hoverdata || []).some(found => {
    const box = plot.getBoundingClientRect();
    return Math.hypot(box.left + found.xaxis._offset + found.xaxis.l2p(found.xaxis.d2l(found.x)) - x,
                      box.top + found.yaxis._offset + found.yaxis.l2p(found.yaxis.d2l(found.y)) - y) < 2;
})"""


def click_point(page: Page, key: str, x: float, y: float) -> None:
    """Point at a mark of that chart and click once the chart has found it, as a person does: Plotly takes a click for what it found."""
    plot = page.locator(f".st-key-{key} .js-plotly-plot").element_handle()
    page.mouse.move(x - 30, y - 30)
    page.mouse.move(x, y, steps=3)
    until(lambda: plot.evaluate(FOUND, [x, y]))
    page.mouse.click(x, y)


def metric(page: Page, label: str) -> str:
    """The value that st.metric shows under a label."""
    tile = page.get_by_test_id("stMetric").filter(has=page.get_by_text(label, exact=True))
    return tile.get_by_test_id("stMetricValue").inner_text().strip()


def alert(page: Page, words: str | re.Pattern[str]) -> None:
    """One of the page's messages says so."""
    expect(page.get_by_test_id("stAlert").filter(has_text=words).first).to_be_visible()


def status(page: Page, word: str, seconds: float = 30.0) -> None:
    """The run's state as the page tells it."""
    expect(page.get_by_test_id("stMain").locator("strong", has_text=re.compile(f"^{word}$")).first).to_be_visible(
        timeout=seconds * 1000
    )


def pick(page: Page, key: str, name: str) -> Callable[[], None]:
    """Open the selectbox of that key and look for an option; the click on it is left to the caller."""
    box = page.locator(f".st-key-{key} input")
    box.click()
    box.fill(name)
    option = page.get_by_role("option", name=name, exact=True)
    expect(option).to_be_visible()
    return option.click


def progress(page: Page) -> None:
    """A bar that has moved, with a stage beside it."""
    bar = page.get_by_role("progressbar")
    expect(bar.first).to_be_visible(timeout=30_000)


def finetune(page: Page, digit: int, epochs: int) -> str:
    """Fill in a run of fine-tuning without a reference, press Run; its id. More epochs take longer."""
    page.goto(f"/unlearn?method=finetune&class={digit}&reference=false")
    ready(page)
    box = page.get_by_role("spinbutton", name="epochs")
    box.fill(str(epochs))
    box.press("Enter")
    ready(page)
    return press_run(page)


def press_run(page: Page) -> str:
    """The id of the run that the page then shows."""
    page.get_by_test_id("stMain").get_by_role("button", name="Run", exact=True).click()
    return opened(page)


def opened(page: Page) -> str:
    """The id of the run in the address, once the Result page is there."""
    page.wait_for_url(re.compile(r"/result\?.*run=[0-9a-f]{12}"))
    found = re.search(r"run=([0-9a-f]{12})", page.url)
    assert found
    return found[1]
