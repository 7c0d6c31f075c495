"""Earlier runs of the same job and partition, and what a recipe differs in from the nearest."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .. import results
from ..errors import RefError
from ..recipe import explain
from ..records import RunRef
from . import queries
from .connection import Connection, Row
from .store import Store

#: Of each partition, so many runs are looked at, the latest first.
CANDIDATES = 10

# There is no index on a run's job; its flow's runs are few beside all tasks' runs.
_OF_JOB = """
SELECT r.id, r.uuid, r.started_at, r.state FROM run f JOIN run r ON r.parent = f.id
WHERE f.kind = 'FLOW' AND f.job = (SELECT id FROM job WHERE namespace = :namespace AND name = :flow)
    AND r.job = (SELECT id FROM job WHERE namespace = :namespace AND name = :job)
    AND r.recipe IS NOT NULL
ORDER BY f.started_at DESC, r.started_at DESC, r.id DESC
"""
_RUN = "SELECT id FROM run WHERE uuid = :uuid"
_JOBS = "SELECT namespace, name FROM job ORDER BY namespace, name"
_LOST = """
SELECT DISTINCT v.digest, p.state FROM output o JOIN version v ON v.id = o.version
JOIN presence p ON p.digest = v.digest WHERE o.run = :run AND p.state <> 'present'
"""
_BATCH = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A run of some job and partition that had a recipe."""

    row: int
    run_id: str
    started_at: str
    state: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Explained:
    """A recipe beside that of the nearest earlier run."""

    #: The run compared with; empty if there is none.
    compared_with: str = ""
    started_at: str = ""
    #: What differs, one line each; empty if nothing does.
    differences: tuple[str, ...] = ()
    #: Why the earlier run did not answer, where its recipe is the same.
    because: str = ""

    @property
    def lines(self) -> tuple[str, ...]:
        """What people read."""
        if not self.compared_with:
            return ("no earlier run of this task and partition",)
        return self.differences or (f"the same recipe: {self.because}",)

    def to_json(self) -> dict[str, Any]:
        """The object that commands print."""
        return {
            "compared_with": self.compared_with or None,
            "differences": list(self.differences),
            "because": self.because or None,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class ExplainedRun:
    """A run, its recipe, and what it differs in from the nearest earlier run."""

    run_id: str
    job: str
    partition: str
    state: str
    started_at: str
    recipe: str = ""
    explained: Explained = field(default_factory=Explained)
    #: The run that it reused instead of working.
    reuse_of: str = ""
    #: Why no later run may be answered by it.
    reasons: tuple[str, ...] = ()
    #: Whether all runs of this recipe wrote the same bytes.
    deterministic: bool = True

    def to_json(self) -> dict[str, Any]:
        """The object that `begat explain --json` prints."""
        return {
            "run_id": self.run_id,
            "job": self.job,
            "partition": self.partition,
            "state": self.state,
            "started_at": self.started_at,
            "recipe": self.recipe or None,
            "reuse_of": self.reuse_of or None,
            "deterministic": self.deterministic,
            "reasons": list(self.reasons),
            **self.explained.to_json(),
        }


class Earlier:
    """The earlier runs of one job, by partition.

    Args:
        db: a connection that sees one state of the store throughout.
        namespace: of the job.
        job: `{flow}.{task}`.
        partitions: those that are asked about.
        before: only runs that started before this time; all by default.
    """

    def __init__(
        self,
        db: Connection,
        *,
        namespace: str,
        job: str,
        partitions: Iterable[str],
        before: str = "",
    ) -> None:
        self._db = db
        self._found: dict[str, list[Candidate]] = {key: [] for key in partitions}
        self._collect(namespace, job, before)

    def nearest(self, facet: Mapping[str, Any], partition: str) -> Explained:
        """What a recipe differs in from that earlier run which it differs from least.

        Of equally near ones those that completed come first, then the latest.

        Args:
            facet: the recipe, as `Recipe.to_facet` gives it.
            partition: one of those that were asked about.
        """
        best: tuple[tuple[int, bool], Candidate, list[str], dict[str, Any]] | None = None
        for candidate in self._found[partition]:
            [row] = queries.runs(self._db, [candidate.row])
            facets = queries.facets_of(row)
            lines = explain(facets.get("begat_recipe", {}), facet)
            rank = (len(lines), candidate.state != "COMPLETE")
            if best is None or rank < best[0]:
                best = (rank, candidate, lines, facets)
        if best is None:
            return Explained()
        _, candidate, lines, facets = best
        return Explained(
            compared_with=candidate.run_id,
            started_at=candidate.started_at,
            differences=tuple(lines),
            because="" if lines else self._because(candidate, facets),
        )

    def _collect(self, namespace: str, job: str, before: str) -> None:
        rows = self._db.execute(
            _OF_JOB, {"namespace": namespace, "job": job, "flow": job.rpartition(".")[0]}
        )
        wanting = set(self._found)
        while wanting and (batch := rows.fetchmany(_BATCH)):
            partitions = queries.partitions_of(self._db, [row["id"] for row in batch])
            for row in batch:
                key = partition_of(partitions.get(row["id"], []))
                if key not in wanting or (before and row["started_at"] >= before):
                    continue
                self._found[key].append(
                    Candidate(
                        row=row["id"],
                        run_id=row["uuid"],
                        started_at=row["started_at"],
                        state=row["state"],
                    )
                )
                if len(self._found[key]) == CANDIDATES:
                    wanting.remove(key)

    def _because(self, earlier: Candidate, facets: Mapping[str, Any]) -> str:
        if earlier.state != "COMPLETE":
            error = queries.error_of(facets)
            return f"the earlier run ended as {earlier.state}" + (f" ({error})" if error else "")
        if reasons := facets["begat_recipe"].get("reasons"):
            return f"the earlier run must not be reused: it {'; '.join(reasons)}"
        found = self._db.execute(_LOST, {"run": earlier.row}).fetchall()
        if absent := [row["digest"] for row in found]:
            said = f"what the earlier run wrote is marked as {found[0]['state']}"
            return f"{said}: {', '.join(absent)}"
        return (
            "what the earlier run wrote was not in the artifact store, or it was still running, "
            "or the store was not asked"
        )


def written_by(db: Connection, run_id: str) -> list[str]:
    """The digests of all bytes that a run's result refers to."""
    row = db.execute("SELECT result FROM run WHERE uuid = :uuid", {"uuid": run_id}).fetchone()
    return [] if row is None or not row[0] else list(results.digests(json.loads(row[0])))


def explain_run(store: Store, named: RunRef) -> list[ExplainedRun]:
    """What a task run's recipe differs in; of a flow run, each of its task runs'.

    Raises:
        RefError: the store does not know the run.
        StoreError: the store failed.
    """
    with store.read() as db:
        if (row := db.execute(_RUN, {"uuid": named.run_id}).fetchone()) is None:
            raise RefError(f"no run {named.run_id} is in the store; `begat runs` lists flow runs")
        [run] = queries.runs(db, [row["id"]])
        if run["kind"] != "FLOW":
            return [_explained(store, db, run)]
        children = [task["run_id"] for task in queries.task_runs(store, named.run_id)]
        ids = [db.execute(_RUN, {"uuid": uuid}).fetchone()["id"] for uuid in children]
        return [_explained(store, db, task) for task in queries.runs(db, ids)]


def latest_run(store: Store, ref: str) -> RunRef | None:
    """The newest run of the task that `ref` names: `flow.task` or `flow.task[partition]`.

    A unique tail of the job's name that begins after a dot will do. None if no job is so named.

    Raises:
        RefError: it names several jobs, or a partition that the job has not run for.
        StoreError: the store failed.
    """
    name, bracket, rest = ref.strip().partition("[")
    partition = rest.removesuffix("]") if bracket else None
    with store.read() as db:
        jobs = [(row["namespace"], row["name"]) for row in db.execute(_JOBS)]
        found = [job for job in jobs if job[1] == name and "." in name] or [
            job for job in jobs if job[1].endswith(f".{name}")
        ]
        if not found:
            return None
        if len(found) > 1:
            listed = ", ".join(job for _, job in found[:10])
            raise RefError(f"{ref!r} names {len(found)} tasks: {listed}; name one")
        ((namespace, job),) = found
        given = {"namespace": namespace, "job": job, "flow": job.rpartition(".")[0]}
        rows = db.execute(_OF_JOB, given)
        seen: set[str] = set()
        while batch := rows.fetchmany(_BATCH):
            partitions = queries.partitions_of(db, [row["id"] for row in batch])
            for row in batch:
                key = partition_of(partitions.get(row["id"], []))
                if partition in (None, key):
                    return RunRef(run_id=row["uuid"], namespace=namespace, job=job)
                seen.add(key)
    there = ", ".join(sorted(seen)[:10]) or "none at all"
    raise RefError(f"{job} has not run for partition {partition!r}; it has for {there}: name one")


def partition_of(partitions: Sequence[str]) -> str:
    """One name for all partitions of a run; empty for none."""
    return ", ".join(partitions)


def _explained(store: Store, db: Connection, run: Row) -> ExplainedRun:
    facets = queries.facets_of(run)
    facet = facets.get("begat_recipe", {})
    partition = partition_of(queries.partitions_of(db, [run["id"]]).get(run["id"], []))
    about = {
        "run_id": run["uuid"],
        "job": run["job"] or "",
        "partition": partition,
        "state": run["state"],
        "started_at": run["started_at"] or "",
    }
    if not facet:
        return ExplainedRun(**about, reuse_of=run["reuse_of"] or "")
    earlier = Earlier(
        db,
        namespace=run["namespace"],
        job=run["job"],
        partitions=[partition],
        before=run["started_at"],
    )
    return ExplainedRun(
        **about,
        recipe=facet.get("digest", ""),
        explained=earlier.nearest(facet, partition),
        reasons=tuple(facet.get("reasons", ())),
        deterministic=not store.nondeterministic(facet.get("digest", "")),
    )
