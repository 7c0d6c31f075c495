"""What one event says, in begat's words; nothing here touches a database.

State that several events speak of is kept in registers: for each key the body said last,
with a stamp by which "last" is decided. Merging registers is commutative and idempotent,
so the order in which events arrive does not matter.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ..content.merkle import Row
from ..errors import EventError
from ..records import Dataset, RunRef

#: How much an event type has to say about its run: an execution's end is its COMPLETE if it
#: has one, else its FAIL, else its ABORT.
RANK = {"OTHER": 0, "START": 1, "RUNNING": 2, "ABORT": 3, "FAIL": 4, "COMPLETE": 5}
ENDED = RANK["ABORT"]

#: By key: a list of the stamp of the event that said it last, and what it said.
Registers = dict[str, list[Any]]

#: Facets that become columns or edges, and are not kept a second time.
_STRUCTURE = {
    "begat_snapshot",
    "datasetType",
    "inputStatistics",
    "outputStatistics",
    "storage",
    "subset",
    "version",
}
_NO_RUN = RunRef(run_id="", namespace="", job="")

# Numbers that no double says come as Decimal; the event keeps all their digits.
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=float).encode


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionFact:
    """A dataset version, as far as one event describes it."""

    partition: str
    digest: str
    producer: str = ""
    size: int | None = None
    rows: int | None = None
    format: str | None = None
    kind: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SnapshotFact:
    """A snapshot: its roots, and its rows or the chunks they are in, if the event tells."""

    content_root: str
    lineage_root: str
    count: int
    rows: tuple[Row, ...] = ()
    chunks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Use:
    """One entry of an event's inputs or outputs."""

    dataset: Dataset
    what: VersionFact | SnapshotFact
    argument: str = ""
    facets: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """One event."""

    hash: str
    #: Normalised: UTC with microseconds, sorts as text.
    time: str
    type: str
    run: RunRef
    parent: RunRef = _NO_RUN
    root: RunRef = _NO_RUN
    #: Run facets by key, job facets by `job.` and theirs.
    facets: Mapping[str, Any]
    reads: tuple[Use, ...] = ()
    writes: tuple[Use, ...] = ()
    #: Id of the run whose outputs this run passed on instead of working.
    reuse_of: str = ""

    @property
    def rank(self) -> int:
        """How much its type has to say."""
        return RANK[self.type]

    def stamp(self, origin: str) -> str:
        """Sorts by origin, then (event time, type rank, hash).

        What begat recorded itself outweighs what it was told, whenever either was said.
        """
        return f"{int(origin == 'recorded')}|{self.time}|{self.rank}|{self.hash}"


def merge(registers: Registers, said: Mapping[str, Any], stamp: str) -> bool:
    """Let one event speak; whether anything changed."""
    changed = False
    for key, body in said.items():
        if key not in registers or stamp >= registers[key][0]:
            changed = changed or registers.get(key) != [stamp, body]
            registers[key] = [stamp, body]
    return changed


def dump(value: Any) -> str:
    """Registers, or a part of them, as they are stored: one text, whatever was said first."""
    return _encode(value)


def facts(event: Mapping[str, Any], event_hash: str) -> Facts:
    """What an event says.

    Raises:
        EventError: it lacks what every run event has, or a part is of another type.
    """
    try:
        return _facts(event, event_hash)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        reason = f"has no {error.args[0]!r}" if isinstance(error, KeyError) else str(error)
        raise EventError(
            f"event {event_hash[:19]}… is no run event that begat can read ({reason}); "
            "send it as OpenLineage's RunEvent says"
        ) from error


def normalised(time: str) -> str:
    """An ISO 8601 time in UTC with microseconds; one without a zone is taken for UTC.

    >>> normalised("2025-01-31T13:00:00+01:00")
    '2025-01-31T12:00:00.000000Z'
    """
    parsed = datetime.fromisoformat(time)
    naive = parsed if parsed.tzinfo is None else parsed.astimezone(UTC).replace(tzinfo=None)
    return f"{naive.isoformat(timespec='microseconds')}Z"


