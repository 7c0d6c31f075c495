"""The recipes of both sides, task by task: which parts of them differ."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..graph import nodes, queries
from ..graph.connection import Connection, Row
from . import walk
from .sides import Side
from .walk import Differing

#: The parts of a recipe that say how, beside the inputs, which say of what.
PARTS = (
    *("function", "version", "functions", "arguments", "parameters"),
    *("packages", "python", "environment", "seed"),
)
#: Runs whose facets are in memory at once.
_AT_ONCE = 500
_JOBS = """
SELECT r.id FROM run r JOIN job j ON j.id = r.job
WHERE j.name = :job AND r.state = 'COMPLETE' AND r.reuse_of IS NULL
ORDER BY r.ended_at DESC, r.id DESC LIMIT 50
"""

Facets = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One task as both sides ran it; None where a side has no such task."""

    #: `featurize`, the job's last part.
    name: str
    old: Facets | None
    new: Facets | None
    #: How many runs of the two sides are like these.
    runs: tuple[int, int]

    @property
    def recipes(self) -> tuple[Facets, Facets]:
        """Both recipes; empty where there is none."""
        return _recipe(self.old), _recipe(self.new)

    def part(self, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """A part of both recipes that has names in it."""
        found = [recipe.get(name) for recipe in self.recipes]
        return tuple(part if isinstance(part, dict) else {} for part in found)  # type: ignore[return-value]  # two of them


def differing_tasks(db: Connection, found: Differing, old: Side, new: Side) -> list[Task]:
    """Tasks of which the two sides have runs with other recipes.

    Runs that differ in their inputs only are alike. Where only one side has runs of its own,
    they are compared with one that both share.
    """
    kinds = [_kinds(db, only) for only in (found.old, found.new)]
    shared = _kinds(db, found.shared_runs)
    tasks: list[Task] = []
    for name in sorted({*kinds[0], *kinds[1]}):
        sides = [dict(kind.get(name, {})) for kind in kinds]
        for mine, other, start in ((0, 1, old.start), (1, 0, new.start)):
            if not sides[mine]:
                known = shared.get(name) or _elsewhere(db, sides[other], start)
                sides[mine] = {key: kind.counted(0) for key, kind in known.items()}
        tasks += _compared(name, sides[0], sides[1])
    return tasks


def all_tasks(db: Connection, old: Side, new: Side) -> list[Task]:
    """Every task of both sides, those that do not differ too."""
    whole = [_kinds(db, walk.everything(db, side.start)) for side in (old, new)]
    tasks: list[Task] = []
    for name in sorted({*whole[0], *whole[1]}):
        sides = [whole[0].get(name, {}), whole[1].get(name, {})]
        for key in sorted({*sides[0]} & {*sides[1]}):
            kinds = sides[0][key], sides[1][key]
            tasks.append(_task(name, *kinds))
        tasks += _compared(name, sides[0], sides[1])
    return tasks


@dataclass(frozen=True, kw_only=True, slots=True)
class _Kind:
    """Runs that differ in their inputs only, and one of them."""

    job: str
    facets: Facets
    runs: int

    def counted(self, runs: int) -> _Kind:
        return _Kind(job=self.job, facets=self.facets, runs=runs)


_Kinds = dict[str, dict[str, _Kind]]


def _kinds(db: Connection, only: Iterable[int]) -> _Kinds:
    """By the task's name, and by what its recipes have in common."""
    found: _Kinds = defaultdict(dict)
    runs = sorted(node // 4 for node in only if node % 4 == nodes.RUN)
    for row in _facets(db, runs):
        facets = queries.facets_of(row)
        recipe = _recipe(facets)
        if not row["job"] or not recipe:
            continue
        name = row["job"].rpartition(".")[2]
        key = json.dumps([recipe.get(part) for part in PARTS], sort_keys=True)
        before = found[name].get(key)
        found[name][key] = (
            before.counted(before.runs + 1)
            if before
            else _Kind(job=row["job"], facets=facets, runs=1)
        )
    return found


def _facets(db: Connection, runs: Sequence[int]) -> Iterator[Row]:
    for at in range(0, len(runs), _AT_ONCE):
        yield from queries.runs(db, list(runs[at : at + _AT_ONCE]))


def _elsewhere(
    db: Connection, kinds: Mapping[str, _Kind], start: walk.Start
) -> Mapping[str, _Kind]:
    """Runs of the same job that a side stands on without having them for itself."""
    for job in sorted({kind.job for kind in kinds.values()}):
        ids = [nodes.run(run) for (run,) in db.execute(_JOBS, {"job": job})]
        if members := walk.behind(db, ids, start):
            return _kinds(db, [max(members)]).get(job.rpartition(".")[2], {})
    return {}


def _compared(name: str, old: Mapping[str, _Kind], new: Mapping[str, _Kind]) -> list[Task]:
    """Kinds of runs that only one side has, each against its like on the other."""
    sides = [
        sorted(
            ((key, kind) for key, kind in mine.items() if key not in other),
            key=lambda item: (-item[1].runs, item[0]),
        )
        for mine, other in ((old, new), (new, old))
    ]
    length = max(map(len, sides))
    if not length:
        return []
    # A side without a kind of its own is represented by the one it has most runs of.
    most = [max(mine.values(), key=lambda kind: kind.runs, default=None) for mine in (old, new)]
    rest: list[list[_Kind | None]] = [
        [*(kind for _, kind in side), *([most[at]] * (length - len(side)))]
        for at, side in enumerate(sides)
    ]
    return [_task(name, a, b) for a, b in zip(*rest, strict=True)]


def _task(name: str, old: _Kind | None, new: _Kind | None) -> Task:
    return Task(
        name=name,
        old=old.facets if old else None,
        new=new.facets if new else None,
        runs=(old.runs if old else 0, new.runs if new else 0),
    )


def _recipe(facets: Facets | None) -> Facets:
    found: Facets = (facets or {}).get("begat_recipe", {})
    return found
