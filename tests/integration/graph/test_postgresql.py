"""What a store on PostgreSQL does that no other does: servers, roles, statements, schemas."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from urllib.parse import quote

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from begat.lineage.errors import StoreError
from begat.lineage.graph import sql
from begat.lineage.graph.dump import dump
from begat.lineage.graph.store import Store
from begat.lineage.graph.tables import metadata
from begat.lineage.registry.versions import register
from support.history import History, digest, train
from support.migrations import downgrade, migrated
from support.postgres import PASSWORD, Server

STOPS = [signal.SIGINT, signal.SIGQUIT]


@pytest.fixture
def url(postgres: Server) -> Iterator[str]:
    """A store in which nothing is."""
    with postgres.store() as found:
        yield found


def runs(url: str) -> set[str]:
    """Ids of the runs of a store."""
    with closing(Store.open(url)) as store:
        return {row[0] for row in dump(store)["run"]}


# The server goes away


@pytest.mark.parametrize("stop", STOPS)
def test_restarted_between_calls(
    store: Store, history: History, postgres: Server, stop: signal.Signals
) -> None:
    """A server that was restarted, or crashed, while nothing was asked of it is not noticed."""
    first, second = history.task("step"), history.task("step")
    store.record(first.events)
    postgres.restart(stop)
    store.record(second.events)
    postgres.restart(stop)
    answers = store.answers([digest("unknown")])
    postgres.restart(stop)

    assert answers == {}
    assert {row[0] for row in dump(store)["run"]} == {first.run_id, second.run_id}


@pytest.mark.parametrize("stop", STOPS)
def test_restarted_inside_a_transaction(
    store: Store, postgres: Server, stop: signal.Signals
) -> None:
    """What had been written when the server went away is not kept, and its writer is told."""

    def half() -> None:
        with store.write() as db:
            db.execute("INSERT INTO plan VALUES ('key', '{}', '')")
            postgres.restart(stop)

    with pytest.raises(StoreError, match="check that the server runs"):
        half()

    with store.read() as db:
        assert db.execute("SELECT * FROM plan").fetchall() == []


def test_restarted_under_load(url: str, postgres: Server) -> None:
    """Whenever the server goes away, what was acknowledged is there; the rest can be said again."""
    history = History()
    events = [history.task("step") for _ in range(200)]
    acknowledged: list[str] = []
    refused: list[StoreError] = []
    more = threading.Semaphore(0)

    def work() -> None:
        with closing(Store.open(url)) as store:
            for run in events:
                try:
                    store.record(run.events)
                except StoreError as error:
                    refused.append(error)
                else:
                    acknowledged.append(run.run_id)
                more.release()

    thread = threading.Thread(target=work)
    thread.start()
    for stop in (*STOPS, *STOPS):
        for _ in range(20):
            more.acquire()
        postgres.restart(stop)
    thread.join()
    kept = runs(url)
    with closing(Store.open(url)) as store:
        store.record(history.events)

    assert set(acknowledged) <= kept
    assert len(acknowledged) + len(refused) == len(events)
    assert runs(url) == {run.run_id for run in events}


def test_absent_server(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A server that does not run is told in one line, without the password."""
    for where in ("127.0.0.1:1/db", f"/db?host={postgres.folder}/nowhere"):
        with pytest.raises(StoreError, match=r"BEGAT_STORE names$") as caught:
            Store.open(f"postgresql://someone:sesame@{where}")

        assert "sesame" not in str(caught.value)
        assert "\n" not in str(caught.value)


# Who may do what


def test_wrong_password(postgres: Server) -> None:
    """A password that is refused is not shown."""
    with pytest.raises(StoreError, match=r"password authentication failed .*BEGAT_STORE") as caught:
        Store.open(postgres.url("begat", "someone:sesame"))

    assert "sesame" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("url", ["postgresql://a:ses%zzame@h/db", "postgresql://a:sesame@h:x/db?p"])
def test_unreadable_url(url: str) -> None:
    """What libpq says of a URL that it cannot read may quote a password, and is not shown."""
    with pytest.raises(StoreError, match="%-escapes") as caught:
        Store.open(url)

    assert "ses" not in str(caught.value)


