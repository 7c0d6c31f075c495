"""A pipeline whose lineage is on PostgreSQL, and what commands say of it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from begat.lineage import settings
from begat.lineage.cli import _run
from begat.lineage.content.merkle import Chunk
from begat.lineage.graph.store import Store
from begat.lineage.workspace import Workspace, using
from support.postgres import Server, postgres
from support.project import Project
from support.small import Small

__all__ = ["postgres"]

#: What no event tells.
RECORDS = ("presence", "file", "pin", "plan", "model", "model_version", "alias")


@pytest.fixture
def url(postgres: Server) -> Iterator[str]:
    """A store in which nothing is."""
    with postgres.store() as found:
        yield found


def copy(url: str, path: Path) -> str:
    """Copy a store into a file of SQLite's, by its events and records; the URL of that."""
    there = f"sqlite:///{path}"
    with (
        closing(Store.open(url)) as store,
        closing(Store.open(there)) as other,
        store.read() as db,
    ):
        chunks = [Chunk.from_json(body) for (body,) in db.execute("SELECT body FROM chunk")]
        for origin in ("recorded", "ingested"):
            of = "SELECT body FROM event WHERE origin = :origin ORDER BY id"
            events = [json.loads(body) for (body,) in db.execute(of, {"origin": origin})]
            other.record(events, chunks, "recorded" if origin == "recorded" else "ingested")
        with other.write() as own:
            for table in RECORDS:
                for row in db.execute(f"SELECT * FROM {table}"):
                    names = ", ".join(f":{name}" for name in dict(row))
                    own.execute(f"INSERT INTO {table} VALUES ({names})", dict(row))
    return there


def test_commands_say_the_same(
    url: str,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Runs are recorded on PostgreSQL, reused from there, and shown as from a file of SQLite's."""
    small = Small.write(tmp_path / "project")
    monkeypatch.chdir(small.folder)
    monkeypatch.syspath_prepend(small.folder)

    def said(store: str, *command: str) -> dict[str, Any]:
        with using(Workspace(replace(settings.load(), store=store))):
            assert _run([*command, "--json"]) == 0
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    environment = {**os.environ, "BEGAT_STORE": url, "OMP_NUM_THREADS": "1"}
    run = ("run", small.name, "--plain")
    first = Project(small.folder, environment).json(*run)
    again = said(url, *run)
    lines = small.month("2013-02").read_text().splitlines()
    small.month("2013-02").write_text("\n".join([*lines[:-4], ""]))
    second = said(url, *run, "--set", "featurize.limit=900")
    file = copy(url, tmp_path / "copy.db")

    assert not (home / "begat.db").exists()
    assert [made["model_version"] for made in (first, again, second)] == [
        *("small@1", "small@1", "small@2")
    ]
    assert (again["executed"], second["reused"] > 0) == (0, True)
    for command in (
        ("runs",),
        ("models",),
        ("show", "small@2"),
        ("show", second["flow_run_id"]),
        ("show", "prepared[month=2013-02]"),
        ("show", said(url, "show", "small@1")["artifact"]),
        ("diff", "small@1", "small@2"),
        ("diff", first["flow_run_id"], second["flow_run_id"]),
        ("explain", second["flow_run_id"]),
        ("explain", "small.featurize[month=2013-02]"),
        ("verify",),
        ("verify", "small@1"),
    ):
        assert said(url, *command) == said(file, *command), command
