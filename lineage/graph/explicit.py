"""What an event says about which inputs are in which outputs.

The `lineage` facet says it outright, on the job or on an output; `columnLineage` names the
columns an output was made from. Either may name datasets that are among nobody's inputs.
(https://openlineage.io/spec/facets/1-0-0/LineageFacet.json)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..records import Dataset, RunRef
from .shapes import RUN_ID, word


@dataclass(frozen=True, kw_only=True, slots=True)
class Explicit:
    """One output, and all that it was made from."""

    written: Dataset
    #: Datasets among what the run read.
    read: tuple[Dataset, ...]
    #: Ids of runs that handed something over without a dataset between.
    runs: tuple[str, ...] = ()
    #: Whether the run itself is named, with all that it read.
    own: bool = False


def entries(run: RunRef, job: Mapping[str, Any], outputs: Iterable[Any]) -> tuple[Explicit, ...]:
    """What `lineage` facets say of each output.

    Args:
        run: whose event it is.
        job: its job's facets.
        outputs: of the event.
    """
    said = [(entry, entry) for entry in _list(_facet(job, "lineage"), "entries")]
    found = [one for one in said if one[0].get("type") == "DATASET"]
    found += [(output, _facet(_facets(output), "lineage")) for output in outputs]
    # An empty list of inputs says that it was made from nothing; none at all says nothing.
    return tuple(
        _explicit(run, *one)
        for one in found
        if isinstance(one[1].get("inputs"), list) or _sources(one[1])
    )


def mentioned(job: Mapping[str, Any], outputs: Iterable[Any]) -> tuple[Dataset, ...]:
    """Datasets that facets name as what something was made from."""
    found: dict[Dataset, None] = {}
    for entry in _list(_facet(job, "lineage"), "entries"):
        found |= dict.fromkeys(map(_dataset, _datasets(entry)))
    for output in outputs:
        facets = _facets(output)
        found |= dict.fromkeys(map(_dataset, _datasets(_facet(facets, "lineage"))))
        columns = _facet(facets, "columnLineage")
        named = [*_fields(columns, "inputFields"), *_list(columns, "dataset")]
        found |= dict.fromkeys(map(_dataset, named))
    return tuple(found)


def _explicit(run: RunRef, target: Mapping[str, Any], said: Mapping[str, Any]) -> Explicit:
    runs = {
        str(source.get("runId") or "").lower(): None
        for source in _sources(said)
        if source.get("type") == "JOB"
    }
    # A job without a run is the event's own, or one of which nobody knows what it had read.
    own = {named for named in runs if named == run.run_id or not RUN_ID.fullmatch(named)}
    return Explicit(
        written=_dataset(target),
        read=tuple(dict.fromkeys(map(_dataset, _datasets(said)))),
        runs=tuple(named for named in runs if named not in own),
        own=bool(own),
    )


def _datasets(said: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    return (source for source in _sources(said) if source.get("type") == "DATASET")


def _sources(said: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*_list(said, "inputs"), *_fields(said, "inputs")]


def _fields(said: Mapping[str, Any], key: str) -> Iterator[Mapping[str, Any]]:
    """The sources of all fields."""
    fields = said.get("fields")
    if isinstance(fields, Mapping):
        for field in fields.values():
            if isinstance(field, Mapping):
                yield from _list(field, key)


def _dataset(named: Mapping[str, Any]) -> Dataset:
    namespace, name = named["namespace"], named["name"]
    if not (isinstance(namespace, str) and isinstance(name, str)):
        raise TypeError("a dataset's namespace and name are strings")
    return Dataset(namespace=word("namespace", namespace), name=word("name", name))


def _facets(output: Any) -> Mapping[str, Any]:
    return _facet(output, "facets") if isinstance(output, Mapping) else {}


def _facet(facets: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = facets.get(key)
    return found if isinstance(found, Mapping) and not found.get("_deleted") else {}


def _list(said: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = said.get(key)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []
