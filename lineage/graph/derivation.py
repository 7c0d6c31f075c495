"""How something came to be, folded: the runs of a job are one, the partitions of a dataset are one.

So the answer grows with the number of jobs and datasets, not with that of partitions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from ..records import DatasetVersion, ModelVersion, RunRef
from . import nodes, queries
from .ancestry import Ancestry
from .connection import Connection, Row
from .store import Store

K = TypeVar("K", str, tuple[str, str])

#: What the job of runs is called that are known by their id only.
UNKNOWN = "unknown"
_RUNS_OF_MODEL = """
SELECT r.id FROM model_version m JOIN run r ON r.uuid IN (m.run_id, m.training_run_id)
WHERE m.model = :model AND m.version = :version
"""
_RUN = "SELECT id FROM run WHERE uuid = :uuid"
_PRODUCTS = """
SELECT p.id, COALESCE(r.uuid, '') = :producer AS chosen FROM product p
JOIN version v ON v.id = p.version JOIN dataset d ON d.id = v.dataset
LEFT JOIN run r ON r.id = p.run
WHERE d.namespace = :namespace AND d.name = :name AND v.partition = :partition
    AND v.digest = :digest
ORDER BY chosen DESC, r.ended_at IS NULL, r.ended_at, p.id LIMIT 1
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """A version of a dataset; two producers of the same bytes are one."""

    dataset: str
    partition: str
    digest: str
    rows: int | None
    size: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Derivation:
    """What something stands on, folded; itself among it, if it is a run or a dataset version."""

    #: Ids of runs by job, in the order they started. A flow run that has tasks is left out.
    jobs: Mapping[str, tuple[str, ...]]
    #: Versions by dataset.
    datasets: Mapping[str, frozenset[Version]]
    #: Which versions of a dataset the runs of a job read, by dataset and job.
    reads: Mapping[tuple[str, str], frozenset[Version]]
    #: Which versions of a dataset the runs of a job wrote, by job and dataset.
    writes: Mapping[tuple[str, str], frozenset[Version]]


def derivation(store: Store, of: ModelVersion | RunRef | DatasetVersion) -> Derivation:
    """What a model version, a run or a dataset version stands on.

    Raises:
        StoreError: the store failed.
    """
    with store.read() as db:
        children: list[str] = []
        if isinstance(of, ModelVersion):
            key = {"model": of.model, "version": of.version}
            start = [nodes.run(row) for (row,) in db.execute(_RUNS_OF_MODEL, key)]
        elif isinstance(of, RunRef):
            tasks = queries.task_runs(store, of.run_id)
            children = [task["reuse_of"] or task["run_id"] for task in tasks]
            start = _runs(db, [of.run_id, *children])
        else:
            start = _product(db, of)
        ancestry = Ancestry.of(store, *start)
    flow = of.run_id if isinstance(of, RunRef) and children else ""
    return _folded(ancestry, leave_out=flow)


def _runs(db: Connection, uuids: list[str]) -> list[int]:
    rows = (db.execute(_RUN, {"uuid": uuid}).fetchone() for uuid in uuids)
    return [nodes.run(row["id"]) for row in rows if row is not None]


def _product(db: Connection, of: DatasetVersion) -> list[int]:
    key = {
        "namespace": of.namespace,
        "name": of.name,
        "partition": of.partition,
        "digest": of.digest,
        "producer": of.producer,
    }
    return [nodes.product(row["id"]) for row in db.execute(_PRODUCTS, key)]


def _folded(ancestry: Ancestry, *, leave_out: str) -> Derivation:
    runs = [row for row in ancestry.runs if row["uuid"] != leave_out]
    job_of = {row["id"]: row["job"] or UNKNOWN for row in runs}
    jobs: dict[str, list[str]] = {}
    for row in runs:
        jobs.setdefault(job_of[row["id"]], []).append(row["uuid"])
    versions = {node: _version(row) for node, row in ancestry.products.items()}
    datasets: dict[str, set[Version]] = {}
    writes: dict[tuple[str, str], set[Version]] = {}
    for node, row in ancestry.products.items():
        version = versions[node]
        datasets.setdefault(version.dataset, set()).add(version)
        if row["run"] in job_of:
            writes.setdefault((job_of[row["run"]], version.dataset), set()).add(version)
    reads: dict[tuple[str, str], set[Version]] = {}
    for reading in ancestry.readings:
        if reading.run not in job_of:
            continue
        for node in ancestry.reach(reading.node, past_runs=False) & versions.keys():
            key = (versions[node].dataset, job_of[reading.run])
            reads.setdefault(key, set()).add(versions[node])
    return Derivation(
        jobs={job: tuple(uuids) for job, uuids in jobs.items()},
        datasets=_frozen(datasets),
        reads=_frozen(reads),
        writes=_frozen(writes),
    )


def _version(row: Row) -> Version:
    return Version(
        dataset=queries.dataset_name(row["namespace"], row["name"]),
        partition=row["partition"],
        digest=row["digest"],
        rows=row["rows"],
        size=row["size"],
    )


def _frozen(found: Mapping[K, set[Version]]) -> dict[K, frozenset[Version]]:
    return {key: frozenset(versions) for key, versions in sorted(found.items())}
