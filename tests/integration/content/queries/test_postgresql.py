"""Queries of a real PostgreSQL database."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from pyarrow import parquet

from begat.lineage import Query, query
from begat.lineage.content import MemoryStore, queries
from begat.lineage.content.queries.database import reading
from begat.lineage.errors import DataError
from begat.lineage.records import DatasetVersion
from begat.lineage.workspace import workspace
from support.postgres import PASSWORD, Server

COLUMNS = {
    "flag": ("boolean", "true", True),
    "small": ("smallint", "-3", -3),
    "big": ("bigint", "9223372036854775807", 2**63 - 1),
    "narrow": ("real", "0.1", 0.10000000149011612),
    "wide": ("double precision", "'-Infinity'", float("-inf")),
    "price": ("numeric(10,2)", "12345678.90", Decimal("12345678.90")),
    "share": ("numeric", "0.333333333333333333", Decimal("0.333333333333333333")),
    "long": ("numeric(50,5)", "1e40", Decimal("1e40")),
    "day": ("date", "'0001-01-02'", dt.date(1, 1, 2)),
    "clock": ("time", "'12:30:00.000001'", dt.time(12, 30, 0, 1)),
    "at": (
        "timestamp",
        "'9999-12-31 23:59:59.999999'",
        dt.datetime(9999, 12, 31, 23, 59, 59, 999999),
    ),
    "seen": (
        "timestamptz",
        "'2013-07-01 12:00+02'",
        dt.datetime(2013, 7, 1, 10, tzinfo=dt.UTC),
    ),
    "word": ("text", "'ä 100% :x'", "ä 100% :x"),
    "code": ("char(3)", "'ab'", "ab "),
    "id": (
        "uuid",
        "'6F9619FF-8B86-D011-B42D-00C04FC964FF'",
        "6f9619ff-8b86-d011-b42d-00c04fc964ff",
    ),
    "bytes": ("bytea", r"'\x00ff'", b"\x00\xff"),
    "mood": ("mood", "'sad'", "sad"),
}


@pytest.fixture
def url(postgres: Server) -> Iterator[str]:
    """A database of its own."""
    with postgres.database() as found:
        yield found


def run(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def ask(url: str, sql: str, **how: object) -> list[DatasetVersion]:
    asked = Query(url=url, sql=sql, **{"name": "x", **how})  # type: ignore[arg-type]  # as given
    return list(queries.snapshot(asked, workspace().artifacts, folder=Path("/")).versions)


def test_types(url: str) -> None:
    """Each type that Parquet has comes back exactly, in any session's zone, and so does NULL."""
    names = ", ".join(f'"{name}" {kind}' for name, (kind, _, _) in COLUMNS.items())
    values = ", ".join(text for _, text, _ in COLUMNS.values())
    nulls = ", ".join("NULL" for _ in COLUMNS)
    run(
        url,
        "CREATE TYPE mood AS ENUM ('sad', 'glad')",
        f"CREATE TABLE things ({names})",
        f"INSERT INTO things VALUES ({values}), ({nulls})",
    )
    [version] = ask(url, "SELECT * FROM things")
    run(
        url,
        f"ALTER DATABASE {url.partition('?')[0].rpartition('/')[2]} SET timezone = 'Asia/Tokyo'",
    )
    found = parquet.read_table(io.BytesIO(workspace().artifacts.read(version.digest)))

    assert found.to_pylist() == [
        {name: value for name, (_, _, value) in COLUMNS.items()},
        dict.fromkeys(COLUMNS),
    ]
    assert ask(url, "SELECT * FROM things") == [version]


def test_types_are_of_the_columns(url: str) -> None:
    """A column of nothing but NULL has its type, so no other value can change it elsewhere."""
    run(url, "CREATE TABLE t (k int, n numeric(5,1))", "INSERT INTO t VALUES (1, NULL), (2, NULL)")
    before = ask(url, "SELECT * FROM t", partition_by="k")
    run(url, "UPDATE t SET n = 2.5 WHERE k = 2")
    after = ask(url, "SELECT * FROM t", partition_by="k")

    assert before[0] == after[0]
    assert before[1] != after[1]


