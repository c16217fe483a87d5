"""Thirty people at one server with a login, in three roles: five hundred things that they may not do, tried in real sessions; none is done.

python tests/benchmarks/bench_login.py [TRIES]

Each session logs in through an identity provider on this machine, opens pages over Streamlit's own protocol and presses buttons there, in
two ways: buttons that are shut for its role, as whoever writes a browser's messages by hand can press them; and buttons of a page that was
drawn while everybody was still an admin, pressed when that is over. After each round the home is compared, row by row and file by file.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import cycle
import os
from pathlib import Path
import re
import sys
import tempfile
import time
from typing import Any

from core.storage.home import Home, open_home
from core.storage.runs import ResultStore
from tests.benchmarks.results import append, table, verdict
from tests.browser.identity_provider import identity_provider, secrets_toml
from tests.browser.kit import Dashboard
from tests.forbidden import NOBODY, ZOE, Things, dump, make_things
from tests.visitor import Visitor, visitor

TRIES = 500
ADMINS, MEMBERS, READERS = 3, 12, 15
EVERYBODY = 'admins = ["*@lab.example"]'
ROLES = "\n".join(
    f"{role}s = [{', '.join(f'{chr(34)}{role}{number}@lab.example{chr(34)}' for number in range(count))}]"
    for role, count in (("admin", ADMINS), ("member", MEMBERS), ("reader", READERS))
)
REFUSAL = re.compile("only its owner or an admin|As a reader|Only members|Only admins")
Try = tuple[str, str, str]  # page, query, button


def of_others(it: Things) -> list[Try]:
    """What neither a member nor a reader may do to these things."""
    deck = f"deck={it.deck}"
    deleted = [f"runs-Delete-{it.done}", f"runs-Delete-{it.failed}", f"undo-{it.deleted}"]
    return [
        *(("runs", "", key) for key in (f"runs-Cancel-{it.queued}", f"runs-Cancel-{it.running}", *deleted)),
        *(("studies", "", key) for key in (f"Delete-{it.study}", f"undo-{it.deleted_study}")),
        *(("present", deck, key) for key in (f"delete-{it.deck}", f"remove-{it.slide}", f"move-1-{it.slide}", f"save-title-{it.deck}")),
    ]


def of_jobs(it: Things) -> list[Try]:
    """Of the search and the sequence that their pages show at first."""
    labels = ("Go on", "Delete it")
    return [("tune", "", f"{label}-{it.search}") for label in labels] + [("sequence", "", f"{label}-{it.sequence}") for label in labels]


def of_readers(it: Things) -> list[Try]:
    """What a reader may not do at all."""
    return [
        ("runs", "", f"runs-Retry-{it.failed}"), ("unlearn", "", "submit"), ("present", "", "make-of-run"), ("present", "", "make-empty"),
        ("studies", "new=true", "start-study"),
    ]  # fmt: skip


def nothing_queued(home: Home) -> None:
    """No supervisor has anything to do, and what runs is this process's for as long as it lives."""
    with ResultStore(home.database) as store, store.db.transaction() as write:
        write.execute("delete from jobs where status = 'queued'")


def rounds(visitors: list[tuple[str, Visitor]], tries: dict[str, Iterator[Try]]) -> list[tuple[Visitor, Try]]:
    """What each that is no admin tries next."""
    return [(one, next(tries[role])) for role, one in visitors if role != "admin"]


