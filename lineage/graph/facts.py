"""What one event says, in begat's words; nothing here touches a database.

| event | has | says |
|---|---|---|
| RunEvent | `run` and `job` | what one execution did, read and wrote |
| JobEvent | `job` | what a job is, and what it reads and writes by design |
| DatasetEvent | `dataset` | what a dataset is, and which version of it is there |
"""

from __future__ import annotations

import functools
import marshal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from ..content.merkle import Row
from ..errors import EventError
from ..events.canonical import canonical
from ..events.sealed import Sealed
from ..records import Dataset, RunRef
from . import explicit
from .explicit import Explicit
from .registers import DELETED, WITHOUT_REFERENCES, Body, body, dump
from .shapes import RUN_ID, word

#: How much an event type has to say about its run: an execution's end is its COMPLETE if it
#: has one, else its FAIL, else its ABORT.
RANK = {"OTHER": 0, "START": 1, "RUNNING": 2, "ABORT": 3, "FAIL": 4, "COMPLETE": 5}
ENDED = RANK["ABORT"]
#: What stands in an event's type where it is of no run.
JOB, DATASET = "JOB", "DATASET"

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
#: What reading an event that is none comes to.
_WRONG = (KeyError, TypeError, AttributeError, ValueError, OverflowError)
_NO_RUN = RunRef(run_id="", namespace="", job="")
_NO_DATASET = Dataset(namespace="", name="")
#: What is longer is not kept for when it is said again.
_SHORT = 4096


class _ShapeError(ValueError):
    """A part of an event that is not what it should be: its path, and what is said of it."""

    def __str__(self) -> str:
        return " ".join(self.args)


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionFact:
    """A dataset version, as far as one event describes it."""

    partition: str
    #: Empty where the event names no version.
    digest: str
    producer: str = ""
    size: int | None = None
    rows: int | None = None
    format: str | None = None
    kind: str | None = None

    def named(self, digest: str) -> VersionFact:
        """The same under a digest, where it has none."""
        return self if digest == self.digest else replace(self, digest=digest)


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
    """One entry of an event's inputs or outputs; of several partitions, one each."""

    dataset: Dataset
    what: VersionFact | SnapshotFact
    argument: str = ""
    #: Whether the reader says who made what it read, or that nobody tracked did.
    resolved: bool = False
    facets: Mapping[str, Body] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """One event."""

    hash: str
    #: Normalised: UTC with microseconds, sorts as text.
    time: str
    #: The event type of a run event; else JOB or DATASET.
    type: str
    run: RunRef = _NO_RUN
    parent: RunRef = _NO_RUN
    root: RunRef = _NO_RUN
    #: Run facets by key, job facets by `job.` and theirs; of a dataset event, the dataset's.
    facets: Mapping[str, Body] = field(default_factory=dict)
    #: None where the event says nothing about it, which is not that there is nothing.
    reads: tuple[Use, ...] | None = None
    writes: tuple[Use, ...] | None = None
    #: Datasets that only a facet of another names as what it was made from.
    mentioned: tuple[Dataset, ...] = ()
    #: Which of what was read is in what was written, where the event says so.
    explicit: tuple[Explicit, ...] = ()
    #: Id of the run whose outputs this run passed on instead of working.
    reuse_of: str = ""
    #: What a dataset event is about.
    about: Use = Use(dataset=_NO_DATASET, what=VersionFact(partition="", digest=""))

    @property
    def rank(self) -> int:
        """How much its type has to say."""
        return RANK.get(self.type, 0)

    def stamp(self, origin: str) -> str:
        """Sorts by origin, then (event time, type rank, hash).

        What begat recorded itself outweighs what it was told, whenever either was said.
        """
        return f"{int(origin == 'recorded')}|{self.time}|{self.rank}|{self.hash}"


