"""What questions to the graph are answered with: frozen records, each with `to_json()`.

An answer says whether it is all there is. `truncated` is true if, and only if, something is
known to be missing, and `reasons` says what:

| reason | what is missing |
|---|---|
| `page` | what stands on other pages; `next` is where the next one begins |
| `depth` | what is further away than was asked for |
| `stop_at` | what lies beyond a dataset or job at which to stop |
| `runs` | what a run did that others name, but whose events have not arrived |
| `snapshots` | rows of a snapshot that have not arrived |
| `size` | the rest: there is more than an answer looks at |
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ..errors import ParameterError

#: What a page holds if nothing else is asked for, and at most.
LIMIT, MOST = 1000, 10_000


class Record:
    """A value that is also a JSON object."""

    __slots__ = ()
    #: What kind of node it is; empty for what is none.
    kind: ClassVar[str] = ""

    def to_json(self) -> dict[str, Any]:
        """All of it, as JSON holds it."""
        named = {"kind": self.kind} if self.kind else {}
        # Every record is a dataclass, which this class alone cannot say.
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        return named | {one.name: _json(getattr(self, one.name)) for one in fields}


@dataclass(frozen=True, kw_only=True, slots=True)
class RunNode(Record):
    """An execution of a run."""

    kind: ClassVar[str] = "run"
    key: str
    #: How many runs away from the start it was first met.
    depth: int
    run_id: str
    namespace: str
    job: str
    state: str
    started_at: str | None
    ended_at: str | None
    #: The run it is part of.
    parent: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionNode(Record):
    """A dataset version as one run made it, or as it was found."""

    kind: ClassVar[str] = "version"
    key: str
    depth: int
    dataset: str
    partition: str
    #: Empty where a run read the dataset and nobody said which version was there.
    digest: str
    #: Id of the run that made it, and that run's job; null for what no tracked run made.
    producer: str | None
    job: str | None
    rows: int | None
    bytes: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class SnapshotNode(Record):
    """Many partitions of a dataset, read as one; smaller ones are told by their versions."""

    kind: ClassVar[str] = "snapshot"
    key: str
    depth: int
    dataset: str
    partitions: int
    content_root: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelNode(Record):
    """A model version, which stands on the runs that trained and registered it."""

    kind: ClassVar[str] = "model"
    key: str
    depth: int
    model: str
    version: int
    stage: str
    aliases: tuple[str, ...]
    created_at: str
    run_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnNode(Record):
    """A column of a dataset version; `*` is all of them together."""

    kind: ClassVar[str] = "column"
    key: str
    depth: int
    dataset: str
    partition: str
    digest: str
    producer: str | None
    column: str


Node = RunNode | VersionNode | SnapshotNode | ModelNode | ColumnNode


@dataclass(frozen=True, kw_only=True, slots=True)
class Edge(Record):
    """That one node stands on another, by their keys."""

    child: str
    parent: str
    #: Between columns: what says so, `lineage`, `columnLineage`, or `all` if nothing does.
    by: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked(Record):
    """What a reference was taken for."""

    ref: str
    #: model, run, version, partition, dataset, job, column, commit, image, package, packages, tag
    what: str
    name: str
    #: Other names of the dataset.
    also_known_as: tuple[str, ...] = ()
    #: Other executions of the run, where its id was used again.
    executions: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer(Record):
    """What every answer has."""

    #: Why it is not all there is; empty if it is.
    reasons: tuple[str, ...] = ()
    #: What to give as `after` for the next page; null on the last.
    next: str | None = None

    @property
    def truncated(self) -> bool:
        """Whether something is known to be missing."""
        return bool(self.reasons)

    def to_json(self) -> dict[str, Any]:
        """All of it, as JSON holds it."""
        # Slots make a class anew, so that `super()` alone would not find it.
        return Record.to_json(self) | {"truncated": self.truncated}


@dataclass(frozen=True, kw_only=True, slots=True)
class Lineage(Answer):
    """Nodes by depth and key, and the edges among them and to nodes of earlier pages."""

    asked: Asked
    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Path(Answer):
    """A shortest chain from one thing to another."""

    a: Asked
    b: Asked
    #: `up` if `a` stands on `b`, `down` if `b` stands on `a`; null if neither does.
    direction: str | None = None
    #: From `a` to `b`, both among them.
    nodes: tuple[Node, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Impact(Answer):
    """The model versions that stand on something, by model and number."""

    asked: Asked
    models: tuple[ModelNode, ...] = ()
    #: How many runs and dataset versions stand on it, itself among them, and of how many datasets.
    runs: int = 0
    versions: int = 0
    datasets: int = 0
    #: MODEL@VERSION of those that events tell of and another store registered; on every page.
    elsewhere: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing(Answer):
    """Things of one kind, in a fixed order."""

    items: tuple[Record, ...] = ()


def limited(limit: int) -> int:
    """How many a page may hold.

    Raises:
        ParameterError: it is not from 1 to 10,000.
    """
    if not 1 <= limit <= MOST:
        raise ParameterError(f"a page holds 1 to {MOST:,}; got a limit of {limit}")
    return limit


def _json(value: Any) -> Any:
    if isinstance(value, Record):
        return value.to_json()
    if isinstance(value, tuple):
        return [_json(one) for one in value]
    if isinstance(value, Mapping):
        return {key: _json(one) for key, one in value.items()}
    return value