@pytest.fixture
def someone(postgres: Server) -> Iterator[str]:
    """The name and password of a role that may do nothing yet."""
    yield f"someone:{quote(PASSWORD, safe='')}"
    postgres.execute("DROP OWNED BY someone", "begat")


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg"])
def test_reading_role(
    store: Store, history: History, postgres: Server, someone: str, scheme: str
) -> None:
    """A role that may read does; what it may not write is told in one line."""
    history.task("step")
    store.record(history.events)
    postgres.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO someone", "begat")
    url = postgres.url("begat", someone).replace("postgresql", scheme, 1)
    with closing(Store.open(url)) as reader:
        assert dump(reader) == dump(store)
        with pytest.raises(StoreError, match=r"^[^\n]*permission denied[^\n]*grant it") as caught:
            reader.record(history.events)

    assert quote(PASSWORD, safe="") not in str(caught.value)


def test_recording_role(store: Store, history: History, postgres: Server, someone: str) -> None:
    """A role that may write events, and no model versions, records and does not register."""
    public = "IN SCHEMA public TO someone"
    for rights in (
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES {public}",
        f"GRANT USAGE ON ALL SEQUENCES {public}",
        "REVOKE INSERT, UPDATE, DELETE ON model, model_version, alias, token FROM someone",
    ):
        postgres.execute(rights, "begat")
    train(history, ["01", "02"])
    given = {"run_id": "a", "training_run_id": "b", "digest": "", "body": {}}
    with closing(Store.open(postgres.url("begat", someone))) as recorder:
        recorder.record(history.events, history.chunks)
        with pytest.raises(StoreError, match=r"permission denied for table model"):
            register(recorder, model="m", recipe="r", **given)

    assert len(dump(store)["event"]) == len(history.events)
    assert register(store, model="m", recipe="r", **given).version == 1


def test_no_such_database(postgres: Server) -> None:
    """A database that is not there is told by its name."""
    with pytest.raises(StoreError, match='database "nowhere" does not exist'):
        Store.open(postgres.url("nowhere"))


def test_database_of_something_else(postgres: Server) -> None:
    """Another program's database is refused and left as it was."""
    with postgres.database() as url:
        name = url.partition("@/")[2].partition("?")[0]
        postgres.execute("CREATE TABLE theirs (id INTEGER)", name)
        with pytest.raises(StoreError, match="something else than begat"):
            Store.open(url)
        tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"

        assert postgres.execute(tables, name) == [("theirs",)]


def test_other_encoding(postgres: Server) -> None:
    """A database that cannot keep every text is refused."""
    with (
        postgres.database("ENCODING 'LATIN1' TEMPLATE template0") as url,
        pytest.raises(StoreError, match="keeps text as LATIN1"),
    ):
        Store.open(url)


