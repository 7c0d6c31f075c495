"""The artifacts that some runs read and made: each is hashed again, past all caches."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ..content.digest import is_digest
from ..content.sources import FILES
from ..graph import nodes, queries
from ..graph.connection import Connection, Row
from .replay import Replay

# What a run says begins with its greatest stamp, which tells whether begat recorded it itself.
_HERE = "{}.facets LIKE '{{\"1|%'"
_PRODUCTS = f"""
SELECT p.id, d.namespace, d.name, v.partition, v.digest, v.size, v.format,
    COALESCE(r.uuid, '') AS run, {_HERE.format("r")} AS made_here,
    EXISTS (SELECT 1 FROM edge e JOIN run g ON g.id = e.child / 4
        WHERE e.parent = p.id * 4 + {nodes.PRODUCT} AND e.child % 4 = {nodes.RUN}
        AND {_HERE.format("g")}) AS read_here
FROM product p JOIN version v ON v.id = p.version JOIN dataset d ON d.id = v.dataset
LEFT JOIN run r ON r.id = p.run WHERE p.id IN (SELECT CAST(value AS BIGINT) FROM json_each(:ids))
"""
_OUTPUTS = f"""
SELECT d.namespace, d.name, v.partition, v.digest, v.size, v.format, r.uuid AS run,
    {_HERE.format("r")} AS made_here
FROM output o JOIN run r ON r.id = o.run JOIN version v ON v.id = o.version
JOIN dataset d ON d.id = v.dataset
WHERE o.run IN (SELECT CAST(value AS BIGINT) FROM json_each(:ids))
"""
_LOCATIONS = """
SELECT node, facets FROM reading WHERE run IN (SELECT CAST(value AS BIGINT) FROM json_each(:ids))
"""
_FACETS = f"""
SELECT j.name AS job, r.facets, {_HERE.format("r")} AS made_here
FROM run r LEFT JOIN job j ON j.id = r.job
WHERE r.id IN (SELECT CAST(value AS BIGINT) FROM json_each(:ids))
"""
_BATCH = 500


@dataclass(kw_only=True, slots=True)
class Object:
    """Bytes that should be in the artifact store."""

    digest: str
    #: All that they are, as people write it, the first first.
    names: list[str] = field(default_factory=list)
    size: int | None = None
    format: str = "bytes"
    #: Where they were found, of raw data.
    locations: list[str] = field(default_factory=list)
    #: Ids of the runs that wrote them.
    makers: list[str] = field(default_factory=list)
    #: A run's record that holds the same, such as the list of packages.
    role: str = ""
    #: Whether a run that begat itself recorded read or wrote them: then they are kept here.
    kept: bool = False

    @property
    def name(self) -> str:
        """What people call it."""
        more = len(self.names) - 1
        return self.names[0] + (f" (and {more} more)" if more > 0 else "")


def listed(replay: Replay, found: Iterable[int]) -> dict[str, Object]:
    """The objects that these nodes of a replay stand for, by digest.

    Args:
        replay: what the events say.
        found: products, and runs with all that they wrote, their sources and packages.
    """
    wanted = sorted(found)
    objects: dict[str, Object] = {}
    with replay.store.read() as own:
        for start in range(0, len(wanted), _BATCH):
            batch = wanted[start : start + _BATCH]
            runs = [node // 4 for node in batch if node % 4 == nodes.RUN]
            products = [node // 4 for node in batch if node % 4 == nodes.PRODUCT]
            for row in own.execute(_PRODUCTS, _ids(products)):
                _add(objects, row, kept=bool(row["made_here"] or row["read_here"]))
            for row in own.execute(_OUTPUTS, _ids(runs)):
                _add(objects, row, kept=bool(row["made_here"]))
            for row in own.execute(_FACETS, _ids(runs)):
                _add_records(objects, row)
        for start in range(0, len(wanted), _BATCH):
            _add_locations(own, objects, wanted[start : start + _BATCH])
    return objects


def _add(objects: dict[str, Object], row: Row, *, kept: bool) -> None:
    digest = row["digest"]
    if not is_digest(digest):
        return  # another producer's word for its own data
    one = objects.setdefault(digest, Object(digest=digest))
    place = f"[{row['partition']}]" if row["partition"] else ""
    name = queries.dataset_name(row["namespace"], row["name"]) + place
    if name not in one.names:
        one.names.append(name)
    if row["run"] and row["run"] not in one.makers:
        one.makers.append(row["run"])
    one.format = row["format"] or one.format
    if not one.format.endswith(FILES):  # that of a manifest is of its files
        one.size = one.size if one.size is not None else row["size"]
    one.kept = one.kept or kept


def _add_records(objects: dict[str, Object], row: Row) -> None:
    """What runs keep beside their outputs: the archive of their sources, the list of packages."""
    facets = queries.facets_of(row)
    for role, key, entry in (
        ("sources", "begat_recipe", "sources"),
        ("packages", "begat_packages", "digest"),
    ):
        digest = facets.get(key, {}).get(entry) or ""
        if not is_digest(digest):
            continue
        one = objects.setdefault(digest, Object(digest=digest))
        name = f"{role} of {row['job']}"
        if name not in one.names:
            one.names.append(name)
        one.role = role
        one.kept = one.kept or bool(row["made_here"])


def _add_locations(own: Connection, objects: dict[str, Object], batch: list[int]) -> None:
    runs = [node // 4 for node in batch if node % 4 == nodes.RUN]
    where: dict[int, str] = {}
    for row in own.execute(_LOCATIONS, _ids(runs)):
        said: dict[str, Any] = queries.facets_of(row)
        if row["node"] % 4 == nodes.PRODUCT and said.get("location"):
            where[row["node"] // 4] = said["location"]
    for row in own.execute(_PRODUCTS, _ids(where)):
        one = objects.get(row["digest"])
        if one is not None and where[row["id"]] not in one.locations:
            one.locations.append(where[row["id"]])


def _ids(values: Iterable[int]) -> dict[str, str]:
    return {"ids": json.dumps([*values])}
