"""Events into the graph: each is projected once, in whatever order they come.

The graph is a function of the set of stored events and chunks. So all that is done here
is adding to sets that only grow, and raising registers (see `facts`); what an event says
is never judged by what happens to be stored already.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from ..content import merkle
from ..content.digest import digest_bytes
from ..content.merkle import Chunk, Row
from ..records import DatasetVersion, RunRef, Snapshot
from . import nodes
from .facts import ENDED, RANK, Facts, Registers, SnapshotFact, Use, VersionFact, dump, merge
from .rows import Rows

#: The register of a run's job, beside those of its facets.
_JOB = ".job"


class Ingest:
    """Projects events inside one transaction.

    Args:
        db: a connection on which a write transaction has begun.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._rows = Rows(db)

    def add_event(self, said: Facts, body: str, origin: str) -> None:
        """Store an event and project it, unless it is there with this origin or a better one."""
        stored = self._rows.one("event_origin", hash=said.hash)
        if stored is None:
            self._rows.do(
                "add_event",
                hash=said.hash,
                origin=origin,
                event_time=said.time,
                run_id=said.run.run_id,
                type=said.type,
                body=body,
            )
        elif stored[0] != origin and origin == "recorded":
            self._rows.do("set_origin", the_hash=said.hash, origin=origin)
        else:
            return
        self.project(said, origin)

    def add_chunk(self, chunk: Chunk) -> None:
        """Store rows of snapshots, and fill what has been waiting for them."""
        body = chunk.to_json()
        if self._rows.do("add_chunk", digest=chunk.lineage, content=chunk.content, body=body):
            for segment, dataset in self._rows.all("unknown_segments", chunk=chunk.lineage):
                self._fill(segment, dataset, chunk.rows)

    def project(self, said: Facts, origin: str) -> None:
        """Let a stored event speak."""
        stamp = said.stamp(origin)
        for named in dict.fromkeys((said.parent, said.root)):
            if named.run_id:
                self._mention(named, stamp)
        run, state = self._speak(said, origin, stamp)
        for use in said.reads:
            self._read(run, use, stamp)
        if said.reuse_of:
            self._rows.edge(nodes.run(run), nodes.run(self._rows.run(said.reuse_of)))
        elif said.type not in ("FAIL", "ABORT"):
            for use in said.writes:
                self._write(run, use, stamp)
        if state == "COMPLETE":
            for (version,) in self._rows.all("outputs_of", run=run):
                self._rows.product(version, run)

    # Runs

    def _mention(self, named: RunRef, stamp: str) -> None:
        """Let another run's event say which job a run belongs to: its own say it better."""
        self._rows.job(named.namespace, named.job)
        found = self._rows.run_row(named.run_id)
        if found["state"]:
            return
        row = _row(found)
        if merge(row["facets"], {_JOB: [named.namespace, named.job]}, f"-{stamp}"):
            self._put_run(row)

    def _speak(self, said: Facts, origin: str, stamp: str) -> tuple[int, str]:
        row = _row(self._rows.run_row(said.run.run_id))
        job = [said.run.namespace, said.run.job]
        merge(row["facets"], {_JOB: job, **said.facets}, stamp)
        row |= _course(row, said) | self._columns(row["facets"])
        if said.type == "COMPLETE" and origin == "recorded":
            row["recorded"] = 1
        self._put_run(row)
        return row["the_id"], row["state"]

    def _put_run(self, row: dict[str, Any]) -> None:
        job = self._rows.job(*row["facets"][_JOB][1])
        self._rows.do("set_run", **row | {"job": job, "facets": dump(row["facets"])})

    def _columns(self, registers: Registers) -> dict[str, Any]:
        """What is asked of many runs at once, out of the facets."""

        def body(key: str) -> dict[str, Any]:
            return registers[key][1] if key in registers else {}

        recipe, parent = body("begat_recipe"), body("parent")
        reuse_of = body("begat_reuse").get("run")
        root = parent.get("root")
        return {
            "kind": body("job.jobType").get("jobType") or "",
            "parent": self._rows.run(parent["run"]["runId"].lower()) if parent else None,
            "root": self._rows.run(root["run"]["runId"].lower()) if root else None,
            "attempt": body("begat_attempt").get("attempt", 1),
            "recipe": recipe.get("digest"),
            "reusable": int(recipe.get("reusable") is True),
            "result": dump(recipe.get("result")) if recipe else None,
            "reuse_of": self._rows.run(reuse_of.lower()) if reuse_of else None,
        }

    # What runs read and wrote

    def _read(self, run: int, use: Use, stamp: str) -> None:
        dataset = self._rows.dataset(use.dataset)
        if isinstance(use.what, SnapshotFact):
            node = self._snapshot(dataset, use.what)
        else:
            version = self._version(dataset, use.what)
            node = self._rows.product(version, self._rows.run(use.what.producer))
        self._rows.edge(nodes.run(run), node)
        self._note("reading", use, stamp, run=run, node=node, argument=use.argument)

    def _write(self, run: int, use: Use, stamp: str) -> None:
        if isinstance(use.what, VersionFact):
            version = self._version(self._rows.dataset(use.dataset), use.what)
            self._note("output", use, stamp, run=run, version=version)

    def _note(self, table: str, use: Use, stamp: str, **key: Any) -> None:
        """Keep what was said about one reading or writing."""
        found = self._rows.one(f"find_{table}", **key)
        registers: Registers = json.loads(found[0]) if found else {}
        if merge(registers, use.facets, stamp) or not found:
            self._rows.do(f"put_{table}", **key, facets=dump(registers))

    def _version(self, dataset: int, said: VersionFact) -> int:
        version = self._rows.version(dataset, said.partition, said.digest)
        self._rows.do(
            "describe_version",
            version=version,
            size=said.size,
            rows=said.rows,
            format=said.format,
            kind=said.kind,
        )
        return version

    # Snapshots

    def _snapshot(self, dataset: int, said: SnapshotFact) -> int:
        key = {"dataset": dataset, "lineage_root": said.lineage_root}
        about = {"content_root": said.content_root, "partitions": said.count}
        found = self._rows.one("find_snapshot", **key)
        if not found:
            found = (self._rows.one("add_snapshot", **key, **about)[0], 0)
        row, known = found
        self._rows.do("describe_snapshot", snapshot=row, **about)
        # Rows are taken also when the chunks are known by name: they may be all there is of them.
        chunks = self._chunks(said) if said.rows or not known else ()
        if chunks and not known:
            for chunk in chunks:
                self._rows.edge(nodes.snapshot(row), self._segment(dataset, chunk))
            self._rows.do("know_snapshot", the_id=row, known=1)
        return nodes.snapshot(row)

    def _chunks(self, said: SnapshotFact) -> Sequence[str]:
        """Digests of the chunks a snapshot consists of; none if this event does not tell.

        Rows and chunks that are not what the root says tell nothing: the root is what
        others point to.
        """
        if said.rows:
            parts = merkle.chunks(_snapshot_of(said.rows))
            if merkle.roots_of(parts).lineage != said.lineage_root:
                return ()
            for part in parts:
                self.add_chunk(part)
            return [part.lineage for part in parts]
        return said.chunks if said.chunks and _root(said.chunks) == said.lineage_root else ()

    def _segment(self, dataset: int, chunk: str) -> int:
        found = self._rows.one("find_segment", dataset=dataset, chunk=chunk)
        if not found:
            found = (self._rows.one("add_segment", dataset=dataset, chunk=chunk)[0], 0)
        row, known = found
        if not known and (stored := self._rows.one("chunk_body", digest=chunk)):
            self._fill(row, dataset, json.loads(stored[0])["rows"])
        return nodes.segment(row)

    def _fill(self, segment: int, dataset: int, rows: Iterable[Row]) -> None:
        for partition, digest, producer in rows:
            version = self._rows.version(dataset, partition, digest)
            product = self._rows.product(version, self._rows.run(producer.lower()))
            self._rows.edge(nodes.segment(segment), product)
        self._rows.do("know_segment", the_id=segment, known=1)