def test_newer_store_is_refused(postgres: Server) -> None:
    """A store that a newer begat made is refused, not guessed at."""
    with postgres.database() as url:
        with closing(Store.open(url)) as store, store.write() as db:
            db.execute("UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(StoreError, match=r"revision 9999.*upgrade begat"):
            Store.open(url)


# Waiting


def test_busy(url: str, history: History) -> None:
    """A store that another connection keeps writing to is a StoreError after the timeout."""
    history.task("step")
    with closing(Store.open(url)) as first, closing(Store.open(url, timeout=0.05)) as second:
        with first.write(), pytest.raises(StoreError, match="another process is writing"):
            second.record(history.events)
        second.record(history.events)


def test_slow_statement(url: str) -> None:
    """A statement that takes longer than the timeout is a StoreError, unless it was foreseen."""
    slow = "SELECT pg_sleep(0.2)"

    def write(store: Store, *, patient: bool) -> None:
        with store.write(patient=patient) as db:
            db.execute(slow)

    with closing(Store.open(url, timeout=0.05)) as store:
        with pytest.raises(StoreError, match="took too long"):
            write(store, patient=False)
        write(store, patient=True)
        with store.read() as db:
            db.execute(slow)


def test_one_state(url: str, history: History) -> None:
    """A block that reads sees one state, whatever is written meanwhile; and may not write."""
    history.task("step")
    count = "SELECT COUNT(*) FROM event"
    with closing(Store.open(url)) as reader, closing(Store.open(url)) as writer:
        with reader.read() as db:
            before = db.execute(count).fetchone()[0]
            writer.record(history.events)
            after = db.execute(count).fetchone()[0]
        with reader.read() as db:
            later = db.execute(count).fetchone()[0]

        with pytest.raises(StoreError, match="read-only transaction"), reader.read() as db:
            db.execute("DELETE FROM event")

    assert (before, after, later) == (0, 0, 2)


def test_failed_statement_is_not_passed_over(store: Store) -> None:
    """A block that swallows an error of a statement keeps nothing, and is told so."""

    def block() -> None:
        with store.write() as db:
            db.execute("INSERT INTO plan VALUES ('key', '{}', '')")
            with suppress(psycopg.Error):
                db.execute("SELECT 1 / 0")

    with pytest.raises(StoreError, match="kept nothing"):
        block()


def test_every_error_is_a_store_error(store: Store) -> None:
    """No kind of error of psycopg leaves the store untranslated."""
    kinds = [
        kind
        for kind in vars(psycopg).values()
        if isinstance(kind, type) and issubclass(kind, psycopg.Error)
    ]
    for kind in kinds:
        with pytest.raises(StoreError), store.read():
            raise kind("…")

    assert psycopg.OperationalError in kinds


# Statements and rows


def test_every_statement_runs(store: Store) -> None:
    """Every kept statement is SQL that PostgreSQL accepts on the kept schema."""
    with store.write() as db:
        for statement in sql.statements().values():
            names = re.findall(r":(\w+)", statement)
            db.execute(f"EXPLAIN {statement}", dict.fromkeys(names))

    assert len(sql.statements()) > 20


def test_rows(store: Store) -> None:
    """A row is read by position, by name, as a tuple and as a dict."""
    with store.read() as db:
        [row] = db.execute("SELECT 1 AS a, ':a 100%' AS b, 2 AS a")

    assert (row[0], row["a"], row["b"], row[-1], row[1:]) == (1, 1, ":a 100%", 2, (":a 100%", 2))
    assert [*row] == [1, ":a 100%", 2]
    assert list(row.keys()) == ["a", "b"]
    assert dict(row) == {"a": 1, "b": ":a 100%"}


def test_imports(url: str) -> None:
    """Opening a store, recording and asking imports neither SQLAlchemy nor Alembic."""
    code = f"""
import sys
from begat.lineage.graph.store import Store
store = Store.open({url!r})
store.record([])
store.answers(["x"])
store.close()
print(sorted({{"sqlalchemy", "alembic", "pandas", "prefect"}} & set(sys.modules)))
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


# The schema


_COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable, column_default, collation_name
FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2
"""
_INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"
_SEQUENCES = "SELECT sequencename, data_type FROM pg_sequences ORDER BY 1"


def described(store: Store) -> list[object]:
    """Columns, indexes, sequences and revision of a store, however its DDL is written."""
    with store.read() as db:
        return [
            [tuple(row) for row in db.execute(query)]
            for query in (_COLUMNS, _INDEXES, _SEQUENCES, "SELECT * FROM alembic_version")
        ]


def test_down_and_up_with_data(postgres: Server, history: History) -> None:
    """Taken back to the first revision and opened again, a store keeps its events, and is whole."""
    with postgres.database() as url:
        with closing(Store.open(url)) as store:
            train(history, ["01", "02"])
            store.record(history.events, history.chunks)
            before, schema = dump(store), described(store)
            downgrade(store, sql.revisions()[0])
            with store.read() as db:
                tables = {name for (name,) in db.execute("SELECT tablename FROM pg_tables")}
        with closing(Store.open(url)) as store:
            assert dump(store) == before
            assert described(store) == schema

    assert {"event", "model_version"} & tables == {"event"}


def test_migrated_schema_is_the_tables(postgres: Server) -> None:
    """All migrations one after another make what the tables describe, and the kept DDL makes."""
    differences: list[object] = []
    with postgres.database() as url, closing(Store.open(url)) as store:
        kept = described(store)
        migrated(
            store,
            lambda connection: differences.extend(
                compare_metadata(MigrationContext.configure(connection), metadata)
            ),
        )
        downgrade(store, sql.revisions()[0])
        with closing(Store.open(url)) as again:
            assert described(again) == kept

    assert differences == []


def test_down_to_nothing(postgres: Server) -> None:
    """Every migration can be taken back."""
    with postgres.database() as url, closing(Store.open(url)) as store:
        downgrade(store, "base")
        with store.read() as db:
            left = db.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")

            assert [name for (name,) in left] == ["alembic_version"]
