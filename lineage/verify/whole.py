"""A whole lineage store, looked at by itself: its file, its events and chunks, its graph.

Artifacts are not hashed here; `verification` does that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any, Literal

from ..graph.connection import Connection
from ..graph.natural import TABLES, Rows
from ..graph.store import Store
from .graph import SAYS
from .replay import BACKUP, Replay
from .report import Counts, Finding, Recovery, Report
from .verification import Progress, quiet

_RUNS = "SELECT DISTINCT run_id FROM event"
#: Rows that one finding names.
_NAMED = 3
_REBUILD = Recovery(
    by="events", name="", says="the events say what it was: `begat db rebuild` makes it anew"
)
_State = Literal["missing", "changed", "unfounded"]


def check(store: Store, *, progress: Progress = quiet) -> Report:
    """See that a store is sound, and that its graph is what its events say.

    Args:
        store: which.
        progress: is told how far it is: `events`, then `tables` of the graph.

    Raises:
        StoreError: the store failed.
    """
    name = "the lineage store"
    if damage := store.damage():
        findings = [_damaged(name, says) for says in damage]
        return Report(ref=name, findings=tuple(findings))
    with (
        store.read() as db,
        closing(Replay(db, lambda events: progress("events", events, 0))) as replay,
    ):
        replay.add(run for (run,) in db.execute(_RUNS).fetchall())
        replay.check_chunks()
        chunks = replay.check_stored_chunks()
        counts = Counts(runs=len(replay.runs - {""}), events=replay.events, chunks=chunks)
        with replay.store.read() as own:
            differences = list(_compare(own, db, counts, progress))
    if any(one.kind in ("event", "chunk") for one in replay.findings):
        # What differs from such events may be right, and a rebuild would lose it.
        differences = [replace(one, recovery=BACKUP) for one in differences]
    return Report(ref=name, findings=(*replay.findings, *differences), counts=counts)


def _damaged(name: str, says: str) -> Finding:
    return Finding(kind="database", state="changed", name=name, says=says, recovery=BACKUP)


def _compare(
    said: Connection, there: Connection, counts: Counts, progress: Progress
) -> Iterator[Finding]:
    for number, rows in enumerate(TABLES):
        progress("tables", number, len(TABLES))
        found: dict[_State, list[str]] = {}
        more: dict[_State, int] = {}
        for state, row in _differences(rows, _counting(rows.read(said), counts), rows.read(there)):
            more[state] = more.get(state, 0) + 1
            if more[state] <= _NAMED:
                found.setdefault(state, []).append(row)
        for state, names in found.items():
            rest = more[state] - len(names)
            yield Finding(
                kind="graph",
                state=state,
                name=f"{more[state]} row{'' if more[state] == 1 else 's'} of {rows.table}",
                says=f"{SAYS[state]}: {', '.join(names)}" + (f" and {rest} more" if rest else ""),
                recovery=_REBUILD,
            )
    progress("tables", len(TABLES), len(TABLES))


def _differences(
    rows: Rows, said: Iterator[list[Any]], there: Iterator[list[Any]]
) -> Iterator[tuple[_State, str]]:
    """Walk through both in their order, which is one."""
    one, other = next(said, None), next(there, None)
    while one is not None or other is not None:
        here = None if one is None else rows.order(one)
        beside = None if other is None else rows.order(other)
        if other is None or (here is not None and beside is not None and here < beside):
            assert one is not None
            yield "missing", _label(rows, one)
            one = next(said, None)
        elif one is None or here != beside:
            yield "unfounded", _label(rows, other)
            other = next(there, None)
        else:
            if changed := [
                column for column, a, b in zip(rows.columns, one, other, strict=True) if a != b
            ]:
                yield "changed", f"{_label(rows, one)} ({', '.join(changed)})"
            one, other = next(said, None), next(there, None)


def _counting(rows: Iterable[list[Any]], counts: Counts) -> Iterator[list[Any]]:
    for row in rows:
        counts.rows += 1
        yield row


def _label(rows: Rows, row: Sequence[Any]) -> str:
    """The key of a row, as people read it."""
    parts = [" ".join(map(str, one)) if isinstance(one, list) else one for one in row[: rows.key]]
    return " ".join(str(part) for part in parts if part not in ("", None))
