"""Made-up events of producers that are not begat, as oddly as real ones send them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from .history import digest, time_at

Event = dict[str, Any]

#: What every facet of every producer has.
_HEAD = {
    "_producer": "https://example.com/producer",
    "_schemaURL": "https://openlineage.io/spec/1-0-0/Base.json#/$defs/BaseFacet",
}
DATASETS = tuple(
    (namespace, name)
    for namespace, name in (
        ("s3://lake", "orders"),
        ("s3://lake", "customers"),
        ("hive://metastore", "shop.orders"),
        ("postgres://shop:5432", "shop.public.report"),
    )
)
_TYPES = ("START", "RUNNING", "COMPLETE", "COMPLETE", "COMPLETE", "FAIL", "ABORT", "OTHER", "")


def facet(**body: Any) -> dict[str, Any]:
    """A facet with what every facet has."""
    return {**_HEAD, **body}


def run_id(number: int) -> str:
    """The id of a run."""
    return str(UUID(int=number, version=4))


def event(
    run: int,
    type_: str,
    minute: int,
    *,
    job: str = "job",
    inputs: list[Any] | None = None,
    outputs: list[Any] | None = None,
    facets: dict[str, Any] | None = None,
    job_facets: dict[str, Any] | None = None,
) -> Event:
    """A run event; without inputs or outputs where they are None."""
    found: Event = {
        "eventTime": time_at(minute),
        "producer": "https://example.com/producer",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": run_id(run), "facets": facets or {}},
        "job": {"namespace": "jobs", "name": job, "facets": job_facets or {}},
    }
    if type_:
        found["eventType"] = type_
    if inputs is not None:
        found["inputs"] = inputs
    if outputs is not None:
        found["outputs"] = outputs
    return found


def dataset(
    named: int | tuple[str, str],
    *,
    version: str = "",
    partition: str = "",
    written: bool = False,
    **facets: dict[str, Any],
) -> dict[str, Any]:
    """An input or an output."""
    namespace, name = DATASETS[named] if isinstance(named, int) else named
    found: dict[str, Any] = {"namespace": namespace, "name": name, "facets": dict(facets)}
    if version:
        found["facets"]["version"] = facet(datasetVersion=version)
    if partition:
        way = "output" if written else "input"
        condition = {"type": "partition", "partitions": [{"identifier": partition}]}
        found[f"{way}Facets"] = {"subset": facet(**{f"{way}Condition": condition})}
    return found


def dataset_event(minute: int, about: dict[str, Any]) -> Event:
    """A DatasetEvent."""
    return {
        "eventTime": time_at(minute),
        "producer": "https://example.com/producer",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/DatasetEvent",
        "dataset": {key: about[key] for key in ("namespace", "name", "facets")},
    }


def job_event(minute: int, job: str = "job", **more: Any) -> Event:
    """A JobEvent."""
    return {
        "eventTime": time_at(minute),
        "producer": "https://example.com/producer",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/JobEvent",
        "job": {"namespace": "jobs", "name": job, "facets": more.pop("facets", {})},
        **more,
    }


@st.composite
def datasets(draw: st.DrawFn, *, written: bool) -> dict[str, Any]:
    """An input or an output, with versions, partitions and facets as they may come."""
    named = draw(st.integers(0, len(DATASETS) - 1))
    facets: dict[str, Any] = {}
    kind = draw(st.integers(0, 11))
    other = draw(st.sampled_from(DATASETS))
    if kind == 0:
        identifiers = [{"namespace": other[0], "name": other[1], "type": "TABLE"}]
        facets["symlinks"] = facet(identifiers=identifiers)
    elif kind == 1:
        facets["symlinks"] = facet(_deleted=True)
    elif kind == 2 and written:
        change = draw(st.sampled_from(["DROP", "TRUNCATE", "OVERWRITE", "CREATE", "RENAME"]))
        body: dict[str, Any] = {"lifecycleStateChange": change}
        if change == "RENAME":
            body["previousIdentifier"] = {"namespace": other[0], "name": other[1]}
        facets["lifecycleStateChange"] = facet(**body)
    elif kind == 3 and written:
        source = {"namespace": other[0], "name": other[1], "field": "a"}
        facets["columnLineage"] = facet(fields={"a": {"inputFields": [source]}})
    elif kind == 4 and written:
        source = {"namespace": other[0], "name": other[1], "type": "DATASET"}
        facets["lineage"] = facet(inputs=draw(st.sampled_from([[], [source]])))
    elif kind == 5:
        fields = [{"name": draw(st.sampled_from("ab"))}]
        facets["schema"] = facet(fields=fields) if draw(st.booleans()) else facet(_deleted=True)
    return dataset(
        named,
        version=draw(st.sampled_from(["", "", "", "v1", "v2", digest("x")])),
        partition=draw(st.sampled_from(["", "", "", "day=1", "day=2"])),
        written=written,
        **facets,
    )


def _maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any] | None]:
    return st.one_of(st.none(), st.lists(strategy, max_size=2))


@st.composite
def run_events(draw: st.DrawFn) -> Event:
    """A run event; few runs and few minutes, so that ids and times come again."""
    facets: dict[str, Any] = {}
    job_facets: dict[str, Any] = {}
    kind = draw(st.integers(0, 7))
    if kind == 0:
        parent = {"namespace": "jobs", "name": "dag"}
        facets["parent"] = facet(run={"runId": run_id(draw(st.integers(0, 4)))}, job=parent)
    elif kind == 1:
        entry = {"type": "JOB", "namespace": "jobs", "name": "job", "runId": run_id(0)}
        target = draw(st.sampled_from(DATASETS))
        said = {"namespace": target[0], "name": target[1], "type": "DATASET", "inputs": [entry]}
        job_facets["lineage"] = facet(entries=[said])
    elif kind == 2:
        tags = [{"key": "team", "value": draw(st.sampled_from("ab"))}]
        facets["tags"] = facet(tags=tags)
        job_facets["sourceCodeLocation"] = facet(version=draw(st.sampled_from(["c1", "c2"])))
    elif kind == 3:
        facets["tags"] = facet(_deleted=True)
    return event(
        draw(st.integers(0, 3)),
        draw(st.sampled_from(_TYPES)),
        draw(st.integers(0, 9)),
        job=draw(st.sampled_from(["job", "other"])),
        inputs=draw(_maybe(datasets(written=False))),
        outputs=draw(_maybe(datasets(written=True))),
        facets=facets,
        job_facets=job_facets,
    )


@st.composite
def standing_events(draw: st.DrawFn) -> Event:
    """A JobEvent or a DatasetEvent."""
    minute = draw(st.integers(0, 9))
    if draw(st.booleans()):
        return dataset_event(minute, draw(datasets(written=True)))
    more: dict[str, Any] = {}
    for key in ("inputs", "outputs"):
        if (found := draw(_maybe(datasets(written=key == "outputs")))) is not None:
            more[key] = found
    return job_event(minute, draw(st.sampled_from(["job", "other"])), **more)


def foreign_events(most: int = 8) -> st.SearchStrategy[list[Event]]:
    """Some events of foreign producers."""
    one = st.one_of(run_events(), run_events(), run_events(), standing_events())
    return st.lists(one, min_size=1, max_size=most)
