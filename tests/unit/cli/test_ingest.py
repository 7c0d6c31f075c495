"""`begat ingest`: what it stores, what it skips and says of it, and how it ends."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from begat.lineage.cli import _run
from begat.lineage.cli.output import patient_store
from support.foreign import dataset, event


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of three events, between what is none."""
    told = [json.dumps(event(run, "COMPLETE", run, outputs=[dataset(0)])) for run in (1, 2, 3)]
    path = tmp_path / "events.ndjson"
    path.write_text("\n".join([told[0], "nope", told[1], '{"eventType": "START"}', "", told[2]]))
    return path


def ingest(capsys: pytest.CaptureFixture[str], *arguments: Any) -> tuple[int, str, str]:
    """How `begat ingest ARGUMENTS` ends, and what it prints."""
    code = _run(["ingest", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def stored() -> list[tuple[str, str]]:
    """Run id and origin of every event in the store."""
    store = patient_store()
    with store.read() as db:
        found = [tuple(row) for row in db.execute("SELECT run_id, origin FROM event ORDER BY 1")]
    store.close()
    return found


def test_summary(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each file has its line; what was skipped is told by file and line, and ends with 2."""
    whole = tmp_path / "whole.json.gz"
    whole.write_bytes(gzip.compress(json.dumps([event(9, "START", 1)]).encode()))
    code, out, err = ingest(capsys, file, whole)
    rows = [line.split() for line in out.splitlines()]

    assert (code, err) == (2, "")
    assert rows[1:3] == [[str(file), "3", "0", "2"], [str(whole), "1", "0", "0"]]
    assert [row[0] for row in rows[3:]] == [f"{file}:2", f"{file}:4"]
    assert {origin for _, origin in stored()} == {"ingested"}
    assert ingest(capsys, whole)[0] == 0


def test_again(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is there already is counted so, however it is written now."""
    ingest(capsys, file)
    before = stored()
    events = [json.loads(line) for line in file.read_text().splitlines() if "run" in line]
    for text in (json.dumps(events, indent=2), "\n".join(map(_canonical, events))):
        file.write_text(text)
        code, out, _ = ingest(capsys, file, "--json")

        assert code == 0
        assert json.loads(out)["files"] == [
            {"file": str(file), "stored": 0, "known": 3, "skipped": 0}
        ]
    assert stored() == before


def test_behind_what_is_known(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A broken line is told by its own number, also behind lines that are there already."""
    ingest(capsys, file)
    events = [json.loads(line) for line in file.read_text().splitlines() if "run" in line]
    file.write_text("\n".join([*map(_canonical, events), "nope", _canonical(events[0])]))
    code, out, _ = ingest(capsys, file, "--json")
    said = json.loads(out)

    assert (code, said["files"][0]["known"]) == (2, 4)
    assert [one["line"] for one in said["skipped"]] == [4]


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def test_skipped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first twenty are printed, and all of them are written to a file with their text."""
    path, notes = tmp_path / "broken", tmp_path / "notes"
    path.write_text("\n".join(f"nope {number}" for number in range(50)))
    code, out, _ = ingest(capsys, path, "--skipped", notes)
    lines = out.splitlines()
    written = [json.loads(line) for line in notes.read_text().splitlines()]

    assert (code, len(lines)) == (2, 2 + 20 + 1)
    assert lines[-1] == "and 30 more; --skipped FILE writes all"
    assert [(one["line"], one["text"]) for one in written] == [
        (number + 1, f"nope {number}") for number in range(50)
    ]
    assert written[0].keys() == {"file", "line", "reason", "text"}


def test_stdin(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """- is standard input."""
    with file.open("rb") as opened:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=opened))
        code, out, _ = ingest(capsys, "-", "--json")

    assert (code, json.loads(out)["files"][0]["stored"]) == (2, 3)


def test_refusals(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is not there, an export, and a URL that is none are refused, nothing stored."""
    export = tmp_path / "export"
    _run(["db", "upgrade"])
    _run(["db", "export", "--events", str(export)])
    capsys.readouterr()
    for arguments, says in (
        ([file, "nowhere"], "there is no file nowhere"),
        ([file, tmp_path], f"{tmp_path} is a folder; name the files in it"),
        ([export], f"`begat db import {export}` takes it"),
        ([file, "--url", "marquez"], "--url is http://host:port"),
        ([file, "--skipped", "nowhere/notes"], "nowhere/notes cannot be written"),
    ):
        code, out, err = ingest(capsys, *arguments)

        assert (code in (1, 2), out, len(err.splitlines())) == (True, "", 1)
        assert says in err
    assert stored() == []
