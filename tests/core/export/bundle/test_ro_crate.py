"""A bundle is a valid RO-Crate, says the validator of those who wrote the format; without a network."""

from importlib.resources import files
import json
import socket

import pytest

from core.export.bundle.layout import METADATA
from core.export.bundle.metadata import PROFILE
from tests.core.export.bundle.bundles import members_of, packed, planted_home

CONTEXT = f"https://w3id.org/ro/crate/{PROFILE}/context"


class Packaged:
    """What the validator asks the network for, from the package of `rocrate`: the context, and nothing else is there."""

    def get(self, url, **_):
        import requests

        said = requests.Response()
        said.url, said.status_code = url, 200 if url == CONTEXT else 504
        said._content = (files("rocrate") / "data" / "ro-crate.jsonld").read_bytes()
        said.headers["Content-Type"] = "application/ld+json"
        return said

    head = get

    def close(self):
        """As a session has it."""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of rdflib and pyshacl
@pytest.mark.parametrize("asked", ["one run", "a study"])
def test_the_validator_finds_nothing_that_must_be_otherwise(tmp_path, monkeypatch, asked):
    from rocrate_validator import models, services
    from rocrate_validator.utils.http import HttpRequester

    home, ids = planted_home(tmp_path / "home")
    (tmp_path / "bundle.zip").write_bytes(packed(home, [ids[0]] if asked == "one run" else ["s0123"]))

    def refused(*_):
        raise OSError("there is no network")

    monkeypatch.setattr(socket.socket, "connect", refused)
    settings = services.ValidationSettings(
        rocrate_uri=str(tmp_path / "bundle.zip"), profile_identifier=f"ro-crate-{PROFILE}", no_cache=True,
        requirement_severity=models.Severity.REQUIRED,
    )  # fmt: skip
    monkeypatch.setattr(HttpRequester(), "session", Packaged())
    result = services.validate(settings)
    assert result.passed(), [(issue.check.identifier, issue.message) for issue in result.get_issues()]
    assert result.executed_checks


def test_the_context_that_the_validator_is_given_is_that_of_the_profile():
    said = json.loads((files("rocrate") / "data" / "ro-crate.jsonld").read_text())
    assert said["@id"] == CONTEXT


def test_its_description_says_who_computed_what_when_and_nothing_of_when_it_was_written(tmp_path):
    home, ids = planted_home(tmp_path / "home")
    members = members_of(packed(home, ["s0123"]))
    graph = {entity["@id"]: entity for entity in json.loads(members[METADATA])["@graph"]}
    root, action = graph["./"], graph[f"#run-{ids[0]}"]
    runs = {path: json.loads(content) for path, content in members.items() if path.startswith("runs/")}
    assert root["name"] == "Two seeds"
    assert root["datePublished"] == max(run["finished_at"] for run in runs.values())
    assert {part["@id"] for part in action["result"]} == {path for _, path in runs[f"runs/{ids[0]}.json"]["files"]}
    assert action["endTime"] == runs[f"runs/{ids[0]}.json"]["finished_at"]
    assert graph[action["instrument"]["@id"]]["version"] == ", ".join(sorted({run["spec"]["engine"] for run in runs.values()}))