def _facts(event: Mapping[str, Any], event_hash: str) -> Facts:
    type_ = str(event.get("eventType") or "OTHER").upper()
    if type_ not in RANK:
        raise ValueError(f"eventType is one of {', '.join(RANK)}; got {type_}")
    run_facets = event["run"].get("facets") or {}
    job_facets = event["job"].get("facets") or {}
    parent = run_facets.get("parent") or {}
    return Facts(
        hash=event_hash,
        time=normalised(event["eventTime"]),
        type=type_,
        run=_ref(event["run"], event["job"]),
        parent=_ref(parent["run"], parent["job"]) if parent else _NO_RUN,
        root=_ref(parent["root"]["run"], parent["root"]["job"]) if parent.get("root") else _NO_RUN,
        facets=_bodies(run_facets.items())
        | _bodies((f"job.{key}", body) for key, body in job_facets.items()),
        reads=tuple(_uses(event.get("inputs") or (), "inputFacets")),
        writes=tuple(_uses(event.get("outputs") or (), "outputFacets")),
        reuse_of=((run_facets.get("begat_reuse") or {}).get("run") or "").lower(),
    )


def _ref(run: Mapping[str, Any], job: Mapping[str, Any]) -> RunRef:
    found = RunRef(run_id=run["runId"].lower(), namespace=job["namespace"], job=job["name"])
    if not all(isinstance(part, str) for part in (found.namespace, found.job)):
        raise TypeError("a job's namespace and name are strings")
    return found


def _bodies(facets: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, Any]:
    # The event itself keeps who wrote a facet, and to which schema.
    return {
        key: {name: value for name, value in body.items() if name[0] != "_"} for key, body in facets
    }


def _uses(entries: Iterable[Mapping[str, Any]], position: str) -> Iterable[Use]:
    for entry in entries:
        facets = entry.get("facets") or {}
        own = entry.get(position) or {}
        reference = own.get("begat_snapshot") or {}
        what = _snapshot(reference) or _version(facets, own, reference)
        if what is None:
            continue  # names no version, so no node: the event keeps what it said
        kept = _bodies(item for item in (facets | own).items() if item[0] not in _STRUCTURE)
        if reference.get("location"):
            kept["location"] = reference["location"]
        yield Use(
            dataset=Dataset(namespace=entry["namespace"], name=entry["name"]),
            what=what,
            argument=reference.get("argument", ""),
            facets=kept,
        )


def _snapshot(reference: Mapping[str, Any]) -> SnapshotFact | None:
    if "lineage_root" not in reference:
        return None
    rows = reference.get("rows") or ()
    return SnapshotFact(
        content_root=reference["content_root"],
        lineage_root=reference["lineage_root"],
        count=reference["count"],
        rows=tuple((str(key), str(version), str(run)) for key, version, run in rows),
        chunks=tuple(reference.get("chunks", ())),
    )


def _version(
    facets: Mapping[str, Any], own: Mapping[str, Any], reference: Mapping[str, Any]
) -> VersionFact | None:
    digest = (facets.get("version") or {}).get("datasetVersion")
    if not digest:
        return None
    counted = own.get("inputStatistics") or own.get("outputStatistics") or {}
    return VersionFact(
        partition=reference.get("partition", _partition(own.get("subset") or {})),
        digest=digest,
        producer=(reference.get("producer") or "").lower(),
        size=counted.get("size"),
        rows=counted.get("rowCount"),
        format=(facets.get("storage") or {}).get("fileFormat"),
        kind=(facets.get("datasetType") or {}).get("datasetType"),
    )


def _partition(subset: Mapping[str, Any]) -> str:
    condition = subset.get("outputCondition") or subset.get("inputCondition") or {}
    named = condition.get("partitions") or []
    return str(named[0].get("identifier", "")) if len(named) == 1 else ""
