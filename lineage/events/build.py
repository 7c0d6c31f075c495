"""Run events from begat's records: plain dictionaries, one call each."""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal

from ..content import merkle
from ..records import Caller, DatasetVersion, ModelVersion, RunRef, Snapshot, State
from . import facets as build
from .facets import CORE, PRODUCER, Facet, Position
from .sealed import Sealed

#: Events name a snapshot's partitions one by one up to this many; above, only its roots.
INLINE_PARTITIONS = 1_000

_SCHEMA_URL = f"{CORE}#/$defs/RunEvent"
_NONE: Mapping[str, Any] = {}


def now() -> str:
    """The time, in UTC, as events write it: `2025-01-31T12:00:00.000000Z`."""
    return f"{datetime.now(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def shifted(time: str, by: timedelta) -> str:
    """A time of `now`'s form, so much later.

    Raises:
        OverflowError: that is before the year 1, or after 9999.

    >>> shifted("2025-01-31T12:00:00.000000Z", timedelta(days=-1))
    '2025-01-30T12:00:00.000000Z'
    """
    then = (datetime.fromisoformat(time) + by).replace(tzinfo=None)
    return f"{then.isoformat(timespec='microseconds')}Z"


def run_event(
    state: State,
    *,
    caller: Caller,
    time: str,
    job_type: Literal["TASK", "FLOW"] = "TASK",
    inputs: Sequence[dict[str, Any]] | None = None,
    outputs: Sequence[dict[str, Any]] | None = None,
    run_facets: Mapping[str, Mapping[str, Any]] = _NONE,
    job_facets: Mapping[str, Mapping[str, Any]] = _NONE,
) -> dict[str, Any]:
    """What happened to a run, as an OpenLineage RunEvent.

    Beside the facets given it carries `parent` (with root), `processing_engine`,
    `nominalTime`, `begat_attempt` and `jobType`, as far as the caller says them.

    Args:
        state: what happened.
        caller: the run it happened to.
        time: when, RFC 3339.
        job_type: whether the run is a task's or a flow's.
        inputs: from `input_dataset`; None: not known, which is not the same as none.
        outputs: from `output_dataset`; likewise.
        run_facets: bodies by key; empty ones are left out, and those without `_producer`
            get it, with the schema of their key. Sealed ones have it.
        job_facets: likewise.
    """
    run = caller.run
    event: dict[str, Any] = {
        "eventType": state,
        "eventTime": time,
        "producer": PRODUCER,
        "schemaURL": _SCHEMA_URL,
        "run": {
            "runId": run.run_id,
            "facets": {**_of_caller(caller), **_complete("run", run_facets)},
        },
        "job": {
            "namespace": run.namespace,
            "name": run.job,
            "facets": {"jobType": _job_type(caller.engine, job_type)}
            | _complete("job", job_facets),
        },
    }
    if inputs is not None:
        event["inputs"] = list(inputs)
    if outputs is not None:
        event["outputs"] = list(outputs)
    return event


def input_dataset(
    value: DatasetVersion | Snapshot | ModelVersion,
    argument: str,
    *,
    rows: bool = True,
    facets: Mapping[str, Mapping[str, Any]] = _NONE,
    input_facets: Mapping[str, Mapping[str, Any]] = _NONE,
) -> dict[str, Any]:
    """What a run read, with which versions of which partitions and who made them.

    Args:
        value: the reference that the run was given.
        argument: where it was among the arguments, `part` or `lookups.weather`.
        rows: name a snapshot's partitions one by one, if they are at most `INLINE_PARTITIONS`,
            instead of the chunks that hold them.
        facets: further facets of the dataset.
        input_facets: further facets of this reading.
    """
    if isinstance(value, ModelVersion):
        about, reading = _model_facets(value), _read_model(value, argument)
    elif isinstance(value, Snapshot):
        chunks = merkle.chunks(value)
        roots = merkle.roots_of(chunks)
        about = _dataset_facets(value.versions[0], roots.content)
        reading = _read_snapshot(value, roots, chunks, argument, inline=rows)
    else:
        about, reading = _dataset_facets(value, value.digest), _read_version(value, argument)
    return {
        **_name(value),
        "facets": about | _complete("dataset", facets),
        "inputFacets": reading | _complete("input", input_facets),
    }


