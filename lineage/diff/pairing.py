"""Which version of one side belongs to which of the other: the same partition, then and now."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from ..graph import nodes
from ..graph.connection import Connection, Row
from ..records import Dataset
from . import walk
from .walk import Start

PRODUCTS = """
SELECT p.id, p.run, v.dataset AS dataset_id, d.namespace, d.name, v.partition, v.digest, v.rows,
    v.size, v.format, v.kind
FROM product p JOIN version v ON v.id = p.version JOIN dataset d ON d.id = v.dataset
WHERE p.id IN (SELECT CAST(value AS BIGINT) FROM json_each(:products))
"""
_NAMESAKES = """
SELECT p.id, p.run, v.dataset AS dataset_id, d.namespace, d.name, v.partition, v.digest, v.rows,
    v.size, v.format, v.kind
FROM version v JOIN product p ON p.version = v.id JOIN dataset d ON d.id = v.dataset
WHERE v.dataset IN (SELECT CAST(value AS BIGINT) FROM json_each(:datasets))
    AND v.partition = :partition
    AND CASE WHEN p.run = 0 THEN 0 ELSE 1 END = :made
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A partition of which both sides have another version, or only one side has one."""

    old: Row | None
    new: Row | None

    @property
    def row(self) -> Row:
        """The new version, or the old one if there is no new one."""
        found = self.new or self.old
        assert found is not None, "a change has a side"
        return found

    @property
    def name(self) -> str:
        """`file:/lake/flights[month=2013-07]`, shortened to the dataset's last part."""
        return name_of(self.row)


def paired(old: list[Row], new: list[Row]) -> list[Change]:
    """Versions of one partition of one dataset belong together; the same bytes do not differ.

    Those of a dataset that lies elsewhere now belong together by its last name.
    """
    first, second = ({_key(row): row for row in side} for side in (old, new))
    same = [(first.pop(key), second.pop(key)) for key in sorted({*first} & {*second})]
    moved = [{_logical(row): key for key, row in side.items()} for side in (first, second)]
    same += [
        (first.pop(moved[0][logical]), second.pop(moved[1][logical]))
        for logical in sorted({*moved[0]} & {*moved[1]})
    ]
    found = [Change(old=a, new=b) for a, b in same if a["digest"] != b["digest"]]
    found += [Change(old=row, new=None) for row in first.values()]
    found += [Change(old=None, new=row) for row in second.values()]
    return sorted(found, key=lambda one: (one.row["name"], one.row["partition"]))


def _key(row: Row) -> tuple[Any, ...]:
    return row["namespace"], row["name"], row["partition"]


def _logical(row: Row) -> tuple[str, str]:
    named = Dataset(namespace=row["namespace"], name=row["name"])
    # What begat writes is under the pipeline's name: another pipeline's is under its own.
    own = named.name.rpartition("/")[2] if row["run"] else named.logical
    return own, row["partition"]


class Others:
    """Versions that both sides hold, of partitions of which one side has another one besides.

    So it is where what was made of a changed table is the same for most partitions: those still
    stand on the table as it was.
    """

    def __init__(self, db: Connection, starts: tuple[Start, Start]) -> None:
        self._db = db
        self._starts = starts
        self._datasets: dict[str, list[int]] = defaultdict(list)
        for row in db.execute("SELECT id, namespace, name FROM dataset"):
            named = Dataset(namespace=row["namespace"], name=row["name"])
            self._datasets[named.logical].append(row["id"])

    def paired(self, found: list[Change]) -> list[Change]:
        """The changes, with what only one side seemed to have beside what the other has of it."""
        return [other for change in found if (other := self._paired(change)) is not None]

    def _paired(self, change: Change) -> Change | None:
        if change.old is not None and change.new is not None:
            return change
        row, side = change.row, int(change.old is not None)
        known = self._known(row, self._starts[side])
        if known is None:
            return change
        if known["digest"] == row["digest"]:
            return None
        return Change(old=known, new=row) if side == 0 else Change(old=row, new=known)

    def _known(self, row: Row, start: Start) -> Row | None:
        """The other side's version of a partition, of the same dataset if it has one of that."""
        named = Dataset(namespace=row["namespace"], name=row["name"])
        given = {
            "datasets": json.dumps(self._datasets[named.logical]),
            "partition": row["partition"],
            "made": int(bool(row["run"])),
        }
        there = {nodes.product(one["id"]): one for one in self._db.execute(_NAMESAKES, given)}
        members = [there[node] for node in walk.behind(self._db, there, start)]

        def nearest(one: Row) -> tuple[bool, bool, int]:
            return one["digest"] == row["digest"], one["dataset_id"] == row["dataset_id"], one["id"]

        return max(members, key=nearest, default=None)


def name_of(row: Row) -> str:
    """A version as people call it: `flights[month=2013-07]`."""
    dataset = Dataset(namespace=row["namespace"], name=row["name"])
    partition = row["partition"]
    return f"{dataset.logical}[{partition}]" if partition else dataset.logical
