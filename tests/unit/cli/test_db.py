"""`begat db`: what each of its commands prints, and how it ends."""

from __future__ import annotations

import gzip
import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from begat.lineage.cli import _run
from begat.lineage.cli.output import short
from begat.lineage.graph.leases import Lease
from begat.lineage.graph.migrations import migrate
from begat.lineage.graph.store import Store
from begat.lineage.settings import load
from begat.lineage.workspace import Workspace, using
from support.history import History, train


@pytest.fixture
def filled(home: Path) -> Path:
    """A home with a store in which something is."""
    home.mkdir()
    history = History()
    train(history, ["01", "02", "03"])
    with closing(Store.open(f"sqlite:///{home}/begat.db")) as store:
        store.record(history.events, history.chunks)
    return home


def db(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """How `begat db ARGUMENTS` ends, and what it prints."""
    code = _run(["db", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_upgrade(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says from which revision to which, also of a new store and of one that has it."""
    newest = migrate.revisions()[-1]
    assert db(capsys, "upgrade") == (0, f"a new lineage store of revision {newest}\n", "")
    assert db(capsys, "upgrade")[1] == f"the lineage store is of revision {newest}, the newest\n"
    with (
        closing(sqlite3.connect(home / "begat.db", isolation_level=None)) as database,
        migrate.on(database, "sqlite") as connection,
    ):
        migrate.downgrade(connection, "0001")
    code, out, _ = db(capsys, "upgrade", "--json")

    assert (code, json.loads(out)) == (0, {"from": "0001", "to": newest})


def test_check(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A sound store ends with 0; another with 1, and `rebuild` makes it sound again."""
    code, out, _ = db(capsys, "check")
    assert (code, out.splitlines()[0]) == (0, "the lineage store is sound")
    with closing(sqlite3.connect(filled / "begat.db")) as database, database:
        database.execute("DELETE FROM output")
    code, out, _ = db(capsys, "check")
    assert (code, out.splitlines()[0]) == (1, "the lineage store is not sound: 1 missing")
    code, out, _ = db(capsys, "check", "--json")
    assert (code, json.loads(out)["findings"][0]["kind"]) == (1, "graph")
    assert db(capsys, "rebuild")[1] == "the graph is made anew from 18 events\n"
    assert db(capsys, "check")[0] == 0


def test_reap(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It closes what nobody speaks for any more and says so; with RUN, whatever is open of it."""
    history = History()
    flow = history.flow_run()
    task, dead = history.task("step", parent=flow), history.task("dead")
    home.mkdir()
    with closing(Store.open(f"sqlite:///{home}/begat.db")) as store:
        store.record([*flow.events[:1], *task.events[:1]])
        lease = Lease(key=dead.run_id, run_id=dead.run_id, seconds=-1)
        store.record(dead.events[:1], lease=lease)
    first, second = db(capsys, "reap"), db(capsys, "reap")
    code, out, _ = db(capsys, "reap", flow.run_id, "--json")
    closed = {one["job"] for one in json.loads(out)["closed"]}

    assert first == (0, f"closed {short(dead.run_id)} flights.dead\n", "")
    assert second == (0, "no run is open whose process died\n", "")
    assert (code, closed) == (0, {"flights", "flights.step"})
    assert db(capsys, "reap", flow.run_id) == (0, f"nothing of {flow.run_id} is open\n", "")
    for other in ("flights/prepared[month=01]", "nope", "flights@1", ""):
        code, _, said = db(capsys, "reap", other)
        assert (code, said) == (
            2,
            f"begat: {other!r} names no run; `begat runs` lists flow runs\n",
        )


def test_prune(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says what would go; with --yes that goes, and it says how large the store is."""
    with closing(sqlite3.connect(filled / "begat.db")) as database, database:
        database.execute("INSERT INTO plan VALUES ('key', 'body', '2020')")
    code, out, _ = db(capsys, "prune")
    assert (code, out.startswith("would drop 0 leases, 1 plans, 0 tokens, 0 notes")) == (0, True)
    code, out, _ = db(capsys, "prune", "--yes", "--json")
    done = json.loads(out)
    assert (code, done["dropped"], done["rows"]["plan"]) == (0, True, 1)
    assert done["bytes_after"] == (filled / "begat.db").stat().st_size
    assert db(capsys, "prune", "--days", "-1")[0] == 2


def exported(out: str) -> list[dict[str, Any]]:
    """Lines of an export."""
    return [json.loads(line) for line in out.splitlines()]


def test_export_and_import(
    filled: Path,
    tmp_path: Path,
    capsysbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """To a file, packed, or to stdout; and back, from a file or from stdin, into another home."""
    plain, packed, again, graph = (tmp_path / name for name in ("e", "e.gz", "again.gz", "g"))
    for file in (plain, packed, again):
        assert _run(["db", "export", "--events", str(file)]) == 0
    assert _run(["db", "export", "--graph", str(graph)]) == 0
    capsysbinary.readouterr()
    assert _run(["db", "export", "--graph", "-"]) == 0
    assert capsysbinary.readouterr().out == graph.read_bytes()
    assert exported(plain.read_text())[-1] == {"end": {"chunk": 2, "event": 18}}
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()
    assert again.read_bytes() == packed.read_bytes()

    monkeypatch.setenv("BEGAT_STORE", f"sqlite:///{tmp_path}/other.db")
    with using(Workspace()):
        assert _run(["db", "import", str(packed), "--json"]) == 0
        said = json.loads(capsysbinary.readouterr().out)
        assert said == {"stored": 18, "known": 0, "chunks": 2, "records": 0}
        with plain.open("rb") as file:
            monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=file))
            assert _run(["db", "import", "-"]) == 0
        assert b"0 events stored, 18 already there" in capsysbinary.readouterr().out
        assert _run(["db", "export", "--graph", "-"]) == 0
        assert capsysbinary.readouterr().out == graph.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["export"], 2, "nothing is asked for; give --events FILE or --graph FILE"),
        (["export", "--events", "-", "--graph", "-"], 2, "standard output takes one thing only"),
        (["export", "--events", "-", "--json"], 2, "standard output takes one thing only"),
        (["export", "--events", "nowhere/file"], 1, "nowhere/file cannot be written"),
        (["import", "nowhere"], 2, "there is no file nowhere"),
    ],
)
def test_refusals(
    filled: Path,
    arguments: list[str],
    code: int,
    says: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What cannot be done is said in one line, and nothing is written."""
    ended, out, err = db(capsys, *arguments)

    assert (ended, out, len(err.splitlines())) == (code, "", 1)
    assert says in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["db", "check"],
        ["db", "rebuild"],
        ["db", "prune"],
        ["db", "export", "--events", "FILE"],
        ["token", "list"],
    ],
)
def test_nothing_is_recorded(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """Where there is no store none is made, and no file of a backup is written."""
    file = tmp_path / "backup"
    file.write_text("the last good one")
    code = _run([str(file) if argument == "FILE" else argument for argument in arguments])

    assert (code, "nothing is recorded here" in capsys.readouterr().err) == (3, True)
    assert (home.exists(), file.read_text()) == (False, "the last good one")


def test_no_export_of_a_changed_event(
    filled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What could not be imported is not exported, and the file that was there stays."""
    file = tmp_path / "backup"
    file.write_text("the last good one")
    with closing(sqlite3.connect(filled / "begat.db")) as database:
        changed = "UPDATE event SET body = replace(body, 'flights.', 'unheard.') WHERE id = 3"
        database.execute(changed)
        database.commit()
    code, _, err = db(capsys, "export", "--events", str(file))

    assert (code, "is not what its hash says, so nothing is exported" in err) == (3, True)
    assert file.read_text() == "the last good one"


def test_import_says_that_there_is_no_token(
    filled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tokens that are left out leave a store that answers everybody on its machine."""
    file = str(tmp_path / "backup")
    assert _run(["token", "create", "ann", "--scope", "read"]) == 0
    db(capsys, "export", "--events", file, "--tokens")
    said = [
        _imported(tmp_path / name, file, *options, capsys=capsys)
        for name, options in (("without", ()), ("with", ("--tokens",)))
    ]

    assert ["has no token" in err for err in said] == [True, False]


def _imported(home: Path, file: str, *options: str, capsys: pytest.CaptureFixture[str]) -> str:
    with using(Workspace(load(environ={"BEGAT_HOME": str(home)}))):
        code, _, err = db(capsys, "import", file, *options)
    assert code == 0
    return err


def test_no_rebuild_from_a_changed_event(
    filled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A graph that still has what an event said is not made anew from what it says now."""
    graphs = [str(tmp_path / name) for name in ("before", "after")]
    db(capsys, "export", "--graph", graphs[0])
    with closing(sqlite3.connect(filled / "begat.db")) as database:
        [body] = database.execute("SELECT body FROM event WHERE id = 2").fetchone()
        changed = body.replace("flights.prepare", "flights.unheard")
        assert changed != body
        database.execute("UPDATE event SET body = ? WHERE id = 2", (changed,))
        database.commit()
    code, out, _ = db(capsys, "check")
    refused = db(capsys, "rebuild")
    db(capsys, "export", "--graph", graphs[1])

    assert (code, "rebuild" in out, "restore the lineage store from a backup" in out) == (
        1,
        False,
        True,
    )
    assert (refused[0], "so the graph stays as it is" in refused[2]) == (3, True)
    assert Path(graphs[0]).read_bytes() == Path(graphs[1]).read_bytes()
