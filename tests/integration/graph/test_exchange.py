"""Two databases, one store: the same bytes out of both, and what is kept of them in order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from begat.lineage.graph import dump, export
from begat.lineage.graph.database import revision_of
from begat.lineage.graph.prune import prunable, prune
from begat.lineage.graph.restore import restore
from begat.lineage.graph.sql import revisions
from begat.lineage.graph.store import Store
from begat.lineage.registry.versions import register
from begat.lineage.verify.whole import check
from support.foreign import dataset, event, facet, foreign_events
from support.history import History, digest, train
from support.postgres import Server


@pytest.fixture
def there(postgres: Server) -> Iterator[Store]:
    """An empty store on PostgreSQL."""
    with postgres.store() as url, closing(Store.open(url, timeout=20)) as store:
        yield store


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Store]:
    """An empty store on SQLite."""
    with closing(Store.open(f"sqlite:///{tmp_path / 'store.db'}")) as store:
        yield store


def filled(store: Store) -> Store:
    """A store with a history and two model versions."""
    history = History()
    train(history, ["01", "02", "03"])
    store.record(history.events, history.chunks)
    for name in ("Äpfel", "apples"):
        register(
            store,
            model=name,
            recipe=digest(name),
            run_id="",
            training_run_id="",
            digest="",
            body={},
            registered_by="me",
        )
    store.mark_lost([digest("x")])
    return store


def written(store: Store, path: Path) -> Path:
    """A file with what a store holds."""
    path.write_text("".join(export.lines(store)), encoding="utf-8")
    return path


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=foreign_events(), odd=st.lists(st.text(st.characters(exclude_categories=["C"]))))
def test_same_bytes(told: list[Any], odd: list[str], postgres: Server) -> None:
    """The graph and the export of the same events are the same bytes on both databases."""
    for one, name in zip(told, odd, strict=False):
        if "job" in one:  # names in every order that languages know
            one["job"]["name"] += name
    with (
        postgres.store() as url,
        closing(Store.open(url, timeout=20)) as there,
        closing(Store.open("sqlite://")) as here,
    ):
        there.record(told, origin="ingested")
        here.record(told[::-1], origin="ingested")

        assert [*dump.lines(there)] == [*dump.lines(here)]
        assert [*export.lines(there)] == [*export.lines(here)]


def test_nothing_comes_first(there: Store, here: Store) -> None:
    """Rows that have nothing in a column stand before those that have something, on both."""
    source = {"namespace": "s3://lake", "name": "orders", "type": "DATASET"}
    told = [
        event(1, kind, minute, outputs=[dataset(3, lineage=facet(inputs=inputs))])
        for kind, minute, inputs in (("START", 1, []), ("COMPLETE", 2, [source]))
    ]
    for store in (there, here):
        store.record(told, origin="ingested")
    read = [row[3] for row in dump.dump(there)["derived"]]

    assert read == [None, "s3://lake"]
    assert [*dump.lines(there)] == [*dump.lines(here)]


def test_from_one_to_the_other_and_back(there: Store, here: Store, tmp_path: Path) -> None:
    """A store moves to the other database and back, and is what it was."""
    filled(here)
    one = written(here, tmp_path / "one")
    restore(there, one)
    two = written(there, tmp_path / "two")
    with closing(Store.open("sqlite://")) as back:
        restore(back, two)

        assert two.read_bytes() == one.read_bytes()
        assert [*dump.lines(back)] == [*dump.lines(there)] == [*dump.lines(here)]


def test_large_answers_come_in_parts(there: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL keeps the rows of a large answer until they are asked for; none is lost."""
    filled(there)
    expected = [*dump.lines(there)]
    monkeypatch.setattr("begat.lineage.graph.postgresql.STREAMED", 2)

    assert [*dump.lines(there)] == expected


def test_check_and_rebuild(there: Store) -> None:
    """A store on PostgreSQL is checked and rebuilt like any other."""
    filled(there)
    before = [*dump.lines(there)]
    assert check(there).sound
    with there.write() as db:
        db.execute("DELETE FROM output")
        db.execute("UPDATE run SET state = 'FAIL'")
    report = check(there)
    assert {one.state for one in report.findings} == {"missing", "changed"}
    there.rebuild()
    assert check(there).sound
    assert [*dump.lines(there)] == before


def test_prune_and_compact(there: Store) -> None:
    """What may go goes, tables are vacuumed, and the store is what it was."""
    filled(there)
    before = [*dump.lines(there)]
    with there.write() as db:
        db.execute("INSERT INTO plan (key, body, created_at) VALUES ('a', 'b', '2020')")
    assert prunable(there, days=30)["plan"] == prune(there, days=30)["plan"] == 1
    there.compact()
    assert there.size() > 100_000
    assert there.damage() == []
    assert [*dump.lines(there)] == before


def test_invalid_indexes(there: Store) -> None:
    """An index that was not made to the end is told."""
    with there.write() as db:
        db.execute(
            "UPDATE pg_index SET indisvalid = false "
            "WHERE indexrelid = CAST('ix_run_parent' AS regclass)"
        )
    try:
        [finding] = check(there).findings
    finally:
        with there.write() as db:
            db.execute("UPDATE pg_index SET indisvalid = true WHERE NOT indisvalid")

    assert (finding.kind, "ix_run_parent" in finding.says) == ("database", True)


def test_revisions(there: Store, postgres: Server, tmp_path: Path) -> None:
    """Which revision a database has is known without doing anything to it."""
    path = tmp_path / "none.db"
    with postgres.store() as url, postgres.database() as empty:
        assert revision_of(url, timeout=20) == revisions()[-1]
        assert revision_of(empty, timeout=20) == ""
    assert revision_of(f"sqlite:///{path}", timeout=1) == ""
    Store.open(f"sqlite:///{path}").close()
    assert revision_of(f"sqlite:///{path}", timeout=1) == revisions()[-1]
    assert json.dumps(revisions())
