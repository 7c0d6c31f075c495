"""The one run that tells that a version was made again: it read it, and wrote nothing."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from .. import context, events
from ..events import ids
from ..provenance import environment
from ..records import Caller, RunRef
from ..workspace import Workspace
from .plan import Plan


def begin(space: Workspace, wanted: Plan) -> Caller:
    """Record that it begins, as a run of the job `{flow}.reproduce`."""
    above, root = context.outer()
    caller = Caller(
        run=RunRef(
            run_id=ids.new_id(),
            namespace=space.settings.namespace,
            job=f"{wanted.flow}.reproduce",
        ),
        parent=above,
        root=root,
        engine="python",
        engine_version=sys.version.partition(" ")[0],
    )
    _record(space, "START", caller, wanted, environment())
    return caller


def end(space: Workspace, caller: Caller, wanted: Plan, body: Mapping[str, Any]) -> None:
    """Record what came of it, as the facet `begat_reproduction`.

    Args:
        space: where.
        caller: as `begin` gave it.
        wanted: what was made again.
        body: of the facet.
    """
    facets = {"begat_reproduction": events.facets.reproduction(body)}
    if body["verdict"] == "cannot":
        facets["errorMessage"] = events.facets.error_message("; ".join(body["reasons"]))
        _record(space, "FAIL", caller, wanted, facets)
    else:
        _record(space, "COMPLETE", caller, wanted, facets)


def abort(space: Workspace, caller: Caller, wanted: Plan) -> None:
    """Record that it was interrupted."""
    _record(space, "ABORT", caller, wanted, {})


def _record(
    space: Workspace,
    state: Any,
    caller: Caller,
    wanted: Plan,
    facets: Mapping[str, Any],
) -> None:
    read = [] if wanted.version is None else [events.input_dataset(wanted.version, "version")]
    event = events.run_event(
        state,
        caller=caller,
        time=events.now(),
        job_type="FLOW",
        inputs=read,
        outputs=[],
        run_facets=facets,
    )
    lease = space.lease(caller.run.run_id) if state == "START" else None
    space.record([event], lease=lease)
