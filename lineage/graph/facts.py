"""What one event says, in begat's words; nothing here touches a database.

State that several events speak of is kept in registers: for each key the body said last,
with a stamp by which "last" is decided. Merging registers is commutative and idempotent,
so the order in which events arrive does not matter.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ..content.merkle import Row
from ..errors import EventError
from ..events.canonical import canonical
from ..events.sealed import Sealed
from ..records import Dataset, RunRef

#: How much an event type has to say about its run: an execution's end is its COMPLETE if it
#: has one, else its FAIL, else its ABORT.
RANK = {"OTHER": 0, "START": 1, "RUNNING": 2, "ABORT": 3, "FAIL": 4, "COMPLETE": 5}
ENDED = RANK["ABORT"]

#: By key: the stamp of the event that said it last, and what it said, as it is stored.
Registers = dict[str, tuple[str, str]]

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


class Body(NamedTuple):
    """What a facet says, and the text that registers keep of it."""

    said: Any
    text: str


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
    facets: Mapping[str, Body] = field(default_factory=dict)


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
    facets: Mapping[str, Body]
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


def merge(registers: Registers, said: Mapping[str, Body], stamp: str) -> dict[str, Body]:
    """Let one event speak; what it changed."""
    changed = {}
    for key, body in said.items():
        known = registers.get(key)
        if known is None or (stamp >= known[0] and known != (stamp, body.text)):
            registers[key] = (stamp, body.text)
            changed[key] = body
    return changed


def write(registers: Registers) -> str:
    """Registers as they are stored: a JSON object of [stamp, body] by key."""
    parts = (f'{_key(key)}:["{stamp}",{text}]' for key, (stamp, text) in sorted(registers.items()))
    return f"{{{','.join(parts)}}}"


def read(stored: str) -> Registers:
    """The registers that `write` wrote."""
    return {key: (stamp, dump(body)) for key, (stamp, body) in json.loads(stored).items()}


def dump(value: Any) -> str:
    """A part of the registers as it is stored: one text, whatever was said first."""
    return _encode(value)


@functools.lru_cache(maxsize=1024)
def _key(key: str) -> str:
    return _encode(key)


def body(said: Any) -> Body:
    """A body and its text."""
    return Body(said, dump(said))


@functools.lru_cache(maxsize=1024)
def job_body(namespace: str, name: str) -> Body:
    """A job's name as a body."""
    return body((namespace, name))


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
    above, root = parent.derived(_above) if isinstance(parent, Sealed) else _above(parent)
    return Facts(
        hash=event_hash,
        time=normalised(event["eventTime"]),
        type=type_,
        run=_ref(event["run"], event["job"]),
        parent=above,
        root=root,
        facets=_bodies(run_facets.items())
        | _bodies((f"job.{key}", body) for key, body in job_facets.items()),
        reads=tuple(_uses(event.get("inputs") or (), _read)),
        writes=tuple(_uses(event.get("outputs") or (), _written)),
        reuse_of=((run_facets.get("begat_reuse") or {}).get("run") or "").lower(),
    )


def _above(parent: Mapping[str, Any]) -> tuple[RunRef, RunRef]:
    """The parent and the root that a facet names."""
    root = parent.get("root")
    return (
        _ref(parent["run"], parent["job"]) if parent else _NO_RUN,
        _ref(root["run"], root["job"]) if root else _NO_RUN,
    )


def _ref(run: Mapping[str, Any], job: Mapping[str, Any]) -> RunRef:
    found = RunRef(run_id=run["runId"].lower(), namespace=job["namespace"], job=job["name"])
    if not all(isinstance(part, str) for part in (found.namespace, found.job)):
        raise TypeError("a job's namespace and name are strings")
    return found


def _bodies(facets: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, Body]:
    return {
        key: facet.derived(_body) if isinstance(facet, Sealed) else _body(facet)
        for key, facet in facets
    }


def _body(facet: Mapping[str, Any]) -> Body:
    # The event itself keeps who wrote a facet, and to which schema.
    said = {name: value for name, value in facet.items() if name[:1] != "_"}
    if isinstance(facet, Sealed) and len(said) == len(facet) - 2:
        return Body(said, _cut(facet) or dump(said))
    return body(said)


def _cut(facet: Sealed) -> str:
    """The text of a facet's body, out of the facet's own; empty where it is written otherwise."""
    whole = facet.derived(canonical)
    head = _head(str(facet.get("_producer")), str(facet.get("_schemaURL")))
    return f"{{{whole[len(head) :]}" if whole.startswith(head) and whole.isascii() else ""


@functools.lru_cache(maxsize=256)
def _head(producer: str, schema: str) -> str:
    return f"{dump({'_producer': producer, '_schemaURL': schema})[:-1]},"


def _uses(
    entries: Iterable[Mapping[str, Any]], use: Callable[[Mapping[str, Any]], Use | None]
) -> Iterable[Use]:
    for entry in entries:
        found = entry.derived(use) if isinstance(entry, Sealed) else use(entry)
        if found is not None:
            yield found


def _read(entry: Mapping[str, Any]) -> Use | None:
    return _use(entry, "inputFacets")


def _written(entry: Mapping[str, Any]) -> Use | None:
    return _use(entry, "outputFacets")


def _use(entry: Mapping[str, Any], position: str) -> Use | None:
    facets = entry.get("facets") or {}
    own = entry.get(position) or {}
    reference = own.get("begat_snapshot") or {}
    what = _snapshot(reference) or _version(facets, own, reference)
    if what is None:
        return None  # names no version, so no node: the event keeps what it said
    kept = _bodies(item for item in (facets | own).items() if item[0] not in _STRUCTURE)
    if reference.get("location"):
        kept["location"] = body(reference["location"])
    return Use(
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
