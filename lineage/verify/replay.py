"""The graph that the stored events alone make, of some runs and all that they stand on.

Nothing is taken from the graph in the store: it is what is compared with this. An event or
chunk whose bytes are not what its hash says is told, and not believed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ..content.digest import digest_bytes
from ..content.merkle import Chunk
from ..errors import DataError, EventError
from ..events.canonical import event_hash, parse
from ..graph import closure, nodes, sql
from ..graph.connection import Connection, Row
from ..graph.facts import Facts, SnapshotFact, facts
from ..graph.ingest import Ingest
from ..graph.store import Store
from .report import Finding, Recovery

_EVENTS = """
SELECT hash, origin, event_time, run_id, type, body FROM event
WHERE run_id IN (SELECT value FROM json_each(:runs)) ORDER BY id
"""
_BY_HASH = "SELECT hash, run_id FROM event WHERE hash IN (SELECT value FROM json_each(:hashes))"
_CHUNK = "SELECT content, body FROM chunk WHERE digest = :digest"
_UUIDS = "SELECT id, uuid FROM run WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_each(:ids))"
_PARENTS = """
SELECT DISTINCT p.uuid FROM run r JOIN run p ON p.id IN (r.parent, r.root)
WHERE r.id IN (SELECT CAST(value AS BIGINT) FROM json_each(:ids))
"""
#: Executions of run ids that were used again.
_AGAIN = "SELECT uuid FROM run WHERE uuid LIKE '%#%'"
#: What events of jobs and datasets have in place of a run's id.
_NO_RUN = ""
_ROW = "SELECT id FROM run WHERE uuid = :uuid"
_BATCH = 500

BACKUP = Recovery(by="backup", name="", says="restore the lineage store from a backup")


class Replay:
    """Events of a store, projected anew into a store of their own that is thrown away.

    Args:
        db: a connection to the store that is verified.
        tell: is told how many events have been heard.
    """

    def __init__(self, db: Connection, tell: Callable[[int], None] = lambda _: None) -> None:
        self._db = db
        self._tell = tell
        self.store = Store.scratch()
        self.findings: list[Finding] = []
        #: Run ids whose events have been asked for.
        self.runs: set[str] = set()
        #: Hashes of the events that were sound.
        self.hashes: set[str] = set()
        self.events = 0
        self._chunks: dict[str, bool] = {}

    def close(self) -> None:
        """Throw it away."""
        self.store.close()

    def follow(self, runs: Iterable[str]) -> None:
        """Replay these runs, all that their events say they stand on, and their flow runs."""
        asked = {run for run in runs if run}
        pending = set(asked)
        while pending:
            self.add(pending)
            # Who names no producer was bound to what all events say was current: the store's
            # own answer tells which those are, and the replay whether it is right.
            pending = (self.ancestry(asked) | self._stored_ancestry(asked)) - self.runs
        self.add(self._parents() - self.runs)

    def add(self, runs: Iterable[str]) -> None:
        """Replay the events of these runs."""
        todo = sorted({run.partition("#")[0] for run in runs} - self.runs)
        first = not self.runs
        self.runs.update(todo)
        todo = [_NO_RUN, *todo] if first else todo
        for start in range(0, len(todo), _BATCH):
            with self.store.write() as own:
                ingest = Ingest(own)
                for said, origin, body in self._sound(todo[start : start + _BATCH]):
                    for use in said.reads or ():
                        if isinstance(use.what, SnapshotFact):
                            for name in use.what.chunks:
                                self._add_chunk(ingest, name)
                    ingest.add_event(said, body, origin)
                ingest.flush()
            self._tell(self.events)
        with self.store.read() as own:
            self.runs.update(uuid for (uuid,) in own.execute(_AGAIN, {}))

    def ancestry(self, runs: Iterable[str]) -> set[str]:
        """Ids of the runs that these stand on, as far as is replayed."""
        with self.store.read() as own:
            return self._uuids(own, self.nodes(runs))

    def _stored_ancestry(self, runs: Iterable[str]) -> set[str]:
        """The same, as the store that is verified has it."""
        rows = (self._db.execute(_ROW, {"uuid": uuid}).fetchone() for uuid in runs)
        given = {"nodes": json.dumps([nodes.run(row["id"]) for row in rows if row])}
        found = self._db.execute(sql.statements()["ancestors"], given)
        return self._uuids(self._db, (node for (node,) in found))

    def nodes(self, runs: Iterable[str]) -> frozenset[int]:
        """Nodes, in this graph, of all that these runs stand on."""
        with self.store.read() as own:
            rows = (own.execute(_ROW, {"uuid": uuid}).fetchone() for uuid in runs)
            return closure.ancestors(self.store, *(nodes.run(r["id"]) for r in rows if r)).nodes

    def check_chunks(self) -> int:
        """Look for every chunk of the replayed snapshots in the store; how many there are."""
        with self.store.read() as own:
            named = {name for (name,) in own.execute("SELECT DISTINCT chunk FROM segment")}
        for name in sorted(named):
            if name not in self._chunks:
                self._stored_chunk(name)
        return len(named)

    def check_stored_chunks(self) -> int:
        """Look at every chunk that is stored, whether an event names it or not."""
        names = [name for (name,) in self._db.execute("SELECT digest FROM chunk").fetchall()]
        for name in sorted(names):
            if name not in self._chunks:
                self._stored_chunk(name)
        return len(names)

    def missing_events(self, stamps: Mapping[str, str]) -> Iterator[Finding]:
        """Events that the graph was told by, and that are not stored or no longer sound.

        Args:
            stamps: run id by hash of an event that the graph names.
        """
        unknown = sorted(stamps.keys() - self.hashes)
        told = {finding.digest for finding in self.findings}
        stored = {
            row["hash"]: row["run_id"]
            for row in self._db.execute(_BY_HASH, {"hashes": json.dumps(unknown)})
        }
        for name in unknown:
            if name in told:
                continue
            run = stamps[name]
            if name not in stored:
                says = "the graph was made from this event, and it is not stored any more"
                yield _event("missing", name, run, says)
            elif stored[name] != run:
                says = f"is stored as an event of run {stored[name] or '(none)'}"
                yield _event("changed", name, run, says)

    def _sound(self, runs: list[str]) -> Iterator[tuple[Facts, str, str]]:
        for row in self._db.execute(_EVENTS, {"runs": json.dumps(runs)}):
            self.events += 1
            try:
                event = parse(row["body"])
                # What begat records is canonical already: then its text is hashed as it stands.
                if digest_bytes(row["body"].encode()) != row["hash"]:
                    _check(event_hash(row["body"]), row["hash"])
                said = facts(event, row["hash"])
                _check_columns(said, row)
            except (EventError, ValueError) as error:
                self.findings.append(_event("changed", row["hash"], row["run_id"], str(error)))
                continue
            self.hashes.add(row["hash"])
            yield said, row["origin"], row["body"]

    def _add_chunk(self, ingest: Ingest, name: str) -> None:
        if name not in self._chunks and (chunk := self._stored_chunk(name)) is not None:
            ingest.add_chunk(chunk)

    def _stored_chunk(self, name: str) -> Chunk | None:
        self._chunks[name] = False
        row = self._db.execute(_CHUNK, {"digest": name}).fetchone()
        if row is None:
            self._tell_chunk("missing", name, "rows of a snapshot are not stored any more")
            return None
        try:
            chunk = Chunk.from_json(row["body"])
        except DataError as error:
            self._tell_chunk("changed", name, str(error))
            return None
        if (chunk.lineage, chunk.content) != (name, row["content"]):
            self._tell_chunk("changed", name, f"is stored with the rows of {chunk.lineage}")
            return None
        self._chunks[name] = True
        return chunk

    def _tell_chunk(self, state: Any, name: str, says: str) -> None:
        self.findings.append(
            Finding(
                kind="chunk",
                state=state,
                name=f"chunk {name[:19]}",
                digest=name,
                says=says,
                recovery=BACKUP,
            )
        )

    def _parents(self) -> set[str]:
        with self.store.read() as own:
            ids = [row["id"] for row in own.execute("SELECT id FROM run WHERE state != ''")]
            return {uuid for (uuid,) in own.execute(_PARENTS, {"ids": json.dumps(ids)})}

    @staticmethod
    def _uuids(own: Connection, found: Iterable[int]) -> set[str]:
        ids = [node // 4 for node in found if node % 4 == nodes.RUN]
        return {row["uuid"] for row in own.execute(_UUIDS, {"ids": json.dumps(ids)})}


def _check(found: str, expected: str) -> None:
    if found != expected:
        raise ValueError(f"its text is not what its hash says: it hashes to {found}")


def _check_columns(said: Facts, row: Row) -> None:
    for column, value in (
        ("run_id", said.run.run_id),
        ("event_time", said.time),
        ("type", said.type),
    ):
        if row[column] != value:
            raise ValueError(f"its {column} is stored as {row[column]!r}, and it says {value!r}")
    if row["origin"] not in ("recorded", "ingested"):
        raise ValueError(f"its origin is {row['origin']!r}")


def _event(state: Any, name: str, run: str, says: str) -> Finding:
    return Finding(
        kind="event",
        state=state,
        name=f"event {name[:19]} of run {run[:13]}",
        digest=name,
        says=says,
        recovery=BACKUP,
    )
