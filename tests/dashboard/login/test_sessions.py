"""Requests and pages of who is logged in, and of who is not."""

import re
import shutil
import threading
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from streamlit import config
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.testing.v1 import AppTest

from core.domain.run import RunStatus
from core.jobs import submit
from core.storage.access import actors
from core.storage.access.actors import ADMIN, MEMBER, Actor, Forbidden
from core.storage.audience import decks
from core.storage.audience.decks import Slide
from core.storage.home import Home, open_home
from core.storage.runs import ResultStore
from dashboard import stage
from dashboard.http_gate import Gate
from dashboard.login import sessions
from tests.dashboard.conftest import APP, apart, sound
from tests.dashboard.login.conftest import AUTH, ROLES, claims, cookie
from tests.forbidden import BEN, NOBODY, ZOE, Things, make_things

pytestmark = pytest.mark.usefixtures("login")
OPEN = ("/", "/runs", "/_stcore/health", "/_stcore/host-config", "/_stcore/stream", "/static/js/index.js", "/static/media/font.woff2",
        "/oauth2callback", "/auth/login", "/plotly/7.1.0.js", "/runs/_stcore/health", "/favicon.png")  # fmt: skip
CLOSED = ("/media/abc.png", "/stage/k1", "/component/x/y.js", "/_stcore/upload_file/s/f", "/_stcore/metrics", "/_stcore/agent/interact",
          "/_stcore/bidi-components/x/y.js", "/_stcore/script-health-check", "/_stcore", "/app/static/x", "//media/abc.png")  # fmt: skip


async def passed(_: Request) -> PlainTextResponse:
    return PlainTextResponse("passed")


async def inner(scope: Any, receive: Any, send: Any) -> None:
    if scope["path"].startswith("/stage/"):
        await Starlette(routes=[stage.ROUTE])(scope, receive, send)
    else:
        await PlainTextResponse("passed")(scope, receive, send)


def get(path: str, *cookies: str, method: str = "GET") -> tuple[int, str]:
    """Status and text."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    headers = [(b"host", b"localhost:8501"), *((b"cookie", one.encode("latin-1")) for one in cookies)]
    scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "root_path": "", "query_string": b"",
             "headers": headers, "http_version": "1.1", "scheme": "http", "server": ("localhost", 8501)}  # fmt: skip
    apart(Gate(inner)(scope, receive, send))
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:]).decode()


@pytest.mark.parametrize("path", OPEN)
def test_the_way_to_the_login_page_is_open(path):
    assert get(path) == (200, "passed")


@pytest.mark.parametrize("path", CLOSED)
def test_nothing_of_the_store_is_handed_out_without_a_login(path):
    status, said = get(path)
    assert (status, said) == (403, "Log in to look at this server's runs.\n")


@pytest.mark.parametrize("below", ["lab", "a/b"])
def test_below_a_path_it_is_the_same(monkeypatch, below):
    told = config.get_option
    monkeypatch.setattr(config, "get_option", lambda name: f"/{below}/" if name == "server.baseUrlPath" else told(name))
    assert {get(f"/{below}{path}")[0] for path in CLOSED} == {403}
    assert {get(path)[0] for path in CLOSED} == {403}  # ours are asked without the path too, where a proxy takes it off
    assert {get(f"/{below}{path}")[0] for path in OPEN} == {200}


def test_who_is_logged_in_gets_it():
    for path in ("/media/abc.png", "/component/x/y.js", "/_stcore/metrics"):
        assert get(path, cookie("eve")) == (200, "passed")
    assert get("/_stcore/agent/interact", cookie("ada"), method="POST")[0] == 403


@pytest.mark.parametrize("forged", [
    cookie("ada", secret="another secret " * 4), cookie("ada", origin="https://else.example"), cookie("ada", email_verified=False),
    cookie("ada", is_logged_in=False), cookie("ada", iat=1.0), cookie("ada", email="ada@else.example"),
    "_streamlit_user=x", "_streamlit_user=", "_streamlit_user=\xff\xfe", "_streamlit_user=2|1:0|10:1|15:_streamlit_user|4:e30=|00",
])  # fmt: skip
def test_no_other_cookie_opens_anything(forged):
    assert get("/media/abc.png", forged)[0] == 403
    assert get("/stage/k1", forged)[0] == 403


def test_a_reader_uploads_nothing():
    for method in ("PUT", "DELETE", "POST"):
        assert get("/_stcore/upload_file/s/f", cookie("eve"), method=method) == (403, f"{actors.CHANGES_NOTHING}\n")
        assert get("/_stcore/upload_file/s/f", cookie("ben"), method=method) == (200, "passed")


def test_a_login_that_is_ended_by_its_address_is_over():
    mine = cookie("ben")
    assert get("/media/x.png", mine)[0] == 200
    assert get("/auth/logout", mine)[0] == 200
    assert get("/media/x.png", mine) == (403, "You have logged out; log in again to go on.\n")


def test_another_role_counts_at_the_next_request(login):
    mine = cookie("ben")
    assert get("/_stcore/upload_file/s/f", mine, method="PUT")[0] == 200
    login(AUTH + ROLES.replace('"ben@lab.example", ', ""))
    assert get("/_stcore/upload_file/s/f", mine, method="PUT")[0] == 403
    login(AUTH + '[forgetscope]\nadmins = ["ada@lab.example"]\n')
    assert "not among those" in get("/media/x.png", mine)[1]
    login("[auth")
    assert "Nobody is let in" in get("/media/x.png", mine)[1]


@pytest.fixture
def shared(finished, tmp_path, monkeypatch) -> tuple[Home, dict[str, Things]]:
    """A home with things of Ben, Zoe and nobody."""
    monkeypatch.setattr(submit, "ensure_supervisor", lambda *_: None)
    with actors.as_system():
        home = open_home(tmp_path / "home")
        things = {owner: make_things(home, owner, place) for place, owner in enumerate((BEN, ZOE, NOBODY), 1)}
        (home.root / "examples.json").write_text("{}")
    shutil.copytree(finished.root / "catalogue", home.root / "catalogue")  # what is on the shelves need not be told first
    monkeypatch.setenv("FORGETSCOPE_HOME", str(home.root))
    return home, things


def test_the_stage_is_for_everybody_who_is_logged_in(shared):
    home, things = shared
    with actors.as_system(), ResultStore(home.database) as store:
        deck = decks.make(store, "A talk", [Slide("text", "One")])
    status, text = get(f"/stage/{deck}", cookie("eve"))
    assert status == 200
    assert "A talk" in text
    assert get(f"/stage/{deck}")[0] == 403
    assert get("/stage/none", cookie("eve"))[0] == 404
    assert things


def page(view: str, who: dict[str, Any] | None, **query: str) -> AppTest:
    at = AppTest.from_file(str(APP), default_timeout=60)
    at.user = who or {"is_logged_in": False}
    for name, value in query.items():
        at.query_params[name] = value
    at.switch_page(view)
    return sound(at.run())


def keys(at: AppTest) -> set[str]:
    return {str(button.key) for button in at.button}


def button(at: AppTest, key: str) -> Any:
    return next(one for one in at.button if one.key == key)


def press(at: AppTest, key: str) -> AppTest:
    """Also a button that is shut: whoever writes the browser's messages by hand presses it."""
    found = button(at, key)
    found.proto.disabled = False
    found.click()
    return sound(at.run())