def _row(found: sqlite3.Row) -> dict[str, Any]:
    """What is known of a run, to be changed."""
    row = dict(found)
    row["the_id"] = row.pop("id")
    row["facets"] = json.loads(row["facets"])
    return row


def _course(row: dict[str, Any], said: Facts) -> dict[str, Any]:
    """State and times of a run, after what was known of them and one more event."""
    # A run without a START, reused or unchanged, began when it ended.
    found: dict[str, Any] = {"started_at": min(row["started_at"] or said.time, said.time)}
    rank, before = said.rank, RANK.get(row["state"], -1)
    if rank > before:
        found["state"] = said.type
    if rank >= ENDED and rank >= before:
        same = row["ended_at"] if rank == before else None
        found["ended_at"] = min(same or said.time, said.time)
    return found


def _snapshot_of(rows: Iterable[Row]) -> Snapshot:
    return Snapshot(
        versions=tuple(
            DatasetVersion(
                namespace="", name="", partition=key, digest=digest, size=0, producer=run
            )
            for key, digest, run in rows
        )
    )


def _root(chunks: Sequence[str]) -> str:
    """The lineage root over chunks that are named but not at hand (see `merkle.roots_of`)."""
    return digest_bytes(json.dumps(list(chunks), separators=(",", ":")).encode())
