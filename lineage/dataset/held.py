"""The versions of datasets that a reference stands on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..diff import walk
from ..diff.data import located
from ..diff.pairing import PRODUCTS
from ..diff.sides import side
from ..errors import ParameterError, RefError
from ..graph import nodes, queries, resolve, subject
from ..graph.connection import Connection, Row
from ..graph.store import Store
from ..partitions import natural
from ..records import DatasetVersion

RAW, LOOKUPS = "raw", "lookups"
#: What people look for first.
_ORDER = (RAW, LOOKUPS, "prepared", "quarantine", "features")
_TABLES = ("csv", "jsonl", "parquet")
_DATA = ("dataset", "partition", "version")
_MADE = """
SELECT id FROM product WHERE run IN (SELECT CAST(value AS BIGINT) FROM json_each(:runs))
"""
_READINGS = """
SELECT node, argument FROM reading
WHERE run IN (SELECT CAST(value AS BIGINT) FROM json_each(:runs))
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A version of a partition, and what it was for."""

    version: DatasetVersion
    #: raw, lookups; of what begat wrote the last part of its name: prepared, features.
    role: str
    #: As the graph has it.
    row: Row

    @property
    def dataset(self) -> str:
        """The dataset as people write it."""
        return str(self.version.dataset)


def held(store: Store, ref: str) -> list[Part]:
    """The tables and raw files that a reference stands on, or that it names.

    Args:
        store: where lineage is.
        ref: a model version, a run, a dataset (what is current of it), a partition, a digest.

    Returns:
        Raw data first, then lookups, prepared data and features; partitions in natural order.

    Raises:
        RefError: it names nothing, too much, or no data.
        StoreError: the store failed.
    """
    with store.read() as db:
        if _is_data(db, ref):
            start = subject.find(db, ref, "up").start
            # A dataset of which only readings are known has no version to show.
            found = {node for node in start if node % 4 == nodes.PRODUCT}
            lookups: set[int] = set()
        else:
            found, lookups = _behind(db, side(store, ref).start)
        rows = _rows(db, found)
        where = located(db, [nodes.product(row["id"]) for row in rows if not row["run"]])
        parts = [_part(row, where, lookups) for row in rows]
    kept = {(part.version, part.role): part for part in parts if part.role == RAW or _keeps(part)}
    if not kept:
        raise RefError(f"{ref} stands on no data that is known; name a model version or a dataset")
    return sorted(kept.values(), key=_order)


def choose(parts: Sequence[Part], names: Iterable[str]) -> list[Part]:
    """Those of these datasets or roles; all if there are no names.

    Args:
        parts: what there is.
        names: raw, lookups, prepared, features, or a dataset's name, or a tail of it.

    Raises:
        ParameterError: nothing is called so.
    """
    wanted = list(names)
    chosen: list[Part] = []
    for name in wanted:
        own = [part for part in parts if name in (part.role, part.dataset, part.version.name)]
        own = own or [part for part in parts if part.version.name.endswith(f"/{name}")]
        if not own:
            there = dict.fromkeys(f"{part.role} ({part.dataset})" for part in parts)
            raise ParameterError(f"there is no dataset {name!r}; there are {', '.join(there)}")
        chosen += [part for part in own if part not in chosen]
    return chosen if wanted else list(parts)


def _is_data(db: Connection, ref: str) -> bool:
    """Whether a reference names data itself, not what stands on it."""
    if "@" in ref and not resolve.datasets(db, ref):
        return False
    if resolve.RUN_ID.fullmatch(ref) and resolve.runs(db, ref):
        return False
    what = subject.find(db, ref, "up").asked.what
    if what not in _DATA:
        raise RefError(
            f"{ref} is a {what}; name a model version, a run, a dataset, a partition of one, or "
            "blake3:…"
        )
    return True


def _behind(db: Connection, start: walk.Start) -> tuple[set[int], set[int]]:
    """All that stands behind runs, and what they made; and which of it is a lookup only."""
    reached = walk.everything(db, start)
    runs = json.dumps(sorted(node // 4 for node in reached if node % 4 == nodes.RUN))
    own = json.dumps(sorted(node // 4 for node in start.nodes if node % 4 == nodes.RUN))
    made = {nodes.product(row) for (row,) in db.execute(_MADE, {"runs": own})}
    kinds: dict[bool, set[int]] = {True: set(), False: set()}
    for node, argument in db.execute(_READINGS, {"runs": runs}):
        kinds[argument.partition(".")[0].partition("[")[0] == LOOKUPS].add(node)
    return {n for n in reached if n % 4 == nodes.PRODUCT} | made, kinds[True] - kinds[False]


def _rows(db: Connection, found: Iterable[int]) -> list[Row]:
    ids = json.dumps(sorted(node // 4 for node in found))
    return db.execute(PRODUCTS, {"products": ids}).fetchall()


def _part(row: Row, where: dict[int, str], lookups: set[int]) -> Part:
    node = nodes.product(row["id"])
    version = replace(queries.version_of(row), location=where.get(node, ""))
    role = version.name.rpartition("/")[2] if row["run"] else RAW
    return Part(
        version=version, role=LOOKUPS if node in lookups and not row["run"] else role, row=row
    )


def _keeps(part: Part) -> bool:
    """Whether it is data: models, pictures and evaluations have their own commands."""
    return part.role == LOOKUPS or part.version.format.partition("+")[0] in _TABLES


def _order(part: Part) -> tuple[Any, ...]:
    rank = _ORDER.index(part.role) if part.role in _ORDER else len(_ORDER)
    return rank, part.dataset, natural(part.version.partition), part.version.digest
