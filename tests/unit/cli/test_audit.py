"""What `begat audit` prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from begat.lineage import collection
from begat.lineage.cli.audit import audit
from begat.lineage.cli.output import short
from begat.lineage.errors import RefError
from begat.lineage.registry import aliases, stages
from begat.lineage.registry import audit as log
from begat.lineage.registry.reports import report
from support.collecting import lay, run
from support.recorder import Recorder
from support.registered import ADA, add


def says(*arguments: str) -> list[str]:
    """The lines of the command, with single spaces."""
    done = CliRunner().invoke(audit, arguments)
    assert done.exception is None
    return [" ".join(line.split()) for line in done.output.splitlines()]


@pytest.fixture
def at(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> str:
    """A second and a half of it at which a version entered Staging."""
    monkeypatch.setattr(log, "now", lambda: "2024-06-30T12:00:05.300000Z")
    stages.promote(recorder, add(recorder).ref, to="Staging", identity=ADA)
    return "2024-06-30T12:00:05"


@pytest.mark.parametrize(
    ("time", "there"),
    [
        ("2024-06-30", True),
        ("20240630", True),
        ("2024-06-30T12", True),
        ("2024-06-30T12:00", True),
        ("2024-06-30 12:00:05", True),
        ("2024-06-30T12:00:05Z", True),
        ("2024-06-30T14:00:05+02:00", True),
        ("2024-06-30T12:00:05.3", True),
        ("2024-06-30T12:00:05.299", False),
        ("2024-06-30T12:00:04", False),
        ("2024-06-30T11:59", False),
        ("2024-06-30T11", False),
        ("2024-06-29", False),
    ],
)
def test_as_of(at: str, time: str, there: bool) -> None:
    """A time is meant to its end: what was done within its day, minute or second was done."""
    assert at
    found = json.loads("".join(says("--as-of", time, "--json")))

    assert [one["stage"] for one in found["versions"]] == (["Staging"] if there else [])


def test_who(recorder: Recorder) -> None:
    """The token that proved who acted is named, by its id."""
    stages.promote(recorder, add(recorder).ref, to="Staging", identity=ADA)
    _, row = says()

    assert row.startswith("1 ")
    assert row.endswith(" delays@1: no stage → Staging, by ada token 0a here")


def test_reports(recorder: Recorder) -> None:
    """A row about a report says which one, and what came of it."""
    report(recorder, add(recorder).ref, "canary", passed=False, identity=ADA, reason="5xx")

    assert "delays@1: canary failed, by ada (5xx)" in says()[1]


def test_what_was_collected_and_purged(recorder: Recorder, tmp_path: Path) -> None:
    """Rows about no model say how much went, and of what."""
    lay(tmp_path, "A")
    first = run(tmp_path)
    [digest] = first.raw
    found = collection.purging(recorder, digest, with_derived=True)
    collection.purge(recorder, found, reason="request 4711", identity=ADA)
    with recorder.store.write() as db:
        body: dict[str, Any] = {"artifacts": 1, "bytes": 10, "versions": ["delays@1", "delays@2"]}
        log.append(recorder.store, db, action="collect", identity=ADA, body=body)
    _, purged, collected = says()

    of = f"purged {short(digest)} and what was made of it: 2 artifacts, by ada (request 4711)"
    assert of in purged
    assert (
        "collected 1 artifact, 10 bytes (files of delays@1, delays@2 among them), by" in collected
    )


def test_of_a_model(recorder: Recorder) -> None:
    """One that is misspelt is told from one of which nothing is logged."""
    aliases.put(recorder, add(recorder).ref, "blue", identity=ADA)
    add(recorder, "rides")

    assert len(says("--model", "delays")) == 2
    assert says("--model", "rides")[0].startswith("nothing was done")
    for asked in ([], ["--as-of", "2024-06-30"]):
        error = CliRunner().invoke(audit, ["--model", "delay", *asked]).exception
        assert isinstance(error, RefError)
