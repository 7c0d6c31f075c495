from __future__ import annotations

from collections.abc import Callable

import pytest

from begat.lineage.errors import ParameterError
from begat.lineage.registry import audit
from begat.lineage.registry.audit import Entry
from support.recorder import Recorder
from support.registered import ADA


@pytest.fixture
def log(recorder: Recorder) -> Callable[[int], list[Entry]]:
    """Writes rows."""

    def write(count: int) -> list[Entry]:
        for number in range(count):
            with recorder.store.write() as db:
                audit.append(
                    recorder.store,
                    db,
                    action="report",
                    model="delays",
                    version=number + 1,
                    identity=ADA,
                    reason="\u00e9 \U0001f600",
                    body={"value": 0.1 + 0.2, "gate": "shadow"},
                )
        return audit.entries(recorder.store)

    return write


def test_ends_of_times() -> None:
    """The last day there is ends, too; a week is no time."""
    assert audit.end_of("9999-12-31") == audit.ALWAYS
    for text in ("2024-W26", "2024-W26-7", "soon"):
        with pytest.raises(ParameterError, match="is no time"):
            audit.end_of(text)


def test_a_sound_log(recorder: Recorder, log: Callable[[int], list[Entry]]) -> None:
    """What nobody touched has no flaw, and each row names the one before."""
    rows = log(5)

    assert audit.verify(recorder.store, head=rows[2].hash) == []
    assert [row.seq for row in rows] == [1, 2, 3, 4, 5]
    assert [row.previous for row in rows] == [audit.FIRST, *(row.hash for row in rows[:-1])]


@pytest.mark.parametrize(
    ("change", "row"),
    [
        ("UPDATE audit SET who = 'eve' WHERE seq = 3", 3),
        ("UPDATE audit SET reason = '' WHERE seq = 3", 3),
        ("UPDATE audit SET at = '2020-01-01T00:00:00.000000Z' WHERE seq = 3", 3),
        ("""UPDATE audit SET body = '{"gate": "shadow", "value": 0.9}' WHERE seq = 3""", 3),
        ("UPDATE audit SET identity = '{}' WHERE seq = 3", 3),
        ("UPDATE audit SET version = 9 WHERE seq = 3", 3),
        ("UPDATE audit SET body = 'no JSON' WHERE seq = 3", 3),
        ("DELETE FROM audit WHERE seq = 3", 3),
        ("DELETE FROM audit WHERE seq = 1", 1),
        ("DELETE FROM audit WHERE seq = 5", 5),
        ("DELETE FROM audit", 1),
    ],
)
def test_what_was_changed_is_found(
    recorder: Recorder, log: Callable[[int], list[Entry]], change: str, row: int
) -> None:
    """A row that was edited or removed, be it the last, is named."""
    log(5)
    with recorder.store.write() as db:
        db.execute(change, {})

    assert row in {flaw.seq for flaw in audit.verify(recorder.store)}


def test_reordered(recorder: Recorder, log: Callable[[int], list[Entry]]) -> None:
    """Two rows that changed places are found."""
    log(5)
    with recorder.store.write() as db:
        for old, new in ((2, 99), (4, 2), (99, 4)):
            db.execute(f"UPDATE audit SET seq = {new} WHERE seq = {old}", {})

    assert {2, 4} <= {flaw.seq for flaw in audit.verify(recorder.store)}


def test_written_anew(recorder: Recorder, log: Callable[[int], list[Entry]]) -> None:
    """A whole log that was written anew is sound in itself: a hash kept elsewhere finds it."""
    rows = log(3)
    with recorder.store.write() as db:
        db.execute("DELETE FROM audit", {})
        db.execute("DELETE FROM event", {})
    log(3)

    assert audit.verify(recorder.store) == []
    [flaw] = audit.verify(recorder.store, head=rows[-1].hash)
    assert "written anew" in flaw.says


def test_a_stage_that_no_row_gave(recorder: Recorder, log: Callable[[int], list[Entry]]) -> None:
    """A version whose stage was set past the log is named."""
    from support.registered import add

    add(recorder)
    with recorder.store.write() as db:
        db.execute("UPDATE model_version SET stage = 'Production'", {})
    [flaw] = audit.verify(recorder.store)

    assert "delays@1 in Production, and the log comes to None" in flaw.says


def test_a_clock_that_goes_back(
    recorder: Recorder, log: Callable[[int], list[Entry]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Times never go back, even when the clock does."""
    times = ["2030-01-01T00:00:00.000000Z", "2024-06-30T00:00:00.000000Z"]
    monkeypatch.setattr(audit, "now", lambda: times[0])
    log(1)
    monkeypatch.setattr(audit, "now", lambda: times[1])
    rows = log(1)

    assert [row.at for row in rows] == [times[0]] * 2
    assert audit.verify(recorder.store) == []
