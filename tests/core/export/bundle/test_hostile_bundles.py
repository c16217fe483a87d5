"""Bundles that somebody spoiled, by chance or on purpose: one sentence each, and the home is as it was. Nothing in them is run."""

from collections.abc import Callable
from dataclasses import asdict
from io import BytesIO
import json
import os
from pathlib import Path
import pickle
import random
import stat
import struct
import tracemalloc
import zipfile

import numpy as np
import pandas as pd
import pyarrow as arrow
from pyarrow import parquet
import pytest
from safetensors.numpy import save

from core.domain.errors import WrongInput
from core.domain.info import Column, DatasetInfo
from core.export.bundle import bring as bringing
from core.export.bundle import read
from core.export.bundle.bring import bring
from core.export.bundle.layout import MANIFEST, METADATA
from core.storage.home import Home, open_home
from core.storage.runs import ResultStore
from tests.core.export.bundle.bundles import changed_json, members_of, packed, planted_home, relisted, state_of, zipped
from tests.hostile_bundles import MUTATIONS, mutated_bundle, outcome, read_through
from tests.planted import plant, spec

Members = dict[str, bytes]


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> bytes:
    return packed(planted_home(tmp_path_factory.mktemp("there") / "home")[0], ["s0123"])


@pytest.fixture
def members(good) -> Members:
    return members_of(good)


@pytest.fixture(scope="module")
def here(tmp_path_factory) -> tuple[Home, object]:
    """A home with a run of its own, and all that is in it; no test may change it."""
    home = open_home(tmp_path_factory.mktemp("here") / "home")
    plant(home, spec("finetune"))
    return home, state_of(home)


@pytest.fixture
def refused(here, tmp_path) -> Callable[[bytes], str]:
    """The sentence for a bundle that is refused; nothing may have changed, in the home and beside it."""

    def go(content: bytes) -> str:
        home, before = here
        file = tmp_path / "from a friend.zip"
        file.write_bytes(content)
        beside = set(os.listdir(home.root.parent))
        with pytest.raises(WrongInput) as found:
            bring(home, file)
        said = str(found.value)
        assert state_of(home) == before
        assert not list(home.root.rglob(".writing-*"))
        assert set(os.listdir(home.root.parent)) == beside
        assert os.listdir(tmp_path) == ["from a friend.zip"]
        assert "\n" not in said
        assert said.endswith(".")
        assert len(said) < 400
        return said

    return go


def the(members: Members, kind: str, ending: str = "") -> str:
    return next(path for path in members if path.startswith(kind) and path.endswith(ending))