def status_of(home: Home, run_id: str) -> str:
    with actors.as_system(), ResultStore(home.database) as store:
        return str(store.existing(run_id).status)


STRANGER, UNVERIFIED = claims("dan", email="dan@else.example"), claims("ada", email_verified=False)


@pytest.mark.parametrize("who", [None, STRANGER, UNVERIFIED, claims("ada", iat=1.0)])
def test_who_is_not_let_in_sees_the_login_page_and_nothing_else(shared, who):
    at = page("views/runs.py", who)
    assert [title.value for title in at.title] == ["Forgetscope"]
    assert keys(at) == ({"log-in-default"} if who is None else {"log-out"})
    assert not at.text_input
    assert bool(at.error) == (who is not None)


def test_a_member_sees_all_and_may_press_what_is_his(shared):
    _, things = shared
    at = page("views/runs.py", claims("ben"))
    assert any("**Ben** :small[member]" in text.value for text in at.markdown)
    mine, theirs = things[BEN], things[ZOE]
    assert not button(at, f"runs-Cancel-{mine.queued}").disabled
    shut = button(at, f"runs-Cancel-{theirs.queued}")
    assert shut.disabled
    assert ZOE in shut.help
    assert not button(at, f"runs-Retry-{theirs.failed}").disabled  # whoever asks again has it computed


def test_a_button_that_is_pressed_all_the_same_does_nothing(shared):
    home, things = shared
    at = page("views/runs.py", claims("ben"))
    at = press(at, f"runs-Cancel-{things[ZOE].queued}")
    assert status_of(home, things[ZOE].queued) == RunStatus.QUEUED
    at = press(page("views/runs.py", claims("ada")), f"runs-Cancel-{things[ZOE].running}")  # which an admin may
    assert not at.toast
    with actors.as_system(), ResultStore(home.database) as store:
        assert store.existing(things[ZOE].running).cancel_requested


def test_his_own_and_an_admins_word_count(shared):
    home, things = shared
    at = page("views/runs.py", claims("ben"))
    button(at, f"runs-Cancel-{things[BEN].queued}").click()
    sound(at.run())
    assert status_of(home, things[BEN].queued) == RunStatus.CANCELLED
    at = page("views/runs.py", claims("ada"))
    button(at, f"runs-Cancel-{things[ZOE].queued}").click()
    sound(at.run())
    assert status_of(home, things[ZOE].queued) == RunStatus.CANCELLED


