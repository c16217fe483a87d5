"""A session of the dashboard without a browser: logs in as a person does, and sends what a browser would send, or what it would not."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlencode

import httpx
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

XSRF = "_streamlit_xsrf"


@dataclass
class Pressable:
    """A button on the page."""

    id: str
    label: str
    key: str
    disabled: bool
    fragment: str
    form: str


@dataclass
class Visitor:
    """cookies: as a browser would keep them. buttons: of the page as it was drawn last; said: texts of messages; redirect: to a login."""

    url: str
    web: httpx.Client
    socket: ClientConnection | None = None
    buttons: dict[str, Pressable] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    redirect: str = ""
    script: str = ""
    session: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    _window: ExitStack = field(default_factory=ExitStack)

    def log_in(self, person: str) -> None:
        """By the button of the login page and the identity provider's page of names."""
        self.open("")
        (button,) = [one for one in self.buttons.values() if one.key.startswith("log-in")]
        self.press(button.key)
        answer = self.web.get(f"{self.root}{self.redirect}")  # to the identity provider
        answer = self.web.get(f"{answer.headers['location']}&{urlencode({'person': person})}")
        answer = self.web.get(answer.headers["location"])  # and back
        assert answer.status_code == 302, answer.text
        self.close()

    @property
    def root(self) -> str:
        """The server's address without its path."""
        scheme, _, rest = self.url.partition("://")
        return f"{scheme}://{rest.partition('/')[0]}"

    def open(self, page: str, query: str = "", session: str = "") -> None:
        """Connect, and have a page drawn. session: the id of one that is to be gone on with."""
        self.close()
        if XSRF not in self.web.cookies:
            self.web.get(f"{self.url}/_stcore/health")
        cookies = "; ".join(f"{one.name}={one.value}" for one in self.web.cookies.jar)
        token = self.web.cookies.get(XSRF) or "none"
        self.socket = self._window.enter_context(connect(
            f"{self.url.replace('http', 'ws', 1)}/_stcore/stream",
            additional_headers={"Cookie": cookies, "Origin": self.root, **self.headers},
            subprotocols=["streamlit", token, *([session] if session else [])], max_size=None,
        ))  # fmt: skip
        message = BackMsg()
        message.rerun_script.page_name = page
        message.rerun_script.query_string = query
        self.ask(message)

    def press(self, key: str) -> None:
        """A button, whether or not it is shut."""
        button, message = self.buttons[key], BackMsg()
        state = message.rerun_script.widget_states.widgets.add()
        state.id, state.trigger_value = button.id, True
        message.rerun_script.page_script_hash = self.script
        if button.fragment:
            message.rerun_script.fragment_id = button.fragment
        self.ask(message)

    def ask(self, message: BackMsg) -> None:
        """Send it, and take in what the server answers until its script has ended."""
        assert self.socket is not None
        self.said, self.redirect = [], ""
        self.socket.send(message.SerializeToString())
        while True:
            told = ForwardMsg.FromString(self.socket.recv(timeout=120))
            kind = told.WhichOneof("type")
            if kind == "new_session":
                self.script, self.session = told.new_session.page_script_hash, told.new_session.initialize.session_id
                if not message.rerun_script.fragment_id:
                    self.buttons = {}
            elif kind == "auth_redirect":
                self.redirect = told.auth_redirect.url
            elif kind == "delta":
                self._take(told)
            elif kind == "script_finished":
                return

    def _take(self, told: ForwardMsg) -> None:
        element = told.delta.new_element
        kind = element.WhichOneof("type")
        if kind == "button":
            key = _key_of(element.button.id)
            self.buttons[key] = Pressable(
                element.button.id, element.button.label, key, element.button.disabled, told.delta.fragment_id, element.button.form_id
            )
        elif kind in ("alert", "toast", "exception"):
            body = getattr(element, kind)
            self.said.append(str(getattr(body, "body", "") or getattr(body, "message", "")))

    def close(self) -> None:
        """The window is closed."""
        self._window.close()
        self.socket = None


def _key_of(widget: str) -> str:
    """Streamlit writes a widget's key behind the hash of what it is."""
    return widget.split("-", 2)[2] if widget.startswith("$$ID-") else widget


@contextmanager
def visitor(url: str, person: str = "", headers: dict[str, str] | None = None) -> Iterator[Visitor]:
    """One who is logged in, or not. headers: of every request, such as a proxy's password."""
    with httpx.Client(follow_redirects=False, timeout=30, headers=headers) as web:
        found = Visitor(url, web, headers=headers or {})
        try:
            if person:
                found.log_in(person)
            yield found
        finally:
            found.close()
