"""What a stream says, read line by line and in no clever way: begat is to find the same.

It knows nothing of begat and keeps no order but that of the lines, so a difference between it
and `expected.py` is the producer's, and one between it and begat's graph is begat's.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from .lineage import UNKNOWN, Lineage, Name

_RANK = ("ABORT", "FAIL", "COMPLETE")


def lineage(events: Iterable[Mapping[str, Any]]) -> Lineage:
    """What these events come to.

    A run id that is used again after its end is another run. A run made its outputs from all
    that any event of it names as an input, or a `columnLineage` facet as a source; only if it
    is complete.
    """
    runs: dict[str, list[list[Mapping[str, Any]]]] = defaultdict(list)
    for event in events:
        executions = runs[event["run"]["runId"]]
        if not executions or (event["eventType"] == "START" and _end(executions[-1]) != UNKNOWN):
            executions.append([])
        executions[-1].append(event)
    upstream: dict[Name, dict[str, frozenset[Name]]] = defaultdict(dict)
    ends: dict[str, Counter[str]] = defaultdict(Counter)
    parents: dict[str, set[str]] = defaultdict(set)
    for run in (execution for executions in runs.values() for execution in executions):
        job, end = run[0]["job"]["name"], _end(run)
        ends[job][end] += 1
        for event in run:
            if parent := event["run"].get("facets", {}).get("parent"):
                parents[job].add(parent["job"]["name"])
        if end == "COMPLETE":
            reads = {_name(one) for event in run for one in event.get("inputs") or ()}
            written = [one for event in run for one in event.get("outputs") or ()]
            columns = {_name(source) for one in written for source in _columns(one)}
            for one in map(_name, written):
                before = upstream[one].get(job, frozenset())
                upstream[one][job] = before | reads | columns
    return Lineage(
        upstream=dict(upstream),
        ends={job: dict(states) for job, states in ends.items()},
        parents={job: frozenset(callers) for job, callers in parents.items()},
    )


def _end(run: Iterable[Mapping[str, Any]]) -> str:
    types = {event["eventType"] for event in run}
    return max(types & set(_RANK), key=_RANK.index, default=UNKNOWN)


def _name(dataset: Mapping[str, Any]) -> Name:
    return (dataset["namespace"], dataset["name"])


def _columns(output: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    fields = (output.get("facets") or {}).get("columnLineage", {}).get("fields", {})
    return [source for field in fields.values() for source in field["inputFields"]]
