"""Files that are no backups, or that somebody has changed: one sentence, and nothing is written."""

from contextlib import closing
import hashlib
from io import BytesIO
import json
import os
import random
import sqlite3
import zipfile

import pytest

from core.domain.errors import WrongInput
from core.export.backup import restore as module
from core.export.backup.layout import MANIFEST
from core.export.backup.restore import restore
from core.export.backup.write import backup
from core.storage.home import DATABASE, open_home
from tests.core.export.backup.homes import full_home
from tests.core.export.bundle.bundles import members_of, zipped
from tests.faults.mutations import mutated


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The bytes of a backup, and its members."""
    folder = tmp_path_factory.mktemp("good")
    home, _ = full_home(folder / "home")
    backup(home, folder / "b.zip")
    content = (folder / "b.zip").read_bytes()
    return content, members_of(content)


def relisted(members, **about):
    """With a list of contents that fits, as by somebody who means it."""
    said = json.loads(members[MANIFEST])
    others = {path: content for path, content in members.items() if path != MANIFEST}
    said["files"] = {path: {"sha256": hashlib.sha256(text).hexdigest(), "bytes": len(text)} for path, text in others.items()}
    return {**others, MANIFEST: json.dumps({**said, **about}).encode()}


def refused(tmp_path, content, match):
    """The file is refused with that sentence, and neither its target nor anything beside it is there then."""
    (tmp_path / "in").mkdir(exist_ok=True)
    file = tmp_path / "in" / "b.zip"
    file.write_bytes(content)
    with pytest.raises(WrongInput, match=match) as wrong:
        restore(file, tmp_path / "out" / "home")
    assert "\n" not in str(wrong.value)
    assert not os.path.lexists(tmp_path / "out" / "home")
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())
    assert sorted(os.listdir(tmp_path)) in (["in"], ["in", "out"])


@pytest.mark.parametrize("name", [
    "../evil", "/etc/evil", "artifacts/../../evil", "C:\\evil", "extensions/../../evil.py", "extensions/a/./b.py", "evil.py", "artifacts/x",
    "supervisor.lock", "tuning/../x.jsonl", "uploads/x", "catalogue/x/catalogue.json", "logs/.x.log", "extensions/" + "a" * 300,
    f"{DATABASE}-wal",
])  # fmt: skip
def test_a_name_that_leads_out_or_has_no_place_is_refused(tmp_path, good, name):
    refused(tmp_path, zipped(relisted({**good[1], name: b"x"})), "lead out|no backup holds|too long")


def test_a_link_is_refused(tmp_path, good):
    stream = BytesIO(good[0])
    with zipfile.ZipFile(stream, "a") as archive:
        link = zipfile.ZipInfo("extensions/link.py")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    refused(tmp_path, stream.getvalue(), "a link")


def test_what_is_packed_is_refused_before_it_is_unpacked(tmp_path, good):
    """A gigabyte of zeros in a megabyte would be a trap; nothing in a backup is packed."""
    refused(tmp_path, zipped(good[1], zipfile.ZIP_DEFLATED), "stored as they are")


def test_members_that_claim_more_than_the_file_has_are_refused(tmp_path, good):
    """Directory entries that all point at the same bytes: a bomb without packing."""
    stream = BytesIO(good[0])
    with zipfile.ZipFile(stream, "a") as archive:
        first = archive.getinfo(DATABASE)
        for number in range(200):
            again = zipfile.ZipInfo(f"logs/{number}.log")
            for about in ("header_offset", "CRC", "compress_size", "file_size", "external_attr"):
                setattr(again, about, getattr(first, about))
            archive.filelist.append(again)
        archive._didModify = True
    refused(tmp_path, stream.getvalue(), "may be a trap")


def test_a_member_that_is_there_twice_is_refused(tmp_path, good):
    stream = BytesIO(good[0])
    with zipfile.ZipFile(stream, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(zipfile.ZipInfo("presets.json"), "[]")
    refused(tmp_path, stream.getvalue(), "twice")


def test_a_file_that_is_another_ones_folder_is_refused(tmp_path, good):
    refused(tmp_path, zipped(relisted({**good[1], "extensions/a": b"x", "extensions/a/b.py": b"x"})), "as a file and as a folder")


@pytest.mark.parametrize("change, said", [
    ({"format": "other"}, "no list"), ({"version": 2}, "newer"), ({"schema": 10**6}, "newer"), ({"schema": 1}, "other version"),
    ({"version": True}, "no version"), ({"schema": None}, "no schema"), ({"files": []}, "damaged"),
    ({"files": {"presets.json": 3}}, "SHA-256"),
    ({"lost": "all"}, "damaged"), ({"damaged": ["../x"]}, "damaged"), ({"files": {}}, "or the other way round"),
])  # fmt: skip
def test_a_list_of_contents_that_is_none_is_refused(tmp_path, good, change, said):
    plain = {**json.loads(good[1][MANIFEST]), **change}
    refused(tmp_path, zipped({**good[1], MANIFEST: json.dumps(plain).encode()}), said)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"[" * 100_000, b"\xff", b'{"format": NaN}'])
def test_a_list_of_contents_that_is_no_json_is_refused(tmp_path, good, text):
    refused(tmp_path, zipped({**good[1], MANIFEST: text}), "no list")


def test_a_list_of_contents_with_more_values_than_files_is_refused_before_they_are_made(tmp_path, good, monkeypatch):
    monkeypatch.setattr(module, "MOST_VALUES", 1000)
    refused(tmp_path, zipped({**good[1], MANIFEST: b'{"format": [' + b"[]," * 1000 + b"0]}"}), "more than 1,000 values")


def test_a_changed_byte_is_found_by_its_digest(tmp_path, good):
    path = next(name for name in good[1] if name.startswith("artifacts/"))
    content = good[1][path]
    changed = zipped({**good[1], path: content[:100] + bytes([content[100] ^ 1]) + content[101:]})
    refused(tmp_path, changed, "another SHA-256")


def test_an_artifact_that_is_not_what_its_name_says_is_refused_though_it_is_listed_so(tmp_path, good):
    path = next(name for name in good[1] if name.startswith("artifacts/"))
    refused(tmp_path, zipped(relisted({**good[1], path: b"other weights"})), "not what its list")


def test_a_backup_that_lacks_a_file_that_a_run_needs_is_refused(tmp_path, good):
    path = next(name for name in good[1] if name.startswith("artifacts/"))
    without = {name: content for name, content in good[1].items() if name != path}
    refused(tmp_path, zipped(relisted(without)), "its runs need")


@pytest.mark.parametrize("sql, said", [
    ("create trigger t after insert on runs begin delete from runs; end", "other tables"),
    ("create view v as select * from runs", "other tables"), ("drop table decks", "other tables"),
    ("pragma user_version = 3", "other version"),
    ("pragma application_id = 1", "is not Forgetscope's"), ("alter table runs add column more text", "other tables"),
])  # fmt: skip
def test_a_database_with_other_tables_is_refused(tmp_path, good, sql, said):
    place = tmp_path / "in" / "changed.db"
    place.parent.mkdir()
    place.write_bytes(good[1][DATABASE])
    with closing(sqlite3.connect(place)) as db:
        db.execute(sql)
        db.commit()
    changed = place.read_bytes()
    place.unlink()
    refused(tmp_path, zipped(relisted({**good[1], DATABASE: changed})), said)


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + bytes(4096)])
def test_a_database_that_is_none_is_refused(tmp_path, good, content):
    refused(tmp_path, zipped(relisted({**good[1], DATABASE: content})), "its database")


def test_a_database_whose_pages_are_damaged_is_refused(tmp_path, good):
    content = bytearray(good[1][DATABASE])
    content[4096 * 20 : 4096 * 40] = bytes(range(256)) * (20 * 16)
    refused(tmp_path, zipped(relisted({**good[1], DATABASE: bytes(content)})), "its database")


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06" + bytes(18), b"PK", b"x" * 5000])
def test_what_is_no_zip_is_refused(tmp_path, content):
    refused(tmp_path, content, "no backup")


def test_no_file_is_told(tmp_path):
    with pytest.raises(WrongInput, match="There is no file"):
        restore(tmp_path / "none.zip", tmp_path / "home")


def test_a_process_that_a_hostile_row_names_is_left_alone(tmp_path, good):
    """Who finds a running row dead ends its worker: a backup must not say which process that is."""
    place = tmp_path / "changed.db"
    place.write_bytes(good[1][DATABASE])
    with closing(sqlite3.connect(place)) as db:
        running = "status = 'running', supervisor_pid = 1, supervisor_started = 0, worker_pid = ?, worker_started = 5"
        db.execute(f"update runs set {running}", (os.getpid(),))
        db.commit()
    (tmp_path / "b.zip").write_bytes(zipped(relisted({**good[1], DATABASE: place.read_bytes()})))
    home = open_home(restore(tmp_path / "b.zip", tmp_path / "home").home)
    with closing(sqlite3.connect(home.database)) as db:
        assert set(db.execute("select status, worker_pid from runs")) == {("interrupted", None)}


@pytest.mark.parametrize("kind", ["bytes", "cut", "member"])
def test_mutations_restore_whole_or_not_at_all(tmp_path, good, kind):
    """Twenty seeds each: a flipped bit that no digest covers (in a time of the zip's list, say) may pass; the home is then the same."""
    for seed in range(20):
        draw = random.Random(seed)
        content = good[0]
        if kind == "bytes":
            content = mutated(content, draw)
        elif kind == "cut":
            content = content[: draw.randrange(len(content))]
        else:
            path = draw.choice(sorted(good[1]))
            content = zipped({**good[1], path: mutated(good[1][path], draw)})
        file, target = tmp_path / "b.zip", tmp_path / f"home-{seed}"
        file.write_bytes(content)
        try:
            runs = restore(file, target).runs
        except WrongInput:
            runs = None
        assert (runs, target.exists()) in ((3, True), (None, False))
        assert not list(tmp_path.glob(".writing-*"))