def facts(event: Mapping[str, Any], event_hash: str) -> Facts:
    """What an event says.

    Raises:
        EventError: it lacks what every event of its kind has, or a part is of another type.
    """
    try:
        if event.get("run") is not None:
            return _run_event(event, event_hash)
        if event.get("job") is not None:
            return _job_event(event, event_hash)
        if event.get("dataset") is None:
            raise ValueError("it has none of 'run', 'job' and 'dataset'")
        return _dataset_event(event, event_hash)
    except _WRONG as error:
        reason = f"it has no {error.args[0]!r}" if isinstance(error, KeyError) else str(error)
        raise EventError(
            f"event {event_hash[:19]}… is no OpenLineage event that begat can read ({reason}); "
            "send a RunEvent, JobEvent or DatasetEvent as its specification says"
        ) from error


def normalised(time: str) -> str:
    """An ISO 8601 time in UTC with microseconds; one without a zone is taken for UTC.

    >>> normalised("2025-01-31T13:00:00+01:00")
    '2025-01-31T12:00:00.000000Z'
    """
    parsed = datetime.fromisoformat(time)
    naive = parsed if parsed.tzinfo is None else parsed.astimezone(UTC).replace(tzinfo=None)
    return f"{naive.isoformat(timespec='microseconds')}Z"


def _run_event(event: Mapping[str, Any], event_hash: str) -> Facts:
    type_ = str(event.get("eventType") or "OTHER").upper()
    if type_ not in RANK:
        raise ValueError(f"eventType is one of {', '.join(RANK)}; got {type_[:40]}")
    run, job = _object(event, "run"), _object(event, "job")
    run_facets, job_facets = _object(run, "facets", "run."), _object(job, "facets", "job.")
    parent = _object(run_facets, "parent", "run.facets.")
    above, root = parent.derived(_above) if isinstance(parent, Sealed) else _above(parent)
    said = _ref(run, job)
    if not said.run_id:
        raise ValueError("its runId is empty")
    outputs = event.get("outputs") or ()
    return Facts(
        hash=event_hash,
        time=_time(event),
        type=type_,
        run=said,
        parent=above,
        root=root,
        facets=_bodies(run_facets, "run.facets")
        | {f"job.{key}": body for key, body in _bodies(job_facets, "job.facets").items()},
        reads=_uses(event, "inputs", _read),
        writes=_uses(event, "outputs", _written),
        mentioned=explicit.mentioned(job_facets, outputs),
        explicit=explicit.entries(said, job_facets, outputs),
        reuse_of=_id(_object(run_facets, "begat_reuse").get("run")),
    )


def _job_event(event: Mapping[str, Any], event_hash: str) -> Facts:
    job = _object(event, "job")
    return Facts(
        hash=event_hash,
        time=_time(event),
        type=JOB,
        run=RunRef(
            run_id="",
            namespace=_name(job, "namespace", "job."),
            job=_name(job, "name", "job."),
        ),
        facets=_bodies(_object(job, "facets", "job."), "job.facets"),
        reads=_uses(event, "inputs", _read),
        writes=_uses(event, "outputs", _written),
    )


def _dataset_event(event: Mapping[str, Any], event_hash: str) -> Facts:
    dataset = _object(event, "dataset")
    try:
        [about, *_] = _use(dataset, "facets")
    except _WRONG as error:
        raise _within("dataset", error) from None
    return Facts(
        hash=event_hash,
        time=_time(event),
        type=DATASET,
        facets=_bodies(_object(dataset, "facets"), "dataset.facets"),
        about=about,
    )


def _time(event: Mapping[str, Any]) -> str:
    time = event["eventTime"]
    try:
        return normalised(time)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"eventTime is an ISO 8601 time; got {str(time)[:40]!r}") from None


def _above(parent: Mapping[str, Any]) -> tuple[RunRef, RunRef]:
    """The parent and the root that a facet names."""
    try:
        root = _object(parent, "root")
        return (
            _ref(_object(parent, "run"), _object(parent, "job")) if "run" in parent else _NO_RUN,
            _ref(_object(root, "run"), _object(root, "job"), "root.") if root else _NO_RUN,
        )
    except _WRONG as error:
        raise _within("run.facets.parent", error) from None


