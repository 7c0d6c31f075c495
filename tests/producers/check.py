"""Three tellings of each stream compared: what was meant, what was said, what begat makes of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from . import said, streams
from .expected import EXPECTED
from .graph import Graph
from .lineage import Lineage, Name, ancestors, differences

#: dbt's log tells of every SQL statement as a run: how many there are is the adapter's affair.
_STATEMENT = re.compile(r"\.sql\.\d+$")


def compared(folder: Path, stream: str, tell: Callable[[str], None]) -> int:
    """How many differences there are in one stream of a folder, each of which is told."""
    events = streams.read(folder / f"{stream}.ndjson")
    meant = _named(EXPECTED[stream], stream, streams.noted(folder))
    spoken, graph = said.lineage(events), Graph(events)
    lines = [
        *(f"the producer: {line}" for line in differences(_folded(spoken), meant)),
        *(f"statements: {line}" for line in _statements(spoken)),
        *(f"the graph: {line}" for line in differences(_folded(graph.lineage()), meant)),
        *(f"ancestry: {line}" for line in _ancestry(graph.ancestry(), meant)),
        *(["the graph depends on the order of events"] if graph.depends_on_order() else ()),
    ]
    for line in lines:
        tell(f"{stream}: {line}")
    tell(f"{stream}: {len(events)} events, {len(lines)} differences")
    return len(lines)


def _ancestry(found: Mapping[Name, frozenset[str]], meant: Lineage) -> list[str]:
    """Datasets whose latest version has other jobs among its ancestors than it should have."""
    lines = []
    for dataset in meant.upstream:
        told, expected = found.get(dataset, frozenset()), ancestors(meant.upstream, dataset)
        if told != expected:
            lines.append(f"{' '.join(dataset)}: {sorted(told)}, not {sorted(expected)}")
    return lines


def _statements(told: Lineage) -> list[str]:
    """Statements that another than the job they are of has called."""
    return [
        f"{job} is called by {sorted(callers)}"
        for job, callers in told.parents.items()
        if (owner := _STATEMENT.sub("", job)) != job and callers != {owner}
    ]


def _folded(told: Lineage) -> Lineage:
    """It, without the runs of single statements."""
    return Lineage(
        upstream=told.upstream,
        ends=_without(told.ends),
        parents=_without(told.parents),
    )


def _without(told: Mapping[str, Any]) -> dict[str, Any]:
    return {job: value for job, value in told.items() if not _STATEMENT.search(job)}


def _named(expected: Lineage, stream: str, names: Mapping[str, str]) -> Lineage:
    """It, with what placeholders stand for in this stream."""
    here = {
        "{" + key.partition(":")[2] + "}": value
        for key, value in names.items()
        if key.partition(":")[0] == stream
    }

    def name(dataset: Name) -> Name:
        namespace, short = dataset
        for placeholder, value in here.items():
            namespace, short = (one.replace(placeholder, value) for one in (namespace, short))
        return (namespace, short)

    return Lineage(
        upstream={
            name(dataset): {job: frozenset(map(name, sources)) for job, sources in jobs.items()}
            for dataset, jobs in expected.upstream.items()
        },
        ends=expected.ends,
        parents=expected.parents,
    )
