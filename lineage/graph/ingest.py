"""Events into the graph: each is projected once, in whatever order they come.

The graph is a function of the set of stored events and chunks. So what is stored of an event
is sets that only grow and registers that are raised (see `registers`); what follows from
several events is settled anew when one of them comes (see `products`, `bindings`,
`executions`). What an event says is never judged by what happens to be stored already.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..content import merkle
from ..content.digest import digest_bytes
from ..content.merkle import Chunk, Row
from ..records import DatasetVersion, RunRef, Snapshot
from . import nodes
from .bindings import EXECUTION, Bindings
from .connection import Connection
from .executions import Executions
from .facts import (
    DATASET,
    ENDED,
    JOB,
    RANK,
    Facts,
    SnapshotFact,
    Use,
    VersionFact,
)
from .known import Known, Output
from .leases import Lease
from .products import Products, superseded
from .registers import Body, dump, job_body, merge
from .rows import Rows
from .shapes import is_short
from .standing import Standing
from .traits import TRAITS, Traits

#: The register of a run's job, beside those of its facets.
_JOB = ".job"


class Ingest:
    """Projects events inside one transaction.

    Args:
        db: a connection on which a write transaction has begun.
        known: what is known of its rows, if anything is; it is kept up to date, and true as
            long as the transaction is not rolled back.
        stored: whether all events that are to speak are stored already.
    """

    def __init__(self, db: Connection, known: Known | None = None, *, stored: bool = False) -> None:
        self.db = db
        self._stored = stored
        #: Ids of runs all of whose events have spoken.
        self._spoken: set[str] = set()
        self._rows = Rows(db, known or Known())
        self._bindings = Bindings(self._rows)
        self._products = Products(self._rows, self._bindings)
        self._executions = Executions(self._rows, self._bindings, self._products)
        self._standing = Standing(self._rows, self._bindings, self._products)
        self._traits = Traits(self._rows)
        #: To be called when all events of the transaction have spoken.
        self.flush = self._rows.flush

    def add_event(self, said: Facts, body: str, origin: str) -> bool:
        """Store an event and project it, unless it is there with this origin or a better one.

        Returns:
            Whether it was new.
        """
        new = self._rows.do(
            "add_event",
            hash=said.hash,
            origin=origin,
            event_time=said.time,
            run_id=said.run.run_id,
            type=said.type,
            body=body,
        )
        if not new:
            (stored,) = self._rows.one("event_origin", hash=said.hash)
            if stored == origin or origin != "recorded":
                return False
            self._rows.do("set_origin", the_hash=said.hash, origin=origin)
        self.project(said, origin)
        return bool(new)

    def take(self, lease: Lease) -> bool:
        """Let a run that begins have its lease; False if another run has it, or has answered."""
        return bool(self._rows.do("take_lease", **lease.parameters))

    def free(self, run_id: str) -> None:
        """Take back what a run held that has ended."""
        self._rows.do("free_lease", run_id=run_id)

    def add_chunk(self, chunk: Chunk) -> None:
        """Store rows of snapshots, and fill what has been waiting for them."""
        body = chunk.to_json()
        if self._rows.do("add_chunk", digest=chunk.lineage, content=chunk.content, body=body):
            for segment, dataset in self._rows.all("unknown_segments", chunk=chunk.lineage):
                self._fill(segment, dataset, chunk.rows)

    def project(self, said: Facts, origin: str) -> None:
        """Let a stored event speak."""
        self._rows.bound()
        stamp = said.stamp(origin)
        if said.type == JOB:
            self._standing.job(said, stamp)
        elif said.type == DATASET:
            self._standing.dataset(said, stamp)
        else:
            for named in dict.fromkeys((said.parent, said.root)):
                if named.run_id:
                    self._mention(named, stamp)
            self._project_run(said, origin, stamp)
        while self._bindings.readers:
            self._products.derive(self._bindings.readers.pop())

    def _project_run(self, said: Facts, origin: str, stamp: str) -> None:
        if said.run.run_id in self._spoken:
            return
        row = self._rows.run_row(said.run.run_id)
        if self._executions.is_single(row, said):
            self._execute(row, said, origin, stamp)
            return
        if last := self._executions.last(said):
            self._execute(self._rows.run_row(last), said, origin, stamp)
            return
        with self._executions.anew(said.run.run_id) as executions:
            for key, events in executions:
                for one, by in events:
                    self._execute(self._rows.run_row(key), one, by, one.stamp(by))
        if self._stored:
            self._spoken.add(said.run.run_id)

    def _execute(self, row: dict[str, Any], said: Facts, origin: str, stamp: str) -> None:
        """Let an event speak of one execution of its run."""
        started = row["started_at"]
        run = self._speak(row, said, origin, stamp)
        moved = bool(started) and row["started_at"] != started
        if moved and self._bindings.has_any(run):
            self._bindings.move(run, row["started_at"])
        loose = {self._rows.dataset(named) for named in said.mentioned}
        for dataset in loose:
            self._bind(run, dataset, VersionFact(partition="", digest=""), row["started_at"])
        for use in said.reads or ():
            loose |= self._read(run, use, row["started_at"], stamp)
        touched = loose | {self._rows.dataset(use.dataset) for use in said.reads or ()}
        if touched:
            self._settle_reads(run, touched)
        if said.reuse_of:
            if (other := self._rows.run(said.reuse_of)) != run:
                self._rows.edge(nodes.run(run), nodes.run(other))
        elif said.type not in ("FAIL", "ABORT"):
            for use in said.writes or ():
                self._write(run, row["uuid"], use, stamp)
            self._explain(run, said)
        self._products.settle(run, row)
        if moved:
            self._products.moved(run)

    # Runs

    def _mention(self, named: RunRef, stamp: str) -> None:
        """Let another run's event say which job a run belongs to: its own say it better."""
        self._rows.job(named.namespace, named.job)
        row = self._rows.run_row(named.run_id)
        if row["state"]:
            return
        if merge(row["facets"], {_JOB: job_body(named.namespace, named.job)}, f"-{stamp}"):
            row["job"] = self._rows.job(named.namespace, named.job)
            self._rows.put_run(row)

    def _speak(self, row: dict[str, Any], said: Facts, origin: str, stamp: str) -> int:
        job = job_body(said.run.namespace, said.run.job)
        self._rows.job(said.run.namespace, said.run.job)  # also if another event says it better
        changed = merge(row["facets"], {_JOB: job, **said.facets}, stamp)
        new = "id" not in row
        if new:  # it is there before anything is asked that may name it
            self._rows.put_run(row)
        row |= _course(row, said) | self._columns(changed)
        if row["attempt"] is None:
            row["attempt"] = 1
        if said.type == "COMPLETE" and origin == "recorded":
            row["recorded"] = 1
        run = self._rows.put_run(row)
        if not TRAITS.isdisjoint(changed):
            self._traits.settle(run, row["facets"], new=new)
        if "begat_packages" in said.facets:
            self._traits.unpack(said.facets["begat_packages"])
        return run

    def _columns(self, changed: Mapping[str, Body]) -> dict[str, Any]:
        """What is asked of many runs at once, out of the facets that changed."""
        found: dict[str, Any] = {}
        for key, (said, _) in changed.items():
            if key == _JOB:
                found["job"] = self._rows.job(*said)
            elif key == "parent":
                found["parent"] = self._above(said)
                found["root"] = self._above((said or {}).get("root"))
            elif key == "job.jobType":
                kind = str((said or {}).get("jobType") or "")
                found["kind"] = kind if is_short(kind) else ""
            elif key == "begat_attempt":
                found["attempt"] = (said or {}).get("attempt", 1)
            elif key == "begat_recipe":
                found["recipe"] = (said or {}).get("digest")
                found["reusable"] = int((said or {}).get("reusable") is True)
                found["result"] = dump(said.get("result")) if said else None
            elif key == "begat_reuse":
                reuse_of = (said or {}).get("run")
                found["reuse_of"] = self._rows.run(reuse_of.lower()) if reuse_of else None
        return found

    def _above(self, named: Mapping[str, Any] | None) -> int | None:
        run_id = named["run"]["runId"] if named else None
        return self._rows.run(run_id.lower()) if run_id else None

    # What runs read and wrote

    def _read(self, run: int, use: Use, at: str, stamp: str) -> set[int]:
        """Note a reading; the dataset, if it is to be bound."""
        dataset = self._rows.dataset(use.dataset)
        self._standing.names(dataset, use.facets, stamp)
        loose: set[int] = set()
        if isinstance(use.what, SnapshotFact):
            node = self._snapshot(dataset, use.what)
        elif use.resolved:
            version = self._rows.version(dataset, use.what)
            node = self._rows.product(version, self._rows.run(use.what.producer))
            if not use.what.producer and self._bindings.is_open(dataset):
                loose = {dataset}
                self._bind(run, dataset, use.what, at)
        else:
            loose = {dataset}
            node = self._bind(run, dataset, use.what, at)
            if use.what.digest:
                self._rows.version(dataset, use.what)
        new = self._note("reading", use, stamp, run, node=node, argument=use.argument)
        if new and use.resolved:
            self._rows.edge(nodes.run(run), node)
            what = use.what
            read = (
                Output(dataset, what.partition, what.digest)
                if isinstance(what, VersionFact)
                else Output(dataset, "*", what.content_root)
            )
            self._rows.known.resolved.setdefault(run, set()).add(read)
        return loose

    def _bind(self, run: int, dataset: int, what: VersionFact, at: str) -> int:
        binding, new = self._bindings.of(run, dataset, what, at)
        if new:
            self._bindings.bind(binding, new=True)
        return binding.node

    def _settle_reads(self, run: int, datasets: set[int]) -> None:
        """Let a run stand on what it read, as far as it does not say it better elsewhere.

        Args:
            run: its id.
            datasets: those of which it has just said more.
        """
        bindings = [one for one in self._bindings.of_run(run) if one.dataset in datasets]
        if not bindings:
            return
        said = [Output(one.dataset, one.partition, one.digest) for one in bindings]
        vague = superseded([*said, *(o for o in self._resolved(run) if o.dataset in datasets)])
        for binding, own in zip(bindings, said, strict=True):
            if own in vague:
                self._rows.do("drop_edge", child=nodes.run(run), parent=binding.node)
            else:
                self._rows.edge(nodes.run(run), binding.node)

    def _resolved(self, run: int) -> Iterable[Output]:
        """What a run read by its producer; of a snapshot, no partition that another may name."""
        if run in self._rows.known.added:
            return self._rows.known.resolved.get(run, ())
        return [Output(*row) for row in self._rows.all("resolved_reads", run=run)]

    def _write(self, run: int, uuid: str, use: Use, stamp: str) -> None:
        if not isinstance(use.what, VersionFact):
            return
        dataset = self._rows.dataset(use.dataset)
        self._standing.names(dataset, use.facets, stamp)
        digest = use.what.digest or f"{EXECUTION}{uuid}"
        output = Output(dataset, use.what.partition, digest)
        version = self._rows.version(dataset, use.what.named(digest))
        self._note("output", use, stamp, run, version=version)
        self._rows.wrote(run, version, output)

    def _explain(self, run: int, said: Facts) -> None:
        """Keep which of what was read is in what was written, where the event says so."""
        for one in said.explicit:
            written = self._rows.dataset(one.written)
            sources = [self._rows.dataset(named) for named in one.read]
            sources += [-self._rows.run(named) for named in one.runs]
            if one.own:
                sources.append(-run)
            for source in sources or [0]:
                self._rows.later("add_derived", run=run, written=written, read=source)
            self._rows.known.derived.add(run)

    def _note(self, table: str, use: Use, stamp: str, run: int, **key: Any) -> bool:
        """Keep what was said about one reading or writing; whether it is the first time."""
        registers = self._rows.use(table, run, **key)
        new = registers is None
        registers = {} if registers is None else registers
        if merge(registers, use.facets, stamp) or new:
            self._rows.put_use(table, registers, run, **key)
        return new

    # Snapshots

    def _snapshot(self, dataset: int, said: SnapshotFact) -> int:
        key = {"dataset": dataset, "lineage_root": said.lineage_root}
        about = {"content_root": said.content_root, "partitions": said.count}
        found = self._find("snapshot", key)
        if not found:
            found = (self._rows.add("snapshot", **key, **about, known=0), 0)
        row, known = found
        self._rows.do("describe_snapshot", snapshot=row, **about)
        # Rows are taken also when the chunks are known by name: they may be all there is of them.
        chunks = self._chunks(said) if said.rows or not known else ()
        if chunks and not known:
            for chunk in chunks:
                self._rows.edge(nodes.snapshot(row), self._segment(dataset, chunk))
            self._rows.do("know_snapshot", the_id=row, known=1)
        return nodes.snapshot(row)

    def _find(self, table: str, key: dict[str, Any]) -> Any:
        """Id of a snapshot or a segment, and whether its parts are known; None if it is new."""
        self._rows.flush()
        return self._rows.one(f"find_{table}", **key)

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
        key = {"dataset": dataset, "chunk": chunk}
        found = self._find("segment", key)
        if not found:
            found = (self._rows.add("segment", **key, known=0), 0)
        row, known = found
        if not known and (stored := self._rows.one("chunk_body", digest=chunk)):
            self._fill(row, dataset, json.loads(stored[0])["rows"])
        return nodes.segment(row)

    def _fill(self, segment: int, dataset: int, rows: Iterable[Row]) -> None:
        for partition, digest, producer in rows:
            version = self._rows.version(dataset, VersionFact(partition=partition, digest=digest))
            product = self._rows.product(version, self._rows.run(producer.lower()))
            self._rows.edge(nodes.segment(segment), product)
        self._rows.do("know_segment", the_id=segment, known=1)


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
    if said.type == "START":
        found["last_start"] = max(row["last_start"] or said.time, said.time)
    if rank >= ENDED:
        found["first_end"] = min(row["first_end"] or said.time, said.time)
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