def _ref(run: Mapping[str, Any], job: Mapping[str, Any], where: str = "") -> RunRef:
    if "runId" not in run:
        raise KeyError(f"{where}run.runId")
    return RunRef(
        run_id=_id(run["runId"]),
        namespace=_name(job, "namespace", f"{where}job."),
        job=_name(job, "name", f"{where}job."),
    )


def _id(value: Any) -> str:
    """A run id in one spelling; empty for none."""
    if not value:
        return ""
    run_id = str(value).lower()
    if not RUN_ID.fullmatch(run_id):
        raise ValueError(f"a run id is a UUID; got {str(value)[:60]!r}")
    return run_id


def _name(part: Mapping[str, Any], key: str, where: str = "") -> str:
    name = part.get(key)
    if name is None and key not in part:
        raise KeyError(f"{where}{key}")
    if not isinstance(name, str):
        raise _ShapeError(f"{where}{key}", f"is a string; got {str(name)[:40]}")
    return word(f"{where}{key}", name)


def _object(part: Mapping[str, Any], key: str, where: str = "") -> Mapping[str, Any]:
    """A part of an event that is an object, or is not there."""
    found = part.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise _ShapeError(f"{where}{key}", f"is an object; got {str(found)[:40]}")
    return found


def _within(path: str, error: Exception) -> Exception:
    """The same error of a part, told by where that is in the event."""
    if isinstance(error, KeyError):
        return KeyError(f"{path}.{error.args[0]}")
    if isinstance(error, _ShapeError):
        return _ShapeError(f"{path}.{error.args[0]}", *error.args[1:])
    return ValueError(f"{path}: {error}")


def _bodies(facets: Mapping[str, Mapping[str, Any]], where: str) -> dict[str, Body]:
    return {
        key: facet.derived(_body) if isinstance(facet, Sealed) else _body(facet, key, where)
        for key, facet in facets.items()
        if facet is not None  # which some write for a facet that is not there
    }


def _body(facet: Mapping[str, Any], key: str = "", where: str = "") -> Body:
    if not isinstance(facet, dict):
        raise _ShapeError(f"{where}.{key}", f"is an object; got {str(facet)[:40]}")
    if facet.get("_deleted") is True:
        return DELETED
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
    event: Mapping[str, Any], key: str, use: Callable[[Mapping[str, Any]], tuple[Use, ...]]
) -> tuple[Use, ...] | None:
    entries = event.get(key)
    if entries is None:
        return None
    if not isinstance(entries, (list, tuple)):
        raise TypeError(f"{key} is a list of datasets; got {str(entries)[:40]}")
    found: list[Use] = []
    for entry in entries:
        try:
            found += entry.derived(use) if isinstance(entry, Sealed) else _again(use, entry)
        except _WRONG as error:
            # Counted only now: most entries are what they should be.
            index = next(at for at, one in enumerate(entries) if one is entry)
            raise _within(f"{key}[{index}]", error) from None
    return tuple(found)


def _again(use: Callable[[Mapping[str, Any]], tuple[Use, ...]], entry: Any) -> tuple[Use, ...]:
    """What a dataset of an event says; the end of a run names again what its start named."""
    try:
        said = marshal.dumps(entry, WITHOUT_REFERENCES)
    except ValueError:  # a number that only a Decimal says
        return use(entry)
    return _said_again(use, said) if len(said) <= _SHORT else use(entry)


@functools.lru_cache(maxsize=4096)
def _said_again(
    use: Callable[[Mapping[str, Any]], tuple[Use, ...]], said: bytes
) -> tuple[Use, ...]:
    return use(marshal.loads(said))


def _read(entry: Mapping[str, Any]) -> tuple[Use, ...]:
    return tuple(_use(entry, "inputFacets"))


def _written(entry: Mapping[str, Any]) -> tuple[Use, ...]:
    return tuple(_use(entry, "outputFacets"))