def main() -> int:
    """Whether the bar was missed."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else TRIES
    os.environ.pop("FORGETSCOPE_HOME", None)
    names = [f"{role}{n}" for role, count in (("admin", ADMINS), ("member", MEMBERS), ("reader", READERS)) for n in range(count)]
    with tempfile.TemporaryDirectory() as place, identity_provider({name: {} for name in names}) as provider, ExitStack() as stack:
        folder = Path(place)
        home = open_home(folder / "home")
        things = [make_things(home, owner, number) for number, owner in enumerate((ZOE, NOBODY), 1)]
        nothing_queued(home)
        (home.root / "examples.json").write_text("{}")
        secrets = folder / "secrets.toml"
        server = Dashboard(home, folder / "log", "--secrets.files", str(secrets))

        def roles(text: str) -> None:
            beside = secrets.with_suffix(".new")
            beside.write_text(secrets_toml(provider, server.url, text))
            beside.replace(secrets)

        roles(ROLES)
        server.start()
        stack.callback(server.stop)
        visitors = [(name.rstrip("0123456789"), stack.enter_context(visitor(server.url))) for name in names]
        pool = stack.enter_context(ThreadPoolExecutor(len(names)))
        began = time.perf_counter()
        list(pool.map(lambda pair: pair[0][1].log_in(pair[1]), zip(visitors, names, strict=True)))
        logged_in = time.perf_counter() - began
        list(pool.map(lambda pair: pair[1].open("runs"), visitors))
        theirs = [*(one for it in things for one in of_others(it)), *of_jobs(things[-1])]
        tries = {"member": cycle(theirs), "reader": cycle([*theirs, *(one for it in things for one in of_readers(it))])}
        before, tried, told, missing, changed = dump(home), 0, 0, set[str](), list[str]()
        while tried < wanted:
            for drawn_as in (EVERYBODY, ROLES):
                now = rounds(visitors, tries)
                roles(drawn_as)
                list(pool.map(lambda pair: pair[0].open(pair[1][0], pair[1][1]), now))
                roles(ROLES)
                pressed = list(pool.map(press, now))
                tried += sum(pressed)
                told += sum(any(REFUSAL.search(said) for said in one.said) for one, _ in now)
                missing |= {key for (_, (_, _, key)), found in zip(now, pressed, strict=True) if not found}
                changed += differences(before, dump(home))
        took = time.perf_counter() - began
        changed += differences(before, dump(home))
        done = an_admin_may(visitors[0][1], home, things[0])
        complaints = server.complaints()
    print(f"{len(names)} sessions logged in within {logged_in:.1f} s; {tried} forbidden actions tried in {took:.0f} s; {told} told why not")
    if missing:
        print("not on their pages:", ", ".join(sorted(missing)))
    bars = [
        verdict(f"{len(names)} sessions, three roles: forbidden actions tried", f"{tried}", tried >= wanted),
        verdict("of them allowed", f"{'some: ' + ', '.join(changed[:5]) if changed else '0'}", not changed),
        verdict("what an admin does by the same buttons is done", done or "no", bool(done)),
        verdict("complaints in the server's log", f"{len(complaints)}", not complaints),
    ]
    head = ("sessions", "roles", "forbidden actions tried", "allowed", "seconds")
    append("Thirty sessions by login", table(head, [(len(names), 3, tried, "some" if changed else 0, took)]))
    return not all(bars)


def differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What is another, new or gone; not what the engine has kept of how long a network takes, which a form asks it when it is opened."""
    kept = {"kept", *(key for key in now.keys() - before.keys() if key.endswith(".safetensors"))}
    return sorted(key for key in (before.keys() | now.keys()) - kept if before.get(key) != now.get(key))


def an_admin_may(admin: Visitor, home: Home, it: Things) -> str:
    """What came of it, in words; '' where nothing did: then the tries before would have shown nothing."""
    done = []
    for page, key in (("runs", f"runs-Cancel-{it.queued}"), ("runs", f"runs-Delete-{it.done}"), ("studies", f"Delete-{it.study}")):
        before = dump(home)
        admin.open(page)
        admin.press(key)
        done.append(key.rpartition("-")[0] if dump(home) != before else "")
    return ", ".join(done) if all(done) else ""


def press(pair: tuple[Visitor, Try]) -> bool:
    """Whether there was such a button."""
    one, (_, _, key) = pair
    if key not in one.buttons:
        return False
    one.press(key)
    return True


if __name__ == "__main__":
    sys.exit(main())
