"""Lineage: what a stream comes to, in names alone, so that three tellings can be compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

#: Namespace and name.
Name = tuple[str, str]
#: What a run ended as, of which no event says that it ended.
UNKNOWN = ""
#: By dataset: which jobs wrote it, and what each of them made it from.
Upstream = Mapping[Name, Mapping[str, frozenset[Name]]]
#: By job: how its runs ended, and how many did so.
Ends = Mapping[str, Mapping[str, int]]
#: By job: the jobs whose runs called it.
Parents = Mapping[str, frozenset[str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Lineage:
    """What a stream comes to. Jobs all have one namespace and are named without it."""

    upstream: Upstream
    ends: Ends
    parents: Parents


def ancestors(upstream: Upstream, dataset: Name) -> frozenset[str]:
    """Every job that had a part in a dataset."""
    jobs: set[str] = set()
    seen, todo = {dataset}, [dataset]
    while todo:
        for job, sources in upstream.get(todo.pop(), {}).items():
            jobs.add(job)
            todo += sources - seen
            seen |= sources
    return frozenset(jobs)


def differences(told: Lineage, expected: Lineage) -> Iterator[str]:
    """Where a telling is not what was expected, a line each."""
    yield from _compared("made from", _edges(told.upstream), _edges(expected.upstream))
    yield from _compared("ended", _counts(told.ends), _counts(expected.ends))
    yield from _compared("called by", _pairs(told.parents), _pairs(expected.parents))


def _compared(what: str, told: set[str], expected: set[str]) -> Iterator[str]:
    for line in sorted(told - expected):
        yield f"{what}: not expected: {line}"
    for line in sorted(expected - told):
        yield f"{what}: missing: {line}"


def _edges(upstream: Upstream) -> set[str]:
    return {
        f"{' '.join(dataset)} <- {job} <- {', '.join(' '.join(one) for one in sorted(sources))}"
        for dataset, jobs in upstream.items()
        for job, sources in jobs.items()
    }


def _counts(ends: Ends) -> set[str]:
    return {
        f"{job} {state or 'UNKNOWN'} {times} times"
        for job, states in ends.items()
        for state, times in states.items()
    }


def _pairs(parents: Parents) -> set[str]:
    return {f"{job} <- {', '.join(sorted(callers))}" for job, callers in parents.items()}
