"""Commits that hold the code of model versions, made when those were trained already."""

from __future__ import annotations

import json

from . import queries
from .connection import Connection

_FLOWS = """
SELECT facets FROM run WHERE kind = 'FLOW' AND state = 'COMPLETE' AND instr(facets, :ref) > 0
ORDER BY started_at, id
"""


def confirmed(db: Connection, ref: str) -> str:
    """The first commit at which a flow run had a version as its result, with nothing changed.

    All flow runs are looked at for it. What was trained before it was committed has such a
    commit once a run finds nothing to do in it: it holds the code of all steps of that flow.

    Args:
        db: a connection to read from.
        ref: the version, `flight-delays@3`.

    Returns:
        The commit; empty if there is none.
    """
    for row in db.execute(_FLOWS, {"ref": json.dumps(ref, ensure_ascii=False)}):
        facets = queries.facets_of(row)
        came = facets.get("begat_reuse", {})
        commit: str = facets.get("job.sourceCodeLocation", {}).get("version", "")
        if came.get("model_version") == ref and came.get("dirty") is False and commit:
            return commit
    return ""
