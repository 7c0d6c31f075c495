"""A partition that only one side has, beside those before it: what is unusual about it?

From one month to the next much moves anyway: dates, seasons. So what moved from the last
partition to this one is told with what moved from the last but one to the last.
"""

from __future__ import annotations

import re
from typing import Any

from ..graph import nodes
from ..graph.connection import Connection, Row
from . import moves, walk
from .reading import Reader, is_table

_PARTITIONS = "SELECT DISTINCT partition FROM version WHERE dataset = :dataset"
_VERSIONS = """
SELECT p.id, p.run, v.dataset AS dataset_id, d.namespace, d.name, v.partition, v.digest, v.rows,
    v.size, v.format, v.kind
FROM version v JOIN product p ON p.version = v.id JOIN dataset d ON d.id = v.dataset
WHERE v.dataset = :dataset AND v.partition = :partition AND p.run = :run
"""
#: Partitions that are tried, from the nearest on.
NEAR = 8


def compare(
    db: Connection,
    row: Row,
    start: walk.Start,
    reader: Reader,
    calendars: dict[int, list[str]],
) -> dict[str, Any] | None:
    """How a partition differs from the one before it (after it, if it is the first).

    Args:
        db: the store.
        row: the partition's version.
        start: the side that has it.
        reader: reads the tables.
        calendars: partitions of each dataset in natural order; filled as they are asked for.

    Returns:
        `partition`, and `columns` as in `tables.compare`, each with `usual`: how far it moved
        between the two partitions before; None where there is nothing to compare with.
    """
    if not row["partition"] or not is_table(row) or reader.compared >= reader.limit:
        return None
    if reader.gone(row):
        return None
    near = _near(db, row, start, calendars)
    if not near:
        return None
    told = reader.compare(near[0], row)
    if "unread" in told:
        return None
    usual = reader.compare(near[1], near[0]) if len(near) > 1 else {}
    moved = {column["column"]: column["moved"] for column in usual.get("columns", ())}
    known = "columns" in usual
    for column in told["columns"]:
        column["usual"] = moved.get(column["column"], 0.0) if known else None
        column.pop("changed"), column.pop("rule"), column.pop("there")
    return {
        "partition": near[0]["partition"],
        "schema": told["schema"],
        "columns": sorted(told["columns"], key=lambda one: (-unusual(one), one["column"])),
    }


def unusual(column: dict[str, Any]) -> float:
    """How much farther a column moved than it usually does, or would by chance."""
    expected = max(column["usual"] or 0.0, column["by_chance"])
    # Where nothing is known of what is usual, half of any move is taken for it.
    return moves.beyond(column["moved"], expected) * (0.5 if column["usual"] is None else 1.0)


def natural(partition: str) -> list[tuple[int, int | str]]:
    """A sort key by which 9 comes before 10.

    >>> sorted(["week=10", "week=9"], key=natural)
    ['week=9', 'week=10']
    """
    parts = re.split(r"(\d+)", partition)
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts if part]


def _near(
    db: Connection,
    row: Row,
    start: walk.Start,
    calendars: dict[int, list[str]],
) -> list[Row]:
    given = {"dataset": row["dataset_id"], "run": row["run"]}
    if row["dataset_id"] not in calendars:
        partitions = (partition for (partition,) in db.execute(_PARTITIONS, given))
        calendars[row["dataset_id"]] = sorted(partitions, key=natural)
    there = calendars[row["dataset_id"]]
    at = there.index(row["partition"])
    found: list[Row] = []
    for partition in [*reversed(there[max(0, at - NEAR) : at]), *there[at + 1 : at + 1 + NEAR]]:
        versions = db.execute(_VERSIONS, {**given, "partition": partition}).fetchall()
        by_node = {nodes.product(one["id"]): one for one in versions}
        if members := walk.behind(db, by_node, start):
            found.append(by_node[max(members)])
        if len(found) == 2:
            break
    return found
