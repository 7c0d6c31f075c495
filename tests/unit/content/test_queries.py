"""Queries of SQLite databases as versions of datasets."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy

from begat.lineage import DatasetVersion, plain, query
from begat.lineage.content import MemoryStore, queries
from begat.lineage.content.queries import Query
from begat.lineage.content.queries.database import _said
from begat.lineage.errors import DataError, PipelineError
from begat.lineage.records import Snapshot
from support.recorder import Recorder

RIDES = "CREATE TABLE rides (month TEXT, plane INTEGER, delay REAL, note TEXT, raw BLOB)"
ROWS = [
    ("2013-01", 1, 1.5, "a", b"\0\xff"),
    ("2013-01", 2, None, "b", None),
    ("2013-02", 1, 0.5, None, b""),
    ("2013-02", 1, 0.0, None, b""),
]


@pytest.fixture
def change(tmp_path: Path) -> Callable[..., None]:
    """Run statements in the database `lake.db`."""

    def run(*statements: str) -> None:
        with closing(sqlite3.connect(tmp_path / "lake.db")) as database:
            for statement in statements:
                database.execute(statement)
            database.commit()

    return run


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def ask(tmp_path: Path, store: MemoryStore) -> Callable[..., Snapshot]:
    """The answer to a query now."""

    def run(sql: str = "SELECT * FROM rides", **how: Any) -> Snapshot:
        query = Query(url="sqlite:///lake.db", sql=sql, **how)
        return queries.snapshot(query, store, folder=tmp_path)

    return run


def fill(path: Path, rows: list[tuple[Any, ...]]) -> None:
    with closing(sqlite3.connect(path / "lake.db")) as database:
        database.execute(RIDES)
        database.executemany("INSERT INTO rides VALUES (?, ?, ?, ?, ?)", rows)
        database.commit()


@pytest.fixture
def rides(tmp_path: Path) -> None:
    fill(tmp_path, ROWS)


def table(store: MemoryStore, digest: str) -> pd.DataFrame:
    return pd.read_parquet(io.BytesIO(store.read(digest)))


@pytest.mark.usefixtures("rides")
def test_values(ask: Callable[..., Snapshot], store: MemoryStore) -> None:
    """Numbers, texts, bytes and NULLs come back as the database has them, with their query."""
    first = ask(partition_by="month").versions[0]
    found = table(store, first.digest)

    assert (first.partition, first.rows, first.format, first.kind) == (
        "month=2013-01",
        2,
        "parquet",
        "TABLE",
    )
    assert first.query == "SELECT * FROM rides"
    assert list(found["plane"]) == [1, 2]
    assert found["delay"].isna().tolist() == [False, True]
    assert list(found["raw"]) == [b"\0\xff", None]
    assert list(found.columns) == ["month", "plane", "delay", "note", "raw"]


def test_order_of_rows(
    tmp_path: Path, ask: Callable[..., Snapshot], change: Callable[..., None]
) -> None:
    """The same rows in whatever order are the same version."""
    fill(tmp_path, ROWS)
    before = ask(partition_by="month")
    change("DROP TABLE rides")
    fill(tmp_path, ROWS[::-1])

    assert ask(partition_by="month") == before
    assert ask("SELECT * FROM rides ORDER BY delay", name="rides", partition_by="month") == before


@pytest.mark.usefixtures("rides")
def test_one_changed_row(ask: Callable[..., Snapshot], change: Callable[..., None]) -> None:
    """A changed row changes the version of its partition only, an added one adds its own."""
    before = ask(partition_by="month")
    change("UPDATE rides SET delay = 2.5 WHERE plane = 2")
    changed = ask(partition_by="month")
    change("INSERT INTO rides VALUES ('2012-12', 1, 9.0, 'c', NULL)")
    added = ask(partition_by="month")

    assert before.versions[0] != changed.versions[0]
    assert before.versions[1] == changed.versions[1]
    assert [v.partition for v in added.versions] == [
        "month=2012-12",
        "month=2013-01",
        "month=2013-02",
    ]
    assert added.versions[1:] == changed.versions


@pytest.mark.usefixtures("rides")
def test_names(tmp_path: Path, ask: Callable[..., Snapshot]) -> None:
    """A whole table is called after itself, in the database's namespace; else as the user says."""
    whole = ask('select * from "rides" ;').dataset

    assert (whole.namespace, whole.name) == (f"sqlite://{tmp_path}/lake.db", "rides")
    assert ask("SELECT plane FROM rides", name="lake/planes").dataset.name == "lake/planes"


@pytest.mark.usefixtures("rides")
def test_whole_and_broken_numbers(ask: Callable[..., Snapshot], store: MemoryStore) -> None:
    """A column of whole and broken numbers is of floating point ones, if all of them can be."""
    [mixed] = ask("SELECT 1 AS x UNION ALL SELECT 2.5", name="x").versions

    assert list(table(store, mixed.digest)["x"]) == [1.0, 2.5]
    with pytest.raises(DataError, match=r"'x' of the query holds 9007199254740993, which no float"):
        ask("SELECT 9007199254740993 AS x UNION ALL SELECT 2.5", name="x")


@pytest.mark.usefixtures("rides")
def test_nothing_but_null(ask: Callable[..., Snapshot], store: MemoryStore) -> None:
    """A column without any value is kept as one."""
    [version] = ask("SELECT plane, NULL AS x FROM rides", name="x").versions

    assert table(store, version.digest)["x"].isna().all()


