"""A whole store is checked: every kind of damage is told by name, and soundness is said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from begat.lineage.graph.dump import dump
from begat.lineage.graph.store import Store
from begat.lineage.graph.tables import PROJECTION
from begat.lineage.verify.report import Report
from begat.lineage.verify.whole import check
from support.foreign import dataset, dataset_event, event, facet, job_event
from support.history import History, train


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store in which every table of the graph has rows."""
    opened = Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    history = History()
    train(history, ["01", "02", "03"])
    opened.record(history.events, history.chunks)
    names = facet(identifiers=[{"namespace": "s3://lake", "name": "customers", "type": "TABLE"}])
    written = dataset(3, lineage=facet(inputs=[]))
    tags = {"tags": facet(tags=[{"key": "a", "value": "b"}])}
    packages = {"begat_packages": {"digest": "p", "distributions": {"numpy": "2.0"}}}
    told = [
        dataset_event(1, dataset(0, version="v1", symlinks=names)),
        job_event(2, inputs=[dataset(0)]),
        event(1, "COMPLETE", 3, inputs=[dataset(0)], outputs=[written], facets=tags | packages),
    ]
    opened.record(told, origin="ingested")
    yield opened
    opened.close()


def spoil(store: Store, sql: str) -> None:
    """Change something behind everybody's back."""
    with store.write() as db:
        assert db.execute(sql).rowcount != 0


def said(report: Report) -> list[tuple[str, str, str]]:
    """Kind, state and name of everything that was found."""
    return [(one.kind, one.state, one.name) for one in report.findings]


def test_sound(store: Store) -> None:
    """A store is sound after events of all kinds, and after a rebuild; nothing is changed."""
    before = dump(store)
    told: list[tuple[str, int, int]] = []
    report = check(store, progress=lambda *one: told.append(one))
    store.rebuild()

    assert (said(report), said(check(store))) == ([], [])
    assert report.counts.events == len(before["event"])
    assert report.counts.chunks == len(before["chunk"])
    assert told[-1][0] == "tables"
    assert told[-1][1] == told[-1][2]
    assert dump(store) == before


@pytest.mark.parametrize("table", [table.name for table in PROJECTION if table.name != "trait"])
def test_missing_rows(store: Store, table: str) -> None:
    """Whichever table of the graph has lost its rows is named, and a rebuild brings them back."""
    before = dump(store)
    assert before[table], "this history does not fill it"
    spoil(store, f"DELETE FROM {table}")
    report = check(store)
    store.rebuild()

    assert ("graph", "missing") in {(one.kind, one.state) for one in report.findings}
    assert any(one.name.endswith(f"of {table}") for one in report.findings)
    assert said(check(store)) == []
    assert dump(store) == before


def test_other_rows(store: Store) -> None:
    """A changed row is named with its columns, one that nothing says as unfounded."""
    spoil(store, "UPDATE run SET state = 'FAIL' WHERE state = 'COMPLETE'")
    spoil(store, "INSERT INTO dataset (namespace, name) VALUES ('nowhere', 'nothing')")
    spoil(store, "INSERT INTO edge (child, parent) VALUES (40001, 40000)")
    findings = {one.name: one for one in check(store).findings}

    assert findings["1 row of dataset"].says.endswith("no stored event says them: nowhere nothing")
    assert findings["1 row of edge"].state == "unfounded"
    [runs] = [one for name, one in findings.items() if name.endswith("rows of run")]
    assert (runs.state, "(state)" in runs.says, " more" in runs.says) == ("changed", True, True)


def test_events_and_chunks(store: Store) -> None:
    """An event or a chunk that is not what its hash says is named, and so is one that is gone."""
    spoil(store, "UPDATE event SET body = replace(body, 'jobs', 'jabs') WHERE type = 'JOB'")
    spoil(store, "UPDATE event SET origin = 'mine' WHERE type = 'DATASET'")
    spoil(store, "DELETE FROM chunk WHERE digest = (SELECT MIN(digest) FROM chunk)")
    spoil(store, "UPDATE chunk SET body = '{}' WHERE digest = (SELECT MAX(digest) FROM chunk)")
    found = [(kind, state) for kind, state, _ in said(check(store))]

    assert found.count(("event", "changed")) == 2
    assert ("chunk", "changed") in found
    assert ("chunk", "missing") in found


def test_damaged_file(store: Store, tmp_path: Path) -> None:
    """What the database itself finds wrong with its file is told first, and alone."""
    spoil(store, "CREATE TABLE other (a TEXT)")
    spoil(store, "INSERT INTO other VALUES ('x')")
    with store.write() as db:
        db.execute("CREATE INDEX ix_other ON other (a)")
        db.execute("PRAGMA writable_schema = ON")
        db.execute(
            "UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master "
            "WHERE name = 'ix_event_run_id') WHERE name = 'ix_other'"
        )
    store.close()
    again = Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    report = check(again)
    again.close()

    assert {kind for kind, _, _ in said(report)} == {"database"}
    assert report.findings[0].recovery is not None
