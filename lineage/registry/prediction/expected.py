"""What the data that a model was trained on was expected to be, as its lineage tells."""

from __future__ import annotations

from typing import Any

from ...graph import nodes, queries
from ...graph.store import Store
from ...records import ModelVersion

_TRAINED = """
SELECT r.id FROM model_version m JOIN run r ON r.uuid = m.training_run_id
WHERE m.model = :model AND m.version = :version
"""
_ASSERTED = """
SELECT facets FROM reading WHERE run = :run AND instr(facets, 'dataQualityAssertions') > 0
ORDER BY node LIMIT 1
"""
_ABOVE = "SELECT parent FROM edge WHERE child = :child ORDER BY parent LIMIT :limit"
#: Parents that are followed of each node: one partition tells what all were checked against.
_BREADTH = 4
#: Nodes that are looked at, at most.
_FAR = 200


def assertions(store: Store, of: ModelVersion) -> list[dict[str, Any]]:
    """The items of `dataQualityAssertions` that stand nearest above the run that trained a model.

    Args:
        store: where the lineage is.
        of: the model version.

    Raises:
        StoreError: the store failed.
    """
    with store.read() as db:
        row = db.execute(_TRAINED, {"model": of.model, "version": of.version}).fetchone()
        level = [] if row is None else [nodes.run(row["id"])]
        seen = set(level)
        while level and len(seen) <= _FAR:
            above = []
            for node in level:
                kind, run = nodes.split(node)
                if kind == nodes.RUN:
                    found = db.execute(_ASSERTED, {"run": run}).fetchone()
                    if found is not None:
                        said: dict[str, Any] = queries.facets_of(found)
                        return list(said["dataQualityAssertions"].get("assertions", ()))
                parents = db.execute(_ABOVE, {"child": node, "limit": _BREADTH})
                above += [parent for (parent,) in parents if parent not in seen]
            level = list(dict.fromkeys(above))
            seen.update(level)
    return []