def output_dataset(
    value: DatasetVersion | ModelVersion,
    *,
    facets: Mapping[str, Mapping[str, Any]] = _NONE,
    output_facets: Mapping[str, Mapping[str, Any]] = _NONE,
) -> dict[str, Any]:
    """What a run made.

    Args:
        value: the reference that the run returned.
        facets: further facets of the dataset.
        output_facets: further facets of this writing.
    """
    written: dict[str, Facet] = {}
    if isinstance(value, ModelVersion):
        about = _model_facets(value)
    else:
        about = _dataset_facets(value, value.digest)
        written["outputStatistics"] = build.output_statistics(size=value.size, rows=value.rows)
        if value.partition:
            written["subset"] = build.output_subset([value.partition])
    return {
        **_name(value),
        "facets": about | _complete("dataset", facets),
        "outputFacets": written | _complete("output", output_facets),
    }


# A run says these at its start and at its end, and many runs say the same.
@functools.lru_cache(maxsize=256)
def _of_caller(caller: Caller) -> Mapping[str, Facet]:
    version = caller.engine_version or sys.version.partition(" ")[0]
    found = {"processing_engine": _engine(caller.engine, version)}
    if caller.parent is not None:
        found["parent"] = _parent(caller.parent, caller.root)
    if caller.nominal_time:
        found["nominalTime"] = Sealed(build.nominal_time(caller.nominal_time))
    if caller.attempt > 1 or caller.engine_run_id:
        found["begat_attempt"] = Sealed(
            build.attempt(caller.attempt, engine=caller.engine, engine_run_id=caller.engine_run_id)
        )
    return MappingProxyType(found)


@functools.lru_cache(maxsize=256)
def _engine(name: str, version: str) -> Sealed:
    return Sealed(build.processing_engine(name, version))


@functools.lru_cache(maxsize=256)
def _parent(of: RunRef, root: RunRef | None) -> Sealed:
    return Sealed(build.parent(of, root=root))


@functools.lru_cache(maxsize=256)
def _job_type(engine: str, job_type: str) -> Sealed:
    return Sealed(build.job_type(engine, job_type))


def _complete(position: Position, given: Mapping[str, Mapping[str, Any]]) -> dict[str, Facet]:
    return {key: _whole(position, key, body) for key, body in given.items() if body}


def _whole(position: Position, key: str, body: Mapping[str, Any]) -> Facet:
    if isinstance(body, Sealed):
        return body
    return dict(body) if "_producer" in body else build.facet(position, key, body)


def _name(value: DatasetVersion | Snapshot | ModelVersion) -> dict[str, str]:
    if isinstance(value, ModelVersion):
        return {"namespace": "begat", "name": f"{value.model}/model"}
    dataset = value.dataset
    return {"namespace": dataset.namespace, "name": dataset.name}


def _dataset_facets(version: DatasetVersion, identity: str) -> dict[str, Facet]:
    return {
        "version": build.version(identity),
        "datasetType": build.dataset_type(version.kind),
        "storage": build.storage(version.namespace.partition("://")[0], version.format),
    }


def _model_facets(value: ModelVersion) -> dict[str, Facet]:
    return {
        "version": build.version(value.digest),
        "datasetType": build.dataset_type("MODEL"),
        "begat_modelVersion": build.model_version(value.model, value.version, digest=value.digest),
    }


def _read_version(version: DatasetVersion, argument: str) -> dict[str, Facet]:
    found = {
        "begat_snapshot": build.single(
            argument=argument,
            partition=version.partition,
            producer=version.producer,
            location=version.location,
        ),
        "inputStatistics": build.input_statistics(size=version.size, rows=version.rows),
    }
    if version.partition:
        found["subset"] = build.input_subset([version.partition])
    return found


def _read_snapshot(
    snapshot: Snapshot,
    roots: merkle.Roots,
    chunks: Sequence[merkle.Chunk],
    argument: str,
    *,
    inline: bool,
) -> dict[str, Facet]:
    versions = snapshot.versions
    inline = inline and roots.count <= INLINE_PARTITIONS
    found = {
        "begat_snapshot": build.snapshot(
            argument=argument,
            content_root=roots.content,
            lineage_root=roots.lineage,
            count=roots.count,
            rows=[(v.partition, v.digest, v.producer) for v in versions] if inline else (),
            chunks=() if inline else [chunk.lineage for chunk in chunks],
        ),
        "inputStatistics": build.input_statistics(
            size=sum(v.size for v in versions), rows=_total_rows(versions)
        ),
    }
    if inline and versions[-1].partition:
        found["subset"] = build.input_subset([v.partition for v in versions])
    return found


def _read_model(value: ModelVersion, argument: str) -> dict[str, Facet]:
    return {
        "begat_snapshot": build.single(argument=argument, partition="", producer=value.producer)
    }


def _total_rows(versions: Sequence[DatasetVersion]) -> int | None:
    total = 0
    for version in versions:
        if version.rows is None:
            return None
        total += version.rows
    return total
