"""The data of both sides: what came in from outside, and what was made from it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..graph import nodes, queries
from ..graph.connection import Connection, Row
from . import neighbours, quality
from .pairing import PRODUCTS, Change, Others, paired
from .reading import Reader
from .sides import Side
from .walk import Differing

_READINGS = """
SELECT run, node, argument FROM reading
WHERE run IN (SELECT CAST(value AS BIGINT) FROM json_each(:runs))
"""
_LOCATIONS = """
SELECT node, facets FROM reading WHERE node IN (SELECT CAST(value AS BIGINT) FROM json_each(:nodes))
"""
_NEAREST = {"train": 0, "both": 1, "holdout": 2, "lookup": 3, None: 4}


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """Every partition that differs, of raw data and of what was made."""

    raw: tuple[Change, ...]
    made: tuple[Change, ...]
    #: Role by node, of what only the old side has, and only the new side.
    roles: tuple[Mapping[int, str | None], Mapping[int, str | None]]

    def role(self, change: Change, side: int) -> str | None:
        """What a version was for: train, holdout, both or lookup."""
        rows = (change.old, change.new)
        # One that both sides hold has no role of its own here: that of the one it is paired with.
        for at in (side, 1 - side):
            row = rows[at]
            if row is not None and nodes.product(row["id"]) in self.roles[at]:
                return self.roles[at][nodes.product(row["id"])]
        return None


def changes(db: Connection, found: Differing, old: Side, new: Side) -> Changes:
    """What differs, partition by partition."""
    rows = [_rows(db, only) for only in (found.old, found.new)]
    asked: list[Row] = []
    if old.product is not None and new.product is not None:
        asked = [row for node in (old.product, new.product) for row in _rows(db, [node])]
    others = Others(db, starts=(old.start, new.start))
    raw = others.paired(paired(*([row for row in side if not row["run"]] for side in rows)))
    made = others.paired(paired(*([row for row in side if row["run"]] for side in rows)))
    if asked:
        # What was asked for is compared with each other, whatever partitions they are.
        raw, made = (_without(items, asked) for items in (raw, made))
        if asked[0]["digest"] != asked[1]["digest"]:
            is_made = all(row["run"] for row in asked)
            (made if is_made else raw).insert(0, Change(old=asked[0], new=asked[1]))
    return Changes(
        raw=tuple(raw),
        made=tuple(made),
        roles=(_roles(db, found, old, found.old), _roles(db, found, new, found.new)),
    )


def raw_entries(
    db: Connection,
    found: Changes,
    only: Differing,
    sides: tuple[Side, Side],
    reader: Reader,
) -> dict[str, list[dict[str, Any]]]:
    """`added`, `removed` and `changed` raw partitions, compared as far as they can be."""
    where = located(db, {nodes.product(one.row["id"]) for one in found.raw})
    said = quality.of(db, found.raw, only.old | only.new)
    calendars: dict[int, list[str]] = {}
    entries: dict[str, list[dict[str, Any]]] = {"added": [], "removed": [], "changed": []}
    for change in sorted(found.raw, key=lambda one: _order(found, said, one)):
        if change.old is not None and change.new is not None:
            entries["changed"].append(_changed(change, found, where, said, reader))
            continue
        side = int(change.old is None)
        entries[("removed", "added")[side]].append(
            _described_entry(change.row)
            | {
                "role": found.role(change, side),
                "location": where.get(nodes.product(change.row["id"])),
                "beside": neighbours.compare(db, change.row, sides[side].start, reader, calendars),
            }
        )
    return {
        kind: sorted(items, key=lambda e: (e["dataset"], e["partition"]))
        for kind, items in entries.items()
    }


def made_entries(found: Changes, old: Side, new: Side, reader: Reader) -> dict[str, Any]:
    """`added`, `removed` and `changed` of what followed: prepared data, features, models."""
    entries: dict[str, list[dict[str, Any]]] = {"added": [], "removed": [], "changed": []}
    for change in found.made:
        if change.old is None or change.new is None:
            kind = "added" if change.old is None else "removed"
            entries[kind].append(_described_entry(change.row))
            continue
        entry = _both(change.old, change.new)
        if (change.old["id"], change.new["id"]) == _ids(old, new):
            entry |= reader.compare(change.old, change.new)
        entries["changed"].append(entry)
    return entries


def same_entries(db: Connection, products: Iterable[int]) -> list[dict[str, Any]]:
    """Raw versions that both sides stand on."""
    found = [_described_entry(row) for row in _rows(db, products) if not row["run"]]
    return sorted(found, key=lambda entry: (entry["dataset"], entry["partition"]))


def _ids(old: Side, new: Side) -> tuple[int, int] | None:
    if old.product is None or new.product is None:
        return None
    return old.product // 4, new.product // 4


def _changed(
    change: Change,
    found: Changes,
    where: Mapping[int, str],
    said: quality.Said,
    reader: Reader,
) -> dict[str, Any]:
    assert change.old is not None, "both are there"
    assert change.new is not None, "both are there"
    entry = _both(change.old, change.new)
    entry["role"] = found.role(change, 1)
    entry["role_before"] = found.role(change, 0)
    entry["location"] = where.get(nodes.product(change.new["id"]))
    told = reader.compare(change.old, change.new)
    if "rows" in told:
        told["rows"] = entry["rows"] | told["rows"]
    return entry | told | {"quality": said.compare(change.old["id"], change.new["id"])}


def _both(old: Row, new: Row) -> dict[str, Any]:
    entry = {
        "dataset": queries.dataset_name(new["namespace"], new["name"]),
        "partition": new["partition"],
    }
    if old["dataset_id"] != new["dataset_id"]:
        entry["dataset_before"] = queries.dataset_name(old["namespace"], old["name"])
    if old["partition"] != new["partition"]:
        entry["partition_before"] = old["partition"]
    columns = (("digest", "digest"), ("rows", "rows"), ("bytes", "size"))
    return entry | {key: {"old": old[name], "new": new[name]} for key, name in columns}


def _described_entry(row: Row) -> dict[str, Any]:
    return {
        "dataset": queries.dataset_name(row["namespace"], row["name"]),
        "partition": row["partition"],
        "digest": row["digest"],
        "rows": row["rows"],
        "bytes": row["size"],
    }


def _rows(db: Connection, only: Iterable[int]) -> list[Row]:
    ids = [node // 4 for node in only if node % 4 == nodes.PRODUCT]
    return db.execute(PRODUCTS, {"products": json.dumps(sorted(ids))}).fetchall()


def _without(found: list[Change], rows: list[Row]) -> list[Change]:
    named = {row["id"] for row in rows}
    return [one for one in found if not named & {row["id"] for row in (one.old, one.new) if row}]


def _roles(
    db: Connection, found: Differing, side: Side, only: frozenset[int]
) -> dict[int, str | None]:
    """What each raw version of one side was for, by the way it was reached."""
    runs = sorted(node // 4 for node in only if node % 4 == nodes.RUN)
    kinds: dict[bool, set[int]] = defaultdict(set)
    for _, node, argument in db.execute(_READINGS, {"runs": json.dumps(runs)}):
        is_lookup = argument.partition(".")[0].partition("[")[0] == "lookups"
        kinds[is_lookup] |= found.reach([node], past_runs=False)
    lookups = kinds[True] - kinds[False]
    trained = found.reach(side.trained.nodes)
    held = found.reach(side.held.nodes, without=side.held.without)
    roles: dict[int, str | None] = {}
    for node in only:
        if node % 4 != nodes.PRODUCT:
            continue
        if node in lookups:
            roles[node] = "lookup"
        elif not side.training:
            roles[node] = None
        else:
            both = (node in trained, node in held)
            roles[node] = {(True, False): "train", (False, True): "holdout"}.get(both, "both")
    return roles


def located(db: Connection, products: Iterable[int]) -> dict[int, str]:
    """Where the bytes of what was read were found, by the node of what it was."""
    found = {}
    for row in db.execute(_LOCATIONS, {"nodes": json.dumps(sorted(products))}):
        if location := queries.facets_of(row).get("location"):
            found[row["node"]] = location
    return found


def _order(found: Changes, said: quality.Said, change: Change) -> tuple[Any, ...]:
    """Which tables to compare first, if there are more than can be compared.

    Those that moved by what is recorded of them, then those whose size did.
    """
    ids = [row["id"] for row in (change.old, change.new) if row is not None]
    moved = said.moved(*ids) if len(ids) == 2 else 0.0
    sizes = [row["size"] or 1 for row in (change.old, change.new) if row is not None]
    grown = max(sizes) / min(sizes)
    roles = [_NEAREST[found.role(change, side)] for side in (0, 1)]
    return (-moved, -grown, min(roles), change.row["name"], change.row["partition"])
