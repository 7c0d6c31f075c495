"""What leaves a store and comes to another: all of it, once, or nothing."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from begat.lineage.errors import DataError
from begat.lineage.graph import export, keeping, tables
from begat.lineage.graph.dump import dump
from begat.lineage.graph.restore import restore
from begat.lineage.graph.store import Store
from begat.lineage.registry.versions import register
from support.foreign import event, foreign_events
from support.history import History, digest, train

WORD = st.text("ab é'\"", min_size=1, max_size=4)
_TOKEN = ("t", "ci", "blake3:00", "read", "2025-01-01T00:00:00.000000Z", None, None)


@pytest.fixture
def other() -> Iterator[Store]:
    """Another empty store."""
    opened = Store.open("sqlite://")
    yield opened
    opened.close()


def written(store: Store, path: Path, **options: Any) -> Path:
    """A file with what a store holds."""
    path.write_text("".join(export.lines(store, **options)), encoding="utf-8")
    return path


def fill(store: Store) -> None:
    """A history, two model versions, and one row in every other table of records."""
    history = History()
    train(history, ["01", "02", "03"])
    store.record(history.events, history.chunks)
    for number in range(2):
        register(
            store,
            model="m",
            recipe=digest(f"{number}"),
            run_id="r",
            training_run_id="t",
            digest=digest("model"),
            body={"metrics": {"auc": 0.5}},
            registered_by="me",
        )
    put(store, "alias", model="m", name="best", version=1)
    put(store, "pin", digest=digest("model"), ref="m@1", pinned_by="me", pinned_at="2025")
    put(store, "file", manifest=digest("list"), name="a.csv", size=3, digest=digest("a"))
    arrived = {"namespace": "s3://lake", "key": "raw/a.csv", "identity": "v1", "name": "raw"}
    said = {"partition": "", "version": "v1", "digest": "e1", "size": 3, "happened": "2025"}
    when = {"sequencer": "", "removed": 0, "told_by": "sqs", "first_seen": "2025", "batch": "b1"}
    put(store, "arrival", **arrived, **said, **when)
    about = {"namespace": "s3://lake", "name": "raw", "source": "s3://lake/raw/*.csv", "count": 1}
    put(store, "batch", id="b1", **about, closed_at="2025", told_at=None)
    token = dict(zip((column.name for column in tables.token.c), _TOKEN, strict=True))
    put(store, "token", **token)
    store.mark_lost([digest("x")])


def put(store: Store, table: str, **row: Any) -> None:
    """Add a row."""
    names = ", ".join(row)
    values = ", ".join(f":{name}" for name in row)
    with store.write() as db:
        db.execute(f"INSERT INTO {table} ({names}) VALUES ({values})", row)


def records(store: Store) -> dict[str, list[Any]]:
    """Everything that a rebuild leaves alone."""
    kept = set(tables.metadata.tables.values()) - {*tables.PROJECTION, tables.event, tables.chunk}
    with store.read() as db:
        return {
            table.name: [tuple(row) for row in db.execute(f"SELECT * FROM {table.name} ORDER BY 1")]
            for table in kept
        }


def test_every_table_is_accounted_for() -> None:
    """A table is part of the truth, of the graph, of what is exported, or passes: none is lost."""
    told = {kept.table: {*kept.columns} for kept in (*keeping.RECORDS, keeping.TOKEN)}
    others = {table.name for table in tables.PROJECTION} | {"event", "chunk", "lease", "plan"}
    columns = {
        name: {column.name for column in table.c}
        for name, table in tables.metadata.tables.items()
        if name not in others
    }

    assert told == columns


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    told=foreign_events(),
    recorded=st.booleans(),
    models=st.lists(st.tuples(WORD, WORD), max_size=4),
    lost=st.lists(WORD, max_size=3),
)
def test_there_and_back(
    told: list[Any],
    recorded: bool,
    models: list[tuple[str, str]],
    lost: list[str],
    tmp_path: Path,
) -> None:
    """A store that takes an export is that store: events, origins, chunks, graph and records."""
    one, two = Store.open("sqlite://"), Store.open("sqlite://")
    try:
        history = History()
        if recorded:
            train(history, ["01", "02"])
        one.record(told, origin="ingested")
        one.record(history.events, history.chunks)
        for name, recipe in models:
            more = {"run_id": "", "training_run_id": "", "digest": "", "body": {"é": recipe}}
            register(one, model=name.strip() or "m", recipe=recipe, **more)  # type: ignore[arg-type] # they are
        one.mark_lost(lost)
        path = written(one, tmp_path / "export.ndjson")
        restore(two, path)

        assert dump(two) == dump(one)
        assert records(two) == records(one)
        assert written(two, tmp_path / "again.ndjson").read_bytes() == path.read_bytes()
    finally:
        one.close()
        two.close()


def test_bytes_do_not_tell_how_events_came(store: Store, other: Store, tmp_path: Path) -> None:
    """An export is the same whatever the order of arrival, and after a rebuild."""
    history = History()
    train(history, ["01", "02", "03"])
    store.record(history.events, history.chunks)
    for one in reversed(history.events):
        other.record([one], history.chunks)
    other.rebuild()

    assert [*export.lines(other)] == [*export.lines(store)]


def test_many_at_one_time(store: Store) -> None:
    """However many events have the same time, each is written once, in the order of hashes."""
    store.record([event(run, "START", 1) for run in range(450)])
    hashes = [json.loads(line)["event"]["hash"] for line in [*export.lines(store)][1:-1]]

    assert hashes == sorted(set(hashes))
    assert len(hashes) == 450


def test_twice_is_once(store: Store, other: Store, tmp_path: Path) -> None:
    """Taking a file again changes nothing, and says so."""
    fill(store)
    path = written(store, tmp_path / "export.ndjson")
    first = restore(other, path)
    before = dump(other), records(other)
    again = restore(other, path)

    assert (again.stored, again.known) == (0, first.stored)
    assert (dump(other), records(other)) == before


def test_texts_are_kept_to_the_letter(store: Store, other: Store, tmp_path: Path) -> None:
    """The body of an event is what it was, white space, order and all."""
    [start] = History().task("step").events[:1]
    text = json.dumps(dict(reversed(start.items())), indent=3)
    store.record([start])
    with store.write() as db:
        db.execute("UPDATE event SET body = :body", {"body": text})
    restore(other, written(store, tmp_path / "export.ndjson"))

    assert [row[2] for row in dump(other)["event"]] == [text]


def test_tokens_go_if_asked_for(store: Store, other: Store, tmp_path: Path) -> None:
    """Tokens are written and taken only where both are asked to, and stay revoked."""
    fill(store)
    without = written(store, tmp_path / "without.ndjson")
    path = written(store, tmp_path / "with.ndjson", tokens=True)
    restore(other, without, tokens=True)
    restore(other, path)
    assert '"token"' not in without.read_text()
    assert records(other)["token"] == []
    restore(other, path, tokens=True)
    assert records(other)["token"] == [_TOKEN]
    with other.write() as db:
        db.execute("UPDATE token SET revoked_at = '2025'")
    restore(other, path, tokens=True)
    assert records(other)["token"][0][-1] == "2025"


def test_what_changes_in_time_stays(store: Store, other: Store, tmp_path: Path) -> None:
    """Stages, aliases and newer notes of a store are not put back by an older file."""
    fill(store)
    path = written(store, tmp_path / "export.ndjson")
    restore(other, path)
    with other.write() as db:
        db.execute("UPDATE model_version SET stage = 'Production' WHERE version = 2")
        db.execute("UPDATE alias SET version = 2")
    other.mark_present([digest("x")])
    before = records(other)
    restore(other, path)

    assert records(other) == before


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("UPDATE model_version SET recipe = 'z' WHERE version = 1", "model version m@1 is here"),
        ("UPDATE model_version SET version = 9 WHERE version = 2", "m@2 is here as model version"),
        ("UPDATE file SET digest = 'z'", "another digest"),
    ],
)
def test_conflicts(store: Store, other: Store, tmp_path: Path, change: str, says: str) -> None:
    """What was said once and for all otherwise is named, and nothing of the file is taken."""
    fill(store)
    restore(other, written(store, tmp_path / "before.ndjson"))
    with other.write() as db:
        db.execute(change)
    store.record(History(flow="more").task("step").events)
    before = dump(other), records(other)
    with pytest.raises(DataError, match=says):
        restore(other, written(store, tmp_path / "export.ndjson"))

    assert (dump(other), records(other)) == before


def _cut(text: str) -> str:
    return text[: len(text) // 2]


def _without_end(text: str) -> str:
    return "".join(text.splitlines(keepends=True)[:-1])


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_cut, "is not as an export has it"),
        (_without_end, "is cut short: it holds 1 model, 2 model_version"),
        (lambda text: text.replace("flights.train", "flights.brain", 1), "what its hash says"),
        (lambda text: text.replace('"recorded"', '"mine"', 1), "origin is recorded or ingested"),
        (lambda text: text.replace('{"alias"', '{"edge"', 1), "'edge' is no table"),
        (lambda text: text.replace('"name":"best",', "", 1), "mend 'name'"),
        (lambda text: text + '{"end":{}}\n', "goes on behind its end"),
        (lambda text: text.replace('"version":1', '"version":2', 1), "upgrade begat"),
        (lambda text: "", "is no export of a store"),
        (lambda text: '{"eventType": "START"}\n', "begat ingest"),
        (lambda text: text.replace("\n", "\n[1]\n", 1), "line 2 is not as an export has it"),
    ],
)
def test_spoiled_files(store: Store, other: Store, tmp_path: Path, spoil: Any, says: str) -> None:
    """A file that is not what was written is refused by line, and nothing of it is taken."""
    fill(store)
    path = written(store, tmp_path / "export.ndjson")
    path.write_text(spoil(path.read_text()))
    with pytest.raises(DataError, match=says):
        restore(other, path)

    assert dump(other)["event"] == []
    assert records(other)["model"] == []


def test_packed(store: Store, other: Store, tmp_path: Path) -> None:
    """A packed file is taken, and one that is cut is refused."""
    fill(store)
    path = written(store, tmp_path / "export.ndjson")
    packed = tmp_path / "export.gz"
    packed.write_bytes(gzip.compress(path.read_bytes())[:-9])
    with pytest.raises(DataError, match="cut short"):
        restore(other, packed)
    packed.write_bytes(gzip.compress(path.read_bytes()))
    restore(other, packed)

    assert dump(other) == dump(store)
