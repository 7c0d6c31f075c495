"""Which model versions stand on something."""

from __future__ import annotations

import json
from collections.abc import Mapping

from . import names, nodes, queries, sql
from .answer import LIMIT, Impact, limited
from .connection import Connection
from .nearby import SIZE
from .store import Store
from .subject import Subject, Thing, bounded, cursor, find, time
from .walk import RUN_ROWS, Walk, gaps

_PRODUCT_ROWS = f"""
(SELECT CAST(value AS BIGINT) / 4 FROM json_each(:nodes)
WHERE CAST(value AS BIGINT) % 4 = {nodes.PRODUCT})
"""
_UUIDS = f"(SELECT uuid FROM run WHERE id IN {RUN_ROWS})"
_MODELS = f"""
SELECT * FROM model_version WHERE run_id IN {_UUIDS} AND created_at <= :at
UNION SELECT * FROM model_version WHERE training_run_id IN {_UUIDS} AND created_at <= :at
"""
_COUNTS = f"""
SELECT COUNT(*), COUNT(DISTINCT v.dataset) FROM product p JOIN version v ON v.id = p.version
WHERE p.id IN {_PRODUCT_ROWS}
"""
_TOLD = f"""
SELECT o.facets FROM product p JOIN output o ON o.run = p.run AND o.version = p.version
WHERE p.id IN {_PRODUCT_ROWS} AND instr(o.facets, 'begat_modelVersion') > 0
"""
_REGISTERED = """
SELECT model, version, digest FROM model_version
WHERE model IN (SELECT value FROM json_each(:models))
"""


def impact(
    store: Store,
    thing: Thing,
    *,
    as_of: str | None = None,
    limit: int = LIMIT,
    after: str | None = None,
) -> Impact:
    """The model versions that stand on a partition, a version, a commit, an image or a package.

    Of a partition or a dataset all versions count that there ever were, not only what is
    current: it is asked when one of them was bad. Stages and aliases are those of the store's own
    registry; what another store registered is named only, where its events were sent here.

    Args:
        store: the lineage store.
        thing: see `begat.lineage.graph.subject`.
        as_of: ISO 8601 event time: the graph as it was then.
        limit: model versions on a page, at most 10,000.
        after: `next` of the page before.

    Raises:
        RefError: `thing` names nothing, or more than one thing.
        ParameterError: an argument is out of its range.
        StoreError: the store failed.
    """
    at, limit, (number, model) = time(as_of), limited(limit), cursor(after)
    position = (model, number)
    with store.read() as db:
        subject = find(db, thing, "down", at, every=True)
        if at:
            walk = Walk(db, "down", subject.start, bounded(db, (), at, None))
            for _ in walk.levels():
                pass
            return _impact(db, subject, [*walk.depth], walk.reasons, at, limit, position)
        query = f"{sql.statements()['descendants']} LIMIT :most"
        given = {"nodes": json.dumps([*subject.start]), "most": SIZE + 1}
        reached = [node for (node,) in db.execute(query, given)]
        reasons = gaps(db, reached, "down")
        if len(reached) > SIZE:
            reasons.add("size")
        return _impact(db, subject, reached, reasons, "", limit, position)


def _impact(
    db: Connection,
    subject: Subject,
    reached: list[int],
    reasons: set[str],
    as_of: str,
    limit: int,
    position: tuple[str, int],
) -> Impact:
    given = {"nodes": json.dumps(reached)}
    rows = db.execute(_MODELS, {**given, "at": as_of or "~"}).fetchall()
    aliases = queries.aliases(db)
    # By code points, in either database.
    rows = sorted(rows, key=lambda row: (row["model"], row["version"]))
    ahead = [row for row in rows if (row["model"], row["version"]) > position]
    page = ahead[:limit]
    if len(page) < len(rows):
        reasons = reasons | {"page"}
    versions, datasets = db.execute(_COUNTS, given).fetchone()
    return Impact(
        asked=subject.asked,
        models=tuple(
            names.model_node(row, aliases.get((row["model"], row["version"]), ()), 0)
            for row in page
        ),
        runs=sum(node % 4 == nodes.RUN for node in reached),
        versions=versions,
        datasets=datasets,
        elsewhere=_elsewhere(db, given),
        reasons=tuple(sorted(reasons)),
        next=f"{page[-1]['version']} {page[-1]['model']}" if len(page) < len(ahead) else None,
    )


def _elsewhere(db: Connection, given: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the versions that events tell of, and this store's registry does not have.

    The same name and number with another file is another store's, too.
    """
    told = set()
    for row in db.execute(_TOLD, given):
        body = queries.facets_of(row).get("begat_modelVersion", {})
        model, version, digest = (body.get(key) for key in ("model", "version", "digest"))
        # Whoever sends events may have written anything there.
        if isinstance(model, str) and isinstance(version, int) and isinstance(digest, str):
            told.add((model, version, digest))
    if told:
        models = json.dumps(sorted({model for model, _, _ in told}), ensure_ascii=False)
        told -= {tuple(row) for row in db.execute(_REGISTERED, {"models": models})}
    return tuple(f"{model}@{number}" for model, number in sorted({one[:2] for one in told}))
