"""Which versions of a dataset were there at a time, and under which names it is known."""

from __future__ import annotations

import json
from dataclasses import dataclass

from . import nodes, queries
from .connection import Connection

_FAMILY = """
WITH RECURSIVE named(id) AS (
    SELECT CAST(value AS BIGINT) FROM json_each(:datasets)
    UNION SELECT s.other FROM symlink s, named WHERE s.dataset = named.id
)
SELECT id, namespace, name FROM dataset WHERE id IN (SELECT id FROM named) ORDER BY namespace, name
"""
_DATASETS = "(SELECT CAST(value AS BIGINT) FROM json_each(:datasets))"
_CURRENT = f"""
SELECT c.dataset, c.partition, c.since, c.product FROM current c
WHERE c.dataset IN {_DATASETS} AND c.since <= :at AND c.since = (
    SELECT MAX(e.since) FROM current e
    WHERE e.dataset = c.dataset AND e.partition = c.partition AND e.since <= :at
)
"""
# The cross join keeps SQLite from beginning with all runs.
# What no run made is there from when it was first read on; the one read last is taken.
_READ = f"""
WITH raw(product, dataset, partition) AS (
    SELECT p.id, v.dataset, v.partition FROM version v JOIN product p ON p.version = v.id
    WHERE v.dataset IN {_DATASETS} AND p.run = 0
), reader(product, dataset, partition, run) AS (
    SELECT raw.product, raw.dataset, raw.partition, e.child / 4 FROM raw
    JOIN edge e ON e.parent = raw.product * 4 + {nodes.PRODUCT}
    WHERE e.child % 4 = {nodes.RUN}
    UNION
    SELECT raw.product, raw.dataset, raw.partition, r.child / 4 FROM raw
    JOIN edge e ON e.parent = raw.product * 4 + {nodes.PRODUCT} JOIN edge r ON r.parent = e.child
    WHERE e.child % 4 = {nodes.SNAPSHOT} AND r.child % 4 = {nodes.RUN}
    UNION
    SELECT raw.product, raw.dataset, raw.partition, r.child / 4 FROM raw
    JOIN edge e ON e.parent = raw.product * 4 + {nodes.PRODUCT} JOIN edge s ON s.parent = e.child
    JOIN edge r ON r.parent = s.child
    WHERE e.child % 4 = {nodes.SEGMENT} AND s.child % 4 = {nodes.SNAPSHOT}
        AND r.child % 4 = {nodes.RUN}
)
SELECT g.dataset, g.partition, MAX(r.started_at), g.product
FROM reader g CROSS JOIN run r
WHERE r.id = g.run AND r.started_at <= :at GROUP BY g.dataset, g.partition, g.product
"""
# Runs that read a dataset of which no version is known.
_UNKNOWN = f"""
SELECT b.snapshot * 4 + {nodes.SNAPSHOT} FROM binding b
WHERE b.dataset IN {_DATASETS} AND b.at <= :at
    AND (:partition = '*' OR b.partition = :partition)
    AND NOT EXISTS (SELECT 1 FROM edge e WHERE e.child = b.snapshot * 4 + {nodes.SNAPSHOT})
"""
#: Sorts after every time.
EVER = "~"


@dataclass(frozen=True, kw_only=True, slots=True)
class Present:
    """A version that is current."""

    dataset: int
    partition: str
    since: str
    product: int


def family(db: Connection, *datasets: int) -> dict[int, str]:
    """Datasets and all other names of the same data: names by id."""
    rows = db.execute(_FAMILY, {"datasets": json.dumps(datasets)})
    return {row["id"]: queries.dataset_name(row["namespace"], row["name"]) for row in rows}


def present(db: Connection, datasets: list[int], as_of: str = "") -> list[Present]:
    """What is current of each partition, at a time if one is given.

    Where events say what became current when, that counts; of what no run made and no event
    announced, the version that was read last.
    """
    given = {"datasets": json.dumps(datasets), "at": as_of or EVER}
    told: dict[str, list[Present]] = {}
    for row in db.execute(_CURRENT, given):
        one = Present(dataset=row[0], partition=row[1], since=row[2], product=row[3])
        told.setdefault(one.partition, []).append(one)
    read: dict[str, list[Present]] = {}
    for row in db.execute(_READ, given):
        one = Present(dataset=row[0], partition=row[1], since=row[2], product=row[3])
        if one.partition not in told:
            read.setdefault(one.partition, []).append(one)
    # What was dropped as a whole is gone in each partition.
    gone = max((one.since for one in told.get("", ()) if not one.product), default="")
    found: list[Present] = []
    for candidates in (*told.values(), *read.values()):
        last = max(one.since for one in candidates)
        found += [one for one in candidates if one.since == last and one.product and last >= gone]
    return sorted(found, key=lambda one: (one.partition, one.product))


def unknown(db: Connection, datasets: list[int], partition: str, as_of: str = "") -> list[int]:
    """Nodes of readings of a dataset of which no version is known.

    Args:
        db: a connection.
        datasets: ids of the dataset's names.
        partition: the one that was read; `*` for any.
        as_of: the time until which; empty for now.
    """
    given = {"datasets": json.dumps(datasets), "partition": partition, "at": as_of or EVER}
    return [node for (node,) in db.execute(_UNKNOWN, given)]