def test_only_mine_are_listed_where_that_is_asked_for(shared):
    _, things = shared
    at = page("views/runs.py", claims("ben"), mine="true")
    listed = {key.removeprefix("open-") for key in keys(at) if key.startswith("open-")}
    mine = things[BEN]
    assert listed == {mine.done, mine.running, mine.failed, mine.queued}


def test_a_session_loses_its_power_with_the_role_and_with_the_login(shared, login):
    home, things = shared
    me = claims("ben")
    at = page("views/runs.py", me)
    login(AUTH + ROLES.replace('"ben@lab.example", ', ""))  # a reader now
    at = press(at, f"runs-Cancel-{things[BEN].queued}")
    assert status_of(home, things[BEN].queued) == RunStatus.QUEUED
    assert any("As a reader" in toast.value for toast in at.toast)
    login(AUTH + ROLES)
    sessions.identity.end(me, 12)  # in another window
    at = press(at, f"runs-Cancel-{things[BEN].queued}")
    assert status_of(home, things[BEN].queued) == RunStatus.QUEUED
    assert [title.value for title in at.title] == ["Forgetscope"]
    assert keys(at) == {"log-out"}


def test_a_thread_of_nobodys_page_is_nobody(shared):
    home, _ = shared
    with pytest.raises(Forbidden, match="Log in"):
        ResultStore(home.database)
    with actors.acting_as(Actor(BEN, MEMBER)), ResultStore(home.database) as store:
        assert store.runs()
    assert sessions.is_on()
    assert ADMIN


def test_once_on_it_stays_on(login):
    login("")  # somebody emptied the file
    assert sessions.install()
    status, said = get("/media/x.png", cookie("ada"))
    assert status == 403
    assert "no table [auth]" in said


VIEWS = sorted(path.stem for path in (APP.parent / "views").glob("*.py") if path.stem != "__init__")


@pytest.mark.slow
@pytest.mark.parametrize("view", VIEWS)
def test_a_reader_looks_at_every_page(finished, home_of, monkeypatch, view):
    """Nothing that a page does by itself needs more than that."""
    home = home_of()
    with actors.as_system(), ResultStore(home.database) as store:
        run_id = store.runs()[0].id
        before = store.revision()
    monkeypatch.setenv("FORGETSCOPE_HOME", str(home.root))
    at = page(f"views/{view}.py", claims("eve"), run=run_id)
    said = [one.value for one in (*at.error, *at.warning, *at.info, *at.toast)]
    assert not [one for one in said if "reader" in one or "only its owner" in one], said
    with actors.as_system(), ResultStore(home.database) as store:
        assert store.revision() == before
    assert finished


def test_what_is_made_when_it_is_asked_for_is_made_as_who_drew_the_page(shared, login):
    home, _ = shared
    me = claims("eve")
    def make() -> int:
        with ResultStore(home.database) as store:
            return len(store.runs())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sessions, "_claims", lambda: me)
        made = sessions.later(make)
    found = list[object]()  # by threads of their own, which have no session

    def outside() -> None:
        try:
            found.append(made())
        except Forbidden as forbidden:
            found.append(str(forbidden))

    for change in (lambda: None, lambda: login(AUTH + '[forgetscope]\nadmins = ["ada@lab.example"]\n'), lambda: login(AUTH + ROLES)):
        change()
        thread = threading.Thread(target=outside)
        thread.start()
        thread.join()
    sessions.identity.end(me, 12)
    outside()
    assert found[0] == found[2] == 12
    assert "not among those" in str(found[1])
    assert found[3] == "You have logged out; log in again to go on."


def test_every_download_that_is_made_when_it_is_asked_for_is_made_so():
    calls = [text for path in (APP.parent / "components").rglob("*.py")
             for text in re.findall(r"download_button\(\s*([^\n]+)", path.read_text(encoding="utf-8"))]  # fmt: skip
    assert len(calls) == 6
    assert sum("later(" in text for text in calls) == 5
    assert sum("to_csv(" in text for text in calls) == 1


@pytest.mark.parametrize("order", sessions.ORDERS)
def test_no_window_gives_orders_to_the_whole_server(order):
    message = BackMsg()
    setattr(message, order, True)
    sent = {"type": "websocket.receive", "bytes": message.SerializeToString()}
    assert BackMsg.FromString(sessions.without_orders(sent)["bytes"]).WhichOneof("type") == "app_heartbeat"
    message = BackMsg()
    message.rerun_script.page_name = "runs"
    for same in ({"type": "websocket.receive", "bytes": message.SerializeToString()}, {"type": "websocket.receive", "bytes": b"\xff\xff"},
                 {"type": "websocket.receive", "text": "x"}, {"type": "websocket.connect"}):  # fmt: skip
        assert sessions.without_orders(same) is same