@pytest.mark.usefixtures("rides")
@pytest.mark.parametrize(
    ("sql", "how", "message"),
    [
        ("SELECT * FROM rides WHERE plane = 9", {}, "has no rows; mend it or add the data"),
        ("SELECT plane, plane FROM rides", {}, "has the column 'plane' twice"),
        ("SELECT 1 AS x UNION ALL SELECT 'a'", {}, "'x' of the query holds int and str values"),
        ("SELECT * FROM trains", {}, "no such table: trains; mend the query or its url"),
        ("SELECT plane FROM rides", {"partition_by": "month"}, "names 'month', and the query has"),
        ("SELECT * FROM rides", {"partition_by": "note"}, "'note', which is NULL in 2 rows"),
        ("SELECT * FROM rides", {"partition_by": "raw"}, "'raw', which holds large_binary values"),
        ("SELECT 'a/b' AS k", {"partition_by": "k"}, "'k', which has the value 'a/b'"),
        ("SELECT '..' AS k", {"partition_by": "k"}, "'k', which has the value '..'"),
        ("DELETE FROM rides", {}, "attempt to write a readonly database"),
        ("PRAGMA query_only = OFF", {}, "the query answers no rows"),
        ("SELECT 1; SELECT 2", {}, "one statement at a time"),
    ],
)
def test_refused(ask: Callable[..., Snapshot], sql: str, how: dict[str, Any], message: str) -> None:
    """What cannot be kept exactly, or is no data, is refused in one line that says what to do."""
    with pytest.raises(DataError, match=message) as caught:
        ask(sql, name="x", **how)

    assert "\n" not in str(caught.value)
    assert ask().versions[0].rows == 4


def test_no_database(tmp_path: Path, ask: Callable[..., Snapshot]) -> None:
    """A database that is not there is named, and not made."""
    with pytest.raises(DataError, match=r"there is no SQLite database .*lake\.db; mend"):
        ask()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(DataError, match="in memory finds nothing"):
        queries.snapshot(
            Query(url="sqlite://", sql="SELECT * FROM x"), MemoryStore(), folder=tmp_path
        )
    with pytest.raises(DataError, match=r"foo://… of a query is none that SQLAlchemy can read"):
        queries.snapshot(
            Query(url="foo://:x@y:z", sql="SELECT * FROM x"), MemoryStore(), folder=tmp_path
        )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"url": "lake.db"}, "names a database, such as"),
        ({"sql": " "}, "is one SELECT; got ' '"),
        ({"sql": "SELECT a FROM t"}, r"SELECT a FROM t is more than a whole table .* give name="),
        ({"name": "a[b]"}, "letters, digits, spaces"),
        ({"partition_by": ["a", "b c"]}, "named as Python names are"),
    ],
)
def test_malformed(given: dict[str, Any], message: str) -> None:
    """A query that cannot be meant is refused where it is written."""
    with pytest.raises(PipelineError, match=message):
        Query(**{"url": "sqlite:///x.db", "sql": "SELECT * FROM t", **given})


def test_password_is_not_shown() -> None:
    """What shows a query shows no password."""
    query = Query(url="postgresql://me:secret@host/db", sql="SELECT * FROM t")

    assert "secret" not in f"{query!r} {query}"


@pytest.mark.usefixtures("rides")
def test_lookup_with_partitions(tmp_path: Path, store: MemoryStore) -> None:
    """What has partitions is no single version."""
    query = Query(url="sqlite:///lake.db", sql="SELECT * FROM rides", partition_by="month")

    with pytest.raises(DataError, match="rides has partitions; leave partition_by out"):
        queries.version(query, store, folder=tmp_path)


@pytest.mark.usefixtures("rides")
def test_several_keys(ask: Callable[..., Snapshot]) -> None:
    """Several columns make one partition key, in the order that they are given in."""
    found = ask(partition_by=["month", "plane"])

    assert [version.partition for version in found.versions] == [
        "month=2013-01/plane=1",
        "month=2013-01/plane=2",
        "month=2013-02/plane=1",
    ]


@pytest.mark.usefixtures("rides")
def test_asked_inside_a_task(tmp_path: Path, recorder: Recorder) -> None:
    """A task that asks a database itself says so, is never reused, and its output is no answer."""

    @plain.task
    def ask_itself() -> DatasetVersion:
        found = query("sqlite:///lake.db", "SELECT * FROM rides", folder=tmp_path)
        assert isinstance(found, DatasetVersion)
        return found

    with plain.flow("asking"):
        made = ask_itself()
    event = recorder.of("asking.ask_itself", "COMPLETE")[0]

    assert event["job"]["facets"]["sql"]["query"] == "SELECT * FROM rides"
    assert event["run"]["facets"]["begat_recipe"]["reusable"] is False
    assert (made.query, made.producer) == ("", event["run"]["runId"])


def test_drivers_that_tell_too_much() -> None:
    """Of what a driver says the first line is told, without the password or a parameter that is."""
    url = sqlalchemy.make_url("postgresql+psycopg://me:se%2Fcret@host/db?sslpassword=key&user=me")
    said = _said(ValueError("no such thing: se/cret, key, me.\nDETAIL: more"), url)

    assert said == "no such thing: ***, ***, me"
