"""The values begat passes around: small, frozen, keyword-only.

None of them does any work: reading and writing bytes is `begat.lineage.content`,
events are `begat.lineage.events`, questions are `begat.lineage.graph`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

#: OpenLineage's datasetType, as far as begat writes it.
Kind = Literal["FILE", "TABLE", "MODEL"]
#: What an execution is doing, or how it ended: OpenLineage's event types.
State = Literal["START", "RUNNING", "COMPLETE", "FAIL", "ABORT"]


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Dataset:
    """A dataset by OpenLineage's naming rules.

    Args:
        namespace: `file`, `s3://bucket`, … or `begat` for what begat writes.
        name: the path inside it, or `{pipeline}/{prepared,features,…}`.
    """

    namespace: str
    name: str

    @property
    def logical(self) -> str:
        """The name that recipes use: the same wherever the bytes lie."""
        return self.name if self.namespace == "begat" else self.name.rpartition("/")[2]

    def __str__(self) -> str:
        """`file:/lake/flights` as `file:/lake/flights`; what begat writes by its name alone."""
        return self.name if self.namespace == "begat" else f"{self.namespace}:{self.name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetVersion:
    """One partition of a dataset with exactly these bytes: a reference, never the data.

    The identity is (namespace, name, partition, digest). The rest says how to
    read the bytes and which run this reference was resolved to.
    """

    namespace: str
    name: str
    #: Hive-style key, `month=2013-01`; several joined by `/`; empty without partitions.
    partition: str = ""
    #: `blake3:` and 64 hexadecimal digits, of the bytes (of the manifest's, if many files).
    digest: str
    #: Bytes, all files together.
    size: int = field(compare=False)
    #: Rows of a table, where they have been counted.
    rows: int | None = field(default=None, compare=False)
    #: How to read it: csv, jsonl, parquet, json, skops, bytes; behind it `+files`: a manifest.
    format: str = field(default="bytes", compare=False)
    kind: Kind = field(default="FILE", compare=False)
    #: Id of the run that produced it; empty for what no tracked run made.
    producer: str = ""
    #: Where the bytes were found: a path or URI; empty for what lies only in the store.
    location: str = field(default="", compare=False)
    #: The SQL whose answer it is, where it was read from a database.
    query: str = field(default="", compare=False)

    @property
    def dataset(self) -> Dataset:
        """The dataset this is a version of."""
        return Dataset(namespace=self.namespace, name=self.name)

    def __str__(self) -> str:
        """`flight-delays/prepared[month=2013-01]`."""
        return f"{self.dataset}[{self.partition}]" if self.partition else str(self.dataset)


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """An ordered set of partitions of one dataset, one version each.

    Args:
        versions: at least one, all of one dataset, sorted by partition, none twice.

    Raises:
        ValueError: the versions are none, unsorted, or of several datasets.
    """

    versions: tuple[DatasetVersion, ...]

    def __post_init__(self) -> None:
        if not self.versions:
            raise ValueError("a snapshot needs at least one partition")
        if len({(v.namespace, v.name) for v in self.versions}) > 1:
            raise ValueError("a snapshot holds partitions of one dataset, not of several")
        if any(a.partition >= b.partition for a, b in pairwise(self.versions)):
            raise ValueError("a snapshot's partitions are sorted, each there once")

    @property
    def dataset(self) -> Dataset:
        """The dataset whose partitions these are."""
        return self.versions[0].dataset

    def __str__(self) -> str:
        """`flight-delays/features (11 partitions)`."""
        return f"{self.dataset} ({len(self.versions)} partitions)"


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelVersion:
    """A registered model: `flight-delays@3`."""

    model: str
    version: int
    #: Digest of the model file.
    digest: str = field(compare=False)
    #: The register run that made this version.
    producer: str = field(default="", compare=False)

    @property
    def ref(self) -> str:
        """How commands name it."""
        return f"{self.model}@{self.version}"

    def __str__(self) -> str:
        return self.ref


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRef:
    """A run as others point to it: OpenLineage's (run, job) pair."""

    run_id: str
    namespace: str
    job: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """Who is asking for a task or a flow to be run: all that an adapter has to say."""

    #: This attempt, and the job it is an attempt of (`{flow}.{task}`, or the flow's name).
    run: RunRef
    #: The flow run it belongs to, and the outermost one; none for a bare call.
    parent: RunRef | None = None
    root: RunRef | None = None
    #: 1 for the first.
    attempt: int = 1
    #: Orchestrator and its version, for OpenLineage's `processing_engine`.
    engine: str = "python"
    engine_version: str = ""
    #: The orchestrator's own id of this run, where it has one.
    engine_run_id: str = ""
    #: ISO 8601 time it was scheduled for, where it was scheduled.
    nominal_time: str = ""
    #: Whether another task of the same flow run is what calls it.
    nested: bool = False
