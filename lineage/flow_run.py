"""Flow runs: their events, and what they came to."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import events, provenance
from .records import Caller, State
from .workspace import workspace


@dataclass
class Tally:
    """What a flow run came to, counted while it runs in this process."""

    executed: int = 0
    reused: int = 0
    #: The model version that resulted, `flight-delays@3`.
    model_version: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, *, executed: int = 0, reused: int = 0, model_version: str = "") -> None:
        """Count tasks that did work, tasks answered by earlier runs, and a resulting model."""
        with self._lock:
            self.executed += executed
            self.reused += reused
            self.model_version = model_version or self.model_version


_tallies: dict[str, Tally] = {}


def tally(flow_run_id: str) -> Tally:
    """The counts of a flow run of this process; `flow_event` takes them at its end."""
    return _tallies.setdefault(flow_run_id, Tally())


def flow_event(
    state: State,
    caller: Caller,
    *,
    error: BaseException | str | None = None,
    facets: Mapping[str, Any] | None = None,
) -> None:
    """Record that a flow run started or ended; never stops the flow.

    Args:
        state: what happened.
        caller: the flow run itself is `caller.run`.
        error: why it failed.
        facets: further run facets.
    """
    run_id = caller.run.run_id
    with provenance.unbroken(f"recording {state} of flow run {run_id}"):
        run_facets = dict(facets or {})
        if state in ("START", "RUNNING"):
            run_facets |= provenance.environment(inline=True)
        else:
            provenance.flow_ended(run_id)
            counted = _tallies.pop(run_id, None)
            if counted is not None and state == "COMPLETE":
                run_facets["begat_reuse"] = events.facets.reuse(
                    executed=counted.executed,
                    reused=counted.reused,
                    model_version=counted.model_version,
                    dirty=provenance.commit(run_id).dirty,
                )
        if error is not None:
            run_facets["errorMessage"] = events.facets.error_message(error)
        space = workspace()
        begins = state in ("START", "RUNNING")
        if begins:
            space.look_after()
        space.record(
            [
                events.run_event(
                    state,
                    caller=caller,
                    time=events.now(),
                    job_type="FLOW",
                    run_facets=run_facets,
                    job_facets=provenance.code_facets(provenance.commit(run_id)),
                )
            ],
            lease=space.lease(run_id) if begins else None,
        )
        if not begins:
            space.settle()


def close_below(caller: Caller, why: str) -> None:
    """Record that the tasks of a flow run were aborted which have not ended; never raises.

    For the process that is told of a flow run whose own process is no more.

    Args:
        caller: the flow run itself is `caller.run`.
        why: what is known of its end.
    """
    run_id = caller.run.run_id
    with provenance.unbroken(f"closing the tasks of flow run {run_id}"):
        workspace().close_run(run_id, why, itself=False)
