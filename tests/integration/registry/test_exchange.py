"""The log and what follows from it, as a store leaves one database and comes to the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from begat.lineage.cli import _run
from begat.lineage.errors import DataError
from begat.lineage.graph import export
from begat.lineage.graph.restore import restore
from begat.lineage.records import ModelVersion
from begat.lineage.registry import aliases, audit, stages
from begat.lineage.workspace import Workspace, using
from support.acting import Registry, approve, produce, rollback, to
from support.history import History, train
from support.registered import ADA, BOB, add


@pytest.fixture
def other(request: pytest.FixtureRequest, registry: Registry, tmp_path: Path) -> Iterator[Registry]:
    """An empty registry on the other database, with the same artifacts."""
    if registry.url.startswith("postgresql"):
        made = Registry(f"sqlite:///{tmp_path / 'other.db'}")
        made.artifacts = registry.artifacts
        yield made
        return
    with request.getfixturevalue("postgres").store() as url:
        made = Registry(url)
        made.artifacts = registry.artifacts
        yield made


@pytest.fixture
def written(registry: Registry, tmp_path: Path) -> Callable[[str], Path]:
    """Writes what the registry's store holds to a file of that name."""

    def write(name: str) -> Path:
        path = tmp_path / name
        with registry.space() as space:
            path.write_text("".join(export.lines(space.store)), encoding="utf-8")
        return path

    return write


def begin(registry: Registry) -> ModelVersion:
    """Two versions, one in Production and one on its way there, which is returned."""
    with registry.space() as space:
        first, second = add(space), add(space)
        produce(space, first)
        for act in (to("Staging", second), approve(second)):
            act(space)
        aliases.put(space, first.ref, "champion", identity=ADA)
        aliases.put(space, first.ref, "blue", identity=ADA)
    return second


def go_on(registry: Registry, second: ModelVersion) -> None:
    """The second one takes over, a third is taken back, and names move."""
    with registry.space() as space:
        to("Production", second)(space)
        third = add(space)
        produce(space, third)
        rollback(space)
        aliases.put(space, third.ref, "champion", identity=ADA)
        aliases.remove(space, "delays", "blue", identity=ADA)


def take(registry: Registry, path: Path) -> None:
    """Import a file."""
    with registry.space() as space:
        restore(space.store, path)


def test_into_an_empty_store(
    registry: Registry, other: Registry, written: Callable[[str], Path]
) -> None:
    """Log, stages and aliases are there as they were, and the log is sound, once or twice taken."""
    go_on(registry, begin(registry))
    path = written("all")
    for _ in range(2):
        take(other, path)
        assert other.rows() == registry.rows()
    assert other.stages() == ["Staging", "Production", "Archived"]


def test_into_an_older_copy(
    registry: Registry, other: Registry, written: Callable[[str], Path]
) -> None:
    """A store with the beginning of the log gets the rest of it, and the stages that follow."""
    second = begin(registry)
    take(other, written("begin"))
    go_on(registry, second)
    take(other, written("all"))

    assert other.rows() == registry.rows()
    other.artifacts = registry.artifacts
    with other.space() as space:  # and it goes on from there
        stages.rollback(space, second.ref, identity=BOB, reason="that, too")
    assert other.stages() == ["Production", "Archived", "Archived"]
    other.rows()


def test_an_older_file(registry: Registry, written: Callable[[str], Path]) -> None:
    """A file from before changes nothing: no stage, no name, and none that was taken away."""
    second = begin(registry)
    path = written("begin")
    go_on(registry, second)
    before = registry.rows()
    take(registry, path)

    assert registry.rows() == before


@pytest.mark.parametrize("common", [False, True])
def test_another_log(
    registry: Registry, other: Registry, written: Callable[[str], Path], common: bool
) -> None:
    """A log that is another one, be it from some row on, is refused by that row's number."""
    second = begin(registry)
    number = 1
    if common:
        take(other, written("begin"))
        number = len(registry.rows()["audit"]) + 1
    with other.space() as space:
        produce(space, add(space, "other"))
    go_on(registry, second)
    before = other.rows()
    with pytest.raises(DataError, match=rf"audit {number} is here with another .*another store"):
        take(other, written("all"))

    assert other.rows() == before


def test_an_edited_file(
    registry: Registry, other: Registry, written: Callable[[str], Path]
) -> None:
    """A row that was edited on the way is found where it comes to."""
    begin(registry)
    path = written("all")
    text = path.read_text()
    path.write_text(text.replace('"who":"bob"', '"who":"eve"'))
    take(other, path)
    with other.space() as space:
        rows = [row.seq for row in audit.entries(space.store) if row.who == "eve"]

        assert rows
        assert {flaw.seq for flaw in audit.verify(space.store)} == {*rows}


def test_rebuild(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """`begat db rebuild` makes the graph anew, and touches neither log nor stages nor names."""
    begin(registry)
    history = History()
    train(history, ["01", "02"])
    with registry.space() as space:
        space.store.record(history.events, history.chunks)
        before = registry.rows()
        with space.store.write() as db:
            db.execute("UPDATE run SET state = 'FAIL'", {})
    monkeypatch.setenv("BEGAT_STORE", registry.url)
    with using(Workspace()):
        assert _run(["db", "rebuild"]) == 0

    assert registry.rows() == before
    with registry.space() as space, space.store.read() as db:
        assert db.execute("SELECT 1 FROM run WHERE state = 'FAIL'", {}).fetchall() == []