def test_what_is_no_bundle_is_told(refused, good, members):
    assert "is no zip archive that can be read" in refused(b"")
    assert "is no zip archive that can be read" in refused(b"not a zip at all")
    assert "is no zip archive that can be read" in refused(good[: len(good) // 2])
    assert f"is no bundle of Forgetscope: it holds no {MANIFEST}" in refused(zipped({"cat.png": b"a"}))
    assert f"it holds no {METADATA}" in refused(zipped({path: text for path, text in members.items() if path != METADATA}))
    assert "does not say so" in refused(zipped(relisted(members, format="of another program")))


def test_a_newer_format_is_told(refused, members):
    said = refused(zipped(relisted(members, version=2)))
    assert said == "from a friend.zip was written by a newer Forgetscope (version 2 of bundles; this one reads up to 1)."
    assert "says no version of its format" in refused(zipped(relisted(members, version="1")))


@pytest.mark.parametrize("kind", ["files/", "runs/", "studies/", METADATA])
def test_a_changed_byte_anywhere_is_found_by_the_digest(refused, members, kind):
    path = the(members, kind)
    content = bytearray(members[path])
    content[len(content) // 2] ^= 1
    assert f"{path} has another SHA-256" in refused(zipped({**members, path: bytes(content)}))


def test_missing_extra_and_resized_files_are_told(refused, members):
    path = the(members, "files/")
    assert "it lists" in refused(zipped({name: text for name, text in members.items() if name != path}))
    extra = {**members, "files/extra-012345678901.parquet": b"a"}
    assert "which its list of contents does not name" in refused(zipped(extra))
    assert "are listed" in refused(zipped({**members, path: members[path] + b"!"}))


@pytest.mark.parametrize("path", [
    "../evil.py", "/etc/cron.d/evil", "files/../../evil.parquet", "C:/evil.parquet", "..\\evil.parquet", "files//evil.parquet",
])  # fmt: skip
def test_paths_that_lead_out_of_the_folder_are_refused(refused, members, path):
    assert "a path that may lead out of the folder" in refused(zipped(relisted({**members, path: b"evil"})))


@pytest.mark.parametrize("path", [
    "files/weights.pkl", "evil.py", "files/a/b.parquet", "runs/../x", "runs/0123456789AB.json", "sitecustomize.py",
])  # fmt: skip
def test_files_that_no_bundle_holds_are_refused(refused, members, path):
    said = refused(zipped(relisted({**members, path: pickle.dumps({"a": 1})})))
    assert "which no bundle of Forgetscope holds" in said or "lead out of the folder" in said


def special(members: Members, **about: int) -> bytes:
    """With a last member, listed like the others, of which the zip says something odd."""
    stream = BytesIO()
    odd = {**members, "files/odd-012345678901.parquet": b"/etc/passwd"}
    with zipfile.ZipFile(stream, "w") as archive:
        for path, content in relisted(odd).items():
            member = zipfile.ZipInfo(path)
            if path.startswith("files/odd"):
                member.external_attr = about.get("mode", 0) << 16
            archive.writestr(member, content)
    raw = stream.getvalue()
    place = raw.rindex(b"PK\x01\x02")
    central = bytearray(raw[place : raw.rindex(b"PK\x05\x06")])
    struct.pack_into("<H", central, 8, about.get("flags", 0))
    struct.pack_into("<H", central, 10, about.get("packed", 0))
    if "claims" in about:
        struct.pack_into("<I", central, 24, about["claims"])
    return raw[:place] + bytes(central) + raw[raw.rindex(b"PK\x05\x06") :]


def test_links_devices_and_encrypted_members_are_refused(refused, members):
    assert "a link or another thing that is no file" in refused(special(members, mode=stat.S_IFLNK | 0o777))
    assert "a link or another thing that is no file" in refused(special(members, mode=stat.S_IFBLK | 0o666))
    assert "is encrypted" in refused(special(members, flags=1))
    assert "packed in a way that is not read" in refused(special(members, packed=zipfile.ZIP_LZMA))


def test_a_file_that_is_there_twice_is_refused(refused, members):
    stream = BytesIO(zipped(members))
    path = the(members, "files/")
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(stream, "a") as archive:
        archive.writestr(path, b"another")
    assert f"holds {path} twice" in refused(stream.getvalue())


def test_what_claims_to_be_huge_is_refused_before_it_is_read(refused, members, monkeypatch):
    assert "claims to unpack to 4,09" in refused(special(members, claims=2**32 - 2**20))
    monkeypatch.setattr(read, "MOST_BYTES", 1000)
    assert "which may be a trap" in refused(zipped(members))
    monkeypatch.undo()
    monkeypatch.setattr(read, "MOST_MEMBERS", 5)
    assert "5 at most are read" in refused(zipped(members))


def test_a_claim_of_ten_gigabytes_is_refused(refused, members):
    """By the long form of a member's size, which is a zip's for more than 4 GB."""
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for path, content in relisted({**members, "files/odd-012345678901.parquet": b"a"}).items():
            archive.writestr(zipfile.ZipInfo(path), content)
        archive.filelist[-1].file_size = 10 * 2**30
    assert "claims to unpack to 10,24" in refused(stream.getvalue())


def test_zip_bombs_are_refused(refused, members):
    few = {path: members[path] for path in (MANIFEST, METADATA)}
    bomb = zipped(relisted({**few, "files/b-0.safetensors": bytes(2**25)}), zipfile.ZIP_DEFLATED)
    assert len(bomb) < 2**17
    assert "MB claims to unpack to 32 MB, which may be a trap" in refused(bomb)


def test_a_member_that_unpacks_to_more_than_it_says_is_refused(refused, members):
    raw = zipped(members, zipfile.ZIP_DEFLATED)
    path = the(members, "files/answers")
    place = raw.rindex(path.encode()) - 46
    central = bytearray(raw)
    struct.pack_into("<I", central, place + 24, 100)
    said = json.loads(members[MANIFEST])
    said["files"][path]["bytes"] = 100
    for listed in (members, {**members, MANIFEST: json.dumps(said).encode()}):
        raw = bytearray(zipped(listed, zipfile.ZIP_DEFLATED))
        struct.pack_into("<I", raw, bytes(raw).rindex(path.encode()) - 46 + 24, 100)
        refused(bytes(raw))


class Evil:
    """Writes a file when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self):
        return Path.touch, (self.place,)


@pytest.mark.parametrize("ending", ["safetensors", "parquet"])
def test_a_pickle_in_a_file_s_place_is_not_run(refused, members, tmp_path_factory, ending):
    place = tmp_path_factory.mktemp("evil") / "ran"
    said = refused(zipped(relisted({**members, the(members, "files/", ending): pickle.dumps(Evil(place))})))
    assert said.endswith("nothing in it was run.")
    assert not place.exists()


def table(**columns: object) -> bytes:
    stream = BytesIO()
    pd.DataFrame(columns).to_parquet(stream)
    return stream.getvalue()


@pytest.mark.parametrize(("content", "said"), [
    (table(**{"class": [1], "model": ["a"], "accuracy": [0.5], "count": [1]}), "lacks the column 'split'"),
    (table(split=[b"a"], model=["a"], **{"class": [1], "accuracy": [0.5], "count": [1]}), "a column 'split' of binary"),
    (table(split=["a"], model=["a"], **{"class": [[1, 2]], "accuracy": [0.5], "count": [1]}), "a column 'class' of list"),
    (table(split=[None], model=["a"], **{"class": [1], "accuracy": [0.5], "count": [1]}), "a column 'split' of null"),
    (b"PAR1" + bytes(40) + b"PAR1", "is no table in parquet that can be read"),
])  # fmt: skip
def test_tables_that_are_none_of_ours_are_refused(refused, members, content, said):
    assert said in refused(zipped(relisted({**members, the(members, "files/per_class"): content})))


@pytest.mark.parametrize(("content", "said"), [
    (b"\xff" * 8 + b"{}", "is no safetensors file"), (struct.pack("<Q", 2**40) + b"{}", "is no safetensors file"),
    (save({"a": np.zeros(2, np.float32)}), "not of one architecture"),
])  # fmt: skip
def test_arrays_that_are_none_of_ours_are_refused(refused, members, content, said):
    assert said in refused(zipped(relisted({**members, the(members, "files/unlearned"): content})))


def test_a_table_that_unfolds_to_gigabytes_is_given_up_by_its_own_process(refused, members, in_their_process):
    """A million rows of one text of a million letters, which the file has once: a terabyte, were it read."""
    stream = BytesIO()
    text = arrow.DictionaryArray.from_arrays(arrow.array(np.zeros(10**6, np.int32)), arrow.array(["a" * 10**6]))
    ones = np.ones(10**6, np.int64)
    columns = {"split": text, "model": text, **dict.fromkeys(("class", "accuracy", "count"), arrow.array(ones))}
    parquet.write_table(arrow.table(columns), stream, store_schema=False)
    bomb = stream.getvalue()
    assert len(bomb) < 2**22
    path = the(members, "files/per_class")
    said = refused(zipped(relisted({**members, path: bomb})))
    assert said.startswith(path)
    assert "more memory than" in said or "more time or memory" in said


def described(**about: object) -> dict:
    """A description of a dataset with two classes."""
    usual = DatasetInfo("pets@01234567", "pets", "", 1, 8, 8, ("a", "b"), (5, 5), 4, (0.5,), (0.2,),
                        columns=(Column("who", ("x",), (10,)),))  # fmt: skip
    return {**asdict(usual), **about}


def number(run: dict, metric: str, value: object) -> None:
    """Of the unlearned network, where it has one already."""
    next(one for one in run["numbers"] if one[:2] == [metric, "unlearned"])[2] = value


RUN = [
    (lambda run: run.update(id="../evil"), "id should be twelve hexadecimal digits"),
    (lambda run: run.update(id="0123456789ab"), "the run's id should be that of its file"),
    (lambda run: run.pop("spec"), "spec should be an object"), (lambda run: run["spec"].pop("method"), "method should be readable text"),
    (lambda run: run["spec"].update(seed=2**70), "seed should be a whole number"),
    (lambda run: run["spec"]["request"].update(kind="evil"), "request.kind should be one of"),
    (lambda run: run.update(finished_at="yesterday"), "finished_at should be a time with its zone"),
    (lambda run: run.update(speedup=True), "speedup should be a number"),
    (lambda run: run["seconds"].update(train="fast"), "seconds of train should be a number"),
    (lambda run: run["numbers"][0].__setitem__(2, "1"), "should be a number"),
    (lambda run: run["numbers"][0].__setitem__(1, "evil"), "a number should say its metric"),
    (lambda run: run["numbers"].append(["a" * 3000, "original", 1.0, ""]), "letters at most"),
    (lambda run: run["numbers"].append(run["numbers"][0]), "is there twice"),
    (lambda run: number(run, "relearn_steps", -5), "relearn_steps of the unlearned network should lie between 0 and 1e+09, but is -5"),
    (lambda run: number(run, "attack_auc", -3), "attack_auc of the unlearned network should lie between 0 and 1, but is -3"),
    (lambda run: number(run, "attack_auc", 2), "should lie between 0 and 1, but is 2"),
    (lambda run: number(run, "nomus", 1.5), "should lie between 0 and 1, but is 1.5"),
    (lambda run: number(run, "test_forget_accuracy", "inf"), "should lie between 0 and 1, but is inf"),
    (lambda run: number(run, "forget_entropy", -0.1), "should lie between 0 and inf, but is -0.1"),
    (lambda run: number(run, "parameter_distance", 1e300), "but is 1e+300"),
    (lambda run: run["numbers"].append(["of_tomorrow", "original", 1e300, ""]), "of_tomorrow of the original network should lie between"),
    (lambda run: run["seconds"].update(unlearn=-5), "seconds of unlearn should lie between 0 and 1e+09, but is -5"),
    (lambda run: run.update(speedup=-1), "speedup should lie between 0 and"), (lambda run: run.update(threads=-1), "threads should lie"),
    (lambda run: run.update(precompute_seconds=-1), "precompute_seconds should lie between"),
    (lambda run: run.update(forecast={"seconds": -1, "bytes": 1, "basis": "history"}), "seconds of a forecast should lie between"),
    (lambda run: run.update(created_at="0001-01-01T00:00:00+14:00"), "created_at should lie in the years 1970 to 2199"),
    (lambda run: run.update(finished_at="9999-12-31T23:59:59-14:00"), "finished_at should lie in the years 1970 to 2199"),
    (lambda run: run.update(dataset=described()), "dataset should describe 'digits', but is about 'pets@01234567'"),
    *((lambda run, about=about: run.update(dataset=described(**about)), "sizes and counts that a dataset can have")
      for about in ({"height": 0}, {"test_count": -1}, {"train_counts": [5, -5]}, {"width": 10**9})),
    (lambda run: run.update(dataset=described(mean=[])), "mean should be a number for each of 1 channels, but are 0"),
    (lambda run: run.update(dataset=described(columns=[{"name": "who", "values": ["x"], "counts": []}])), "count the images of each value"),
    (lambda run: run.update(x=[[]] * 1000), "a run has no 'x'"),
    (lambda run: run["spec"]["request"].update(picks=[99]), "digits has no class 99"),
    (lambda run: run["numbers"].extend([["a", "original", 1.0, ""]] * 20_000), "10,000 at most"),
    (lambda run: run["files"][0].__setitem__(1, "../../x"), "a run's files should be those of the bundle"),
    (lambda run: run["files"].append(["original", run["files"][0][1]]), "each once"),
    (lambda run: run["files"].append(["evil", run["files"][0][1]]), "a run's files should be those of the bundle"),
    (lambda run: run["evaluation"].update(without=["evil"]), "What can be left out of an evaluation"),
    (lambda run: run.update(dataset={"key": "x"}), "a dataset's description is wanted"),
    (lambda run: run.update(device="a\nb"), "device should be readable text"), (lambda run: [run], "is no object in JSON"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "said"), RUN, ids=range(len(RUN)))
def test_runs_that_say_what_no_run_says_are_refused(refused, members, change, said):
    def changed(run):
        other = change(run)
        return other if isinstance(other, list) else None

    assert said in refused(zipped(changed_json(members, the(members, "runs/"), changed)))


STUDY = [
    (lambda study: study.update(id="other"), "the study's id should be that of its file"),
    (lambda study: study["plan"].update(seeds=[]), "variants and seeds should name one at least"),
    (lambda study: study["runs"][0].update(run="ffffffffffff"), "a study's runs should be those of the bundle"),
    (lambda study: study["runs"][0].update(variant=7), "a study's runs should be those of the bundle"),
    (lambda study: study["runs"].append(study["runs"][0]), "names one twice"),
    (lambda study: study.update(title="a" * 5000), "letters at most"), (lambda study: study.update(x=1), "a study has no 'x'"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "said"), STUDY, ids=range(len(STUDY)))
def test_studies_that_say_what_no_study_says_are_refused(refused, members, change, said):
    assert said in refused(zipped(changed_json(members, "studies/s0123.json", lambda study: change(study) and None)))


@pytest.mark.parametrize("content", [b"[" * 100_000, b"{", b"\xff\xfe", b'{"a": NaN}', b"null", b'"\\ud800"'])
def test_what_is_no_json_is_told(refused, members, content):
    for path in (MANIFEST, METADATA, the(members, "runs/"), the(members, "studies/")):
        refused(zipped({**members, path: content} if path == MANIFEST else relisted({**members, path: content})))


def test_a_list_of_contents_that_names_what_is_not_there_or_has_no_place_is_refused(refused, members):
    for about in ({"studies": ["s9999"]}, {"asked": ["0" * 12]}):
        assert "should be in the bundle" in refused(zipped(relisted(members, **about)))
    said = json.loads(members[MANIFEST])
    said["files"]["\x1b[2J\x1b[31mALL FILES HOLD"] = {"sha256": "a" * 64, "bytes": 1}
    told = refused(zipped({**members, MANIFEST: json.dumps(said).encode()}))
    assert "files should be those that a bundle holds, but one is no readable text" in told
    assert "\x1b" not in told


def test_what_a_small_bundle_says_in_json_takes_little_memory(refused, members):
    """Megabytes of empty lists pack into kilobytes, and unfold to sixty bytes a list."""
    run, metadata = the(members, "runs/"), json.loads(members[METADATA])

    def grown(path: str, megabytes: int) -> bytes:
        plain = members[path].rstrip()[:-1] + b',"x":[' + b",".join([b"[]"] * (megabytes * 2**20 // 3)) + b"]}"
        return zipped(relisted({**members, path: plain}), zipfile.ZIP_DEFLATED)

    assert json.loads(members[METADATA]) == metadata
    for path, megabytes, said in (
        (run, 40, "MB in JSON; 32 MB are read"), (run, 20, "MB; 2 MB at most are read"), (run, 1, "a run has no 'x'"),
        (METADATA, 40, "MB; 32 MB at most"), (METADATA, 15, "with more than 2,000,000 values"),
    ):  # fmt: skip
        bundle = grown(path, megabytes)
        tracemalloc.start()
        told = refused(bundle)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert said in told
        assert peak < 100 * 2**20, (path, megabytes)


def test_the_json_of_all_runs_together_is_bounded(refused, members, monkeypatch):
    monkeypatch.setattr(read, "MOST_RECORDS", 20_000)
    assert "holds runs and studies of 0.0 MB in JSON" in refused(zipped(members))
    monkeypatch.undo()
    monkeypatch.setattr(read, "MOST_VALUES", 1200)
    assert "1,200 values, which are not read" in refused(zipped(members))


def test_a_list_of_contents_with_odd_digests_is_refused(refused, members):
    said = json.loads(members[MANIFEST])
    path = the(members, "files/")
    digests = [{"sha256": text, "bytes": 1} for text in ("../../evil", "A" * 64, 7)]
    for entry in (*digests, {"bytes": 1}, [], {"sha256": "a" * 64, "bytes": -1}):
        changed = {**said, "files": {**said["files"], path: entry}}
        assert "a file's SHA-256 and size are wanted" in refused(zipped({**members, MANIFEST: json.dumps(changed).encode()}))


def test_a_disk_that_fills_up_or_a_database_that_refuses_leaves_nothing(here, tmp_path, good, monkeypatch):
    home, before = here
    (tmp_path / "a.zip").write_bytes(good)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    def broken(*_: object) -> None:
        raise RuntimeError("killed")

    for name, fault, kind in (("unpack", full, WrongInput), ("bring_in", broken, RuntimeError)):
        with monkeypatch.context() as patch:
            patch.setattr(bringing, name, fault)
            with pytest.raises(kind):
                bring(home, tmp_path / "a.zip")
        assert state_of(home) == before
        assert not list(home.root.glob(".writing-*"))


def test_the_bundle_that_all_these_were_made_of_is_taken_once_it_is_whole(tmp_path, good, in_their_process):
    home = open_home(tmp_path / "home")
    (tmp_path / "a.zip").write_bytes(zipped(relisted(members_of(good)), zipfile.ZIP_DEFLATED))  # packed anew by another program
    assert len(bring(home, tmp_path / "a.zip").runs) == 3
    with ResultStore(home.database) as store:
        assert len(store.runs()) == 3


def test_fifty_spoiled_bundles_are_refused_or_read_in_a_sentence(tmp_path, monkeypatch, shelves):
    there, ids = planted_home(tmp_path / "there")
    good = packed(there, [ids[1]], weights=False)
    home, draw = open_home(tmp_path / "home"), random.Random(0)
    told = [outcome(home, tmp_path / "a.zip", mutated_bundle(good, draw, MUTATIONS[number % len(MUTATIONS)])) for number in range(50)]
    assert sum(map(bool, told)) > 25
    monkeypatch.setenv("FORGETSCOPE_HOME", str(home.root))
    with ResultStore(home.database) as store:
        came = [run.id for run in store.runs()]
    assert len(came) > 4
    assert read_through(home, came[:4], shelves) < 4
    assert {path.name for path in tmp_path.iterdir()} == {"a.zip", "home", "there"}