def test_order_of_zeros(url: str) -> None:
    """Rows that differ by nothing but the sign of a zero have an order, too."""
    one = ask(url, "SELECT '-0'::float8 AS x UNION ALL SELECT 0::float8")
    other = ask(url, "SELECT 0::float8 AS x UNION ALL SELECT '-0'::float8")

    assert [part.digest for part in one] == [part.digest for part in other]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT '1 day'::interval AS x", r"'x' of the query is of PostgreSQL's type interval"),
        ("SELECT '[1]'::jsonb AS x", r"'x' of the query is of PostgreSQL's type jsonb"),
        ("SELECT ARRAY[1] AS x", r"'x' of the query is of PostgreSQL's type int4\[\]"),
        ("SELECT 'NaN'::numeric AS x", r"'x' of the query holds a decimal that 38 digits, 18 of"),
        ("SELECT 1e-19::numeric AS x", r"'x' of the query holds a decimal that 38 digits, 18 of"),
        ("SELECT 'infinity'::date AS x", "mend the query or its url"),
        ("SELECT * FROM nowhere", 'relation "nowhere" does not exist; mend the query'),
        ("CREATE TABLE y (a int)", "mend the query"),
        ("SELECT nextval('numbers')", "read-only transaction"),
    ],
)
def test_refused(url: str, sql: str, message: str) -> None:
    """What Parquet cannot say exactly, and what would change the database, is refused by name."""
    run(url, "CREATE SEQUENCE numbers")

    with pytest.raises(DataError, match=message) as caught:
        ask(url, sql)
    assert "\n" not in str(caught.value)


def test_names(url: str, postgres: Server) -> None:
    """A table is called as OpenLineage calls it, whether its schema is said or not."""
    database = url.partition("?")[0].rpartition("/")[2]
    run(url, "CREATE SCHEMA lake", "CREATE TABLE lake.rides (a int)", "CREATE TABLE rides (a int)")
    run(url, "INSERT INTO rides VALUES (1)", "INSERT INTO lake.rides VALUES (1)")
    [own] = ask(url, "SELECT * FROM rides", name="")
    [other] = ask(url, "SELECT * FROM lake.rides", name="")

    assert (own.namespace, own.name) == ("postgres://localhost:5432", f"{database}.public.rides")
    assert other.name == f"{database}.lake.rides"
    # The address that it was given names the server, not the socket behind it.
    with reading(f"{url}&connect_timeout=5", folder=Path("/")) as found:
        assert found.dataset(Query(url=url, sql="SELECT 1", name="a/b")).name == "a/b"


def test_one_instant(url: str) -> None:
    """Queries of one pipeline see one instant, whatever is written between them."""
    run(url, "CREATE TABLE t (a int)", "INSERT INTO t VALUES (1)")
    asked = Query(url=url, sql="SELECT * FROM t")

    class Writing(MemoryStore):
        """Somebody writes as soon as the first answer is kept."""

        def write(self, data: bytes | Path) -> str:
            run(url, "INSERT INTO t VALUES (2)")
            return super().write(data)

    found = queries.snapshots({"one": asked, "two": asked}, Writing(), folder=Path("/"))

    assert found["one"] == found["two"]
    assert ask(url, "SELECT * FROM t")[0].rows == 3


def test_wrong_password(postgres: Server) -> None:
    """A server that does not let one in is told of without the password."""
    with pytest.raises(DataError, match="password authentication failed") as caught:
        query(
            f"postgresql://someone:wrong-one@/begat?host={postgres.folder}",
            "SELECT 1 AS a",
            name="x",
        )

    assert "wrong-one" not in str(caught.value)


def test_password_is_not_kept(postgres: Server, home: Path) -> None:
    """A password that the url needs is nowhere in what is kept of the answer."""
    found = query(
        f"postgresql://someone:{quote(PASSWORD, safe='')}@/begat?host={postgres.folder}",
        "SELECT 1 AS a",
        name="ones",
    )

    assert isinstance(found, DatasetVersion)
    assert not any(secret in repr(found) for secret in (PASSWORD, quote(PASSWORD, safe="")))
    assert kept_with(home, PASSWORD) == []


def kept_with(home: Path, secret: str) -> list[Path]:
    """Files of the home that hold a secret."""
    forms = {secret.encode(), quote(secret, safe="").encode()}
    return [
        path
        for path in home.rglob("*")
        if path.is_file() and any(form in path.read_bytes() for form in forms)
    ]