def _use(entry: Mapping[str, Any], position: str) -> Iterator[Use]:
    if not isinstance(entry, dict):
        raise TypeError(f"a dataset is an object; got {str(entry)[:40]}")
    facets, own = _object(entry, "facets"), _object(entry, position)
    reference = _object(own, "begat_snapshot", f"{position}.")
    kept = _kept(facets, "facets") | _kept(own, position)
    if reference.get("location"):
        kept["location"] = body(reference["location"])
    dataset = Dataset(namespace=_name(entry, "namespace"), name=_name(entry, "name"))
    said = _snapshot(reference)
    for what in (said,) if said else _versions(facets, own, reference):
        yield Use(
            dataset=dataset,
            what=what,
            argument=_name(reference, "argument") if "argument" in reference else "",
            resolved=bool(reference) and (isinstance(what, SnapshotFact) or bool(what.digest)),
            facets=kept,
        )


def _kept(facets: Mapping[str, Any], where: str) -> dict[str, Body]:
    return _bodies({key: facets[key] for key in facets if key not in _STRUCTURE}, where)


def _snapshot(reference: Mapping[str, Any]) -> SnapshotFact | None:
    if "lineage_root" not in reference:
        return None
    count = _count(reference, "count")
    if count is None:
        raise ValueError("the count of begat_snapshot is a number of at most 63 bits")
    rows, chunks = _list(reference, "rows"), _list(reference, "chunks")
    if not all(isinstance(row, (list, tuple)) and len(row) == 3 for row in rows):
        raise ValueError("a row of begat_snapshot is a list of partition, version and run")
    return SnapshotFact(
        content_root=_name(reference, "content_root"),
        lineage_root=_name(reference, "lineage_root"),
        count=count,
        rows=tuple(
            (word("partition", str(key)), word("version", str(version)), word("run", str(run)))
            for key, version, run in rows
        ),
        chunks=tuple(map(str, chunks)),
    )


def _versions(
    facets: Mapping[str, Any], own: Mapping[str, Any], reference: Mapping[str, Any]
) -> Iterator[VersionFact]:
    digest = _object(facets, "version", "facets.").get("datasetVersion")
    counted = _object(own, "inputStatistics") or _object(own, "outputStatistics")
    partitions = (
        [word("partition", str(reference["partition"]))]
        if "partition" in reference
        else _partitions(_object(own, "subset"))
    )
    one = len(partitions) == 1  # what is counted is all of them together
    for partition in partitions:
        yield VersionFact(
            partition=partition,
            digest=word("datasetVersion", str(digest or "")),
            producer=_id(reference.get("producer")),
            size=_count(counted, "size") if one else None,
            rows=_count(counted, "rowCount") if one else None,
            format=_word(_object(facets, "storage", "facets."), "fileFormat"),
            kind=_word(_object(facets, "datasetType", "facets."), "datasetType"),
        )


def _count(part: Mapping[str, Any], key: str) -> int | None:
    found = part.get(key)
    # What no database's integer holds was not counted by anybody.
    if isinstance(found, bool) or not isinstance(found, (int, float)) or abs(found) >= 2**63:
        return None
    return int(found)


def _word(part: Mapping[str, Any], key: str) -> str | None:
    found = part.get(key)
    return found if isinstance(found, str) else None


def _partitions(subset: Mapping[str, Any]) -> list[str]:
    """The partition keys that a subset names; the empty one if it names none."""
    condition = _object(subset, "outputCondition") or _object(subset, "inputCondition")
    named = _list(condition, "partitions")
    return list(dict.fromkeys(map(_partition, named))) or [""]


def _list(part: Mapping[str, Any], key: str) -> list[Any]:
    """A part of an event that is a list, or is not there."""
    found = part.get(key)
    if found is None:
        return []
    if not isinstance(found, (list, tuple)):
        raise TypeError(f"{key} is a list; got {str(found)[:40]}")
    return list(found)


def _partition(named: Any) -> str:
    """A partition's identifier; else its dimensions as a hive-style key."""
    if not isinstance(named, dict):
        raise TypeError(f"a partition is an object; got {str(named)[:40]}")
    if identifier := named.get("identifier"):
        return word("a partition's identifier", str(identifier))
    dimensions = _object(named, "dimensions").items()
    return word("a partition", "/".join(f"{key}={value}" for key, value in dimensions))
