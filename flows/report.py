"""What a plan found and what a run came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

#: COMPLETE did work; REUSED was answered by an earlier run; STALE must run; PENDING depends
#: on what a stale one turns out to be.
TaskState = Literal["COMPLETE", "REUSED", "STALE", "PENDING"]


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskReport:
    """One task of a pipeline, for one partition if it is per partition."""

    job: str
    partition: str
    #: The run that produced what it stands for; empty if none did yet.
    run_id: str
    state: TaskState
    #: Digest of all that determines its output; empty while that is not known.
    recipe: str = ""

    def to_json(self) -> dict[str, str]:
        """The task in the object that `begat run --json` prints."""
        return {
            "job": self.job,
            "partition": self.partition,
            "run_id": self.run_id,
            "state": self.state,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """A flow run, or a plan of one."""

    #: `flight-delays@3`; empty in a plan that has to run first.
    model_version: str = ""
    #: `Staging`, if the version's policy let it in by itself.
    promoted: str = ""
    flow_run_id: str = ""
    #: Prefect's own id; empty if no Prefect flow was needed or asked for.
    prefect_flow_run_id: str = ""
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    tasks: tuple[TaskReport, ...] = ()
    #: What evaluate returned: references by name; none in a plan that has to run first.
    evaluated: Mapping[str, Any] = field(default_factory=dict)
    #: Digest by what was read from outside: `[month=2013-01]` of the source, a lookup's name.
    data: Mapping[str, str] = field(default_factory=dict)
    #: Names of the environment variables that its recipes hold.
    variables: frozenset[str] = frozenset()

    def count(self, *states: TaskState) -> int:
        """How many of the tasks are in one of these states."""
        return sum(task.state in states for task in self.tasks)

    @property
    def stale(self) -> bool:
        """Whether anything has to run."""
        return self.count("STALE", "PENDING") > 0

    def to_json(self) -> dict[str, Any]:
        """The object that `begat run --json` prints."""
        return {
            "model_version": self.model_version or None,
            "promoted": self.promoted or None,
            "flow_run_id": self.flow_run_id or None,
            "prefect_flow_run_id": self.prefect_flow_run_id or None,
            "executed": self.count("COMPLETE"),
            "reused": self.count("REUSED"),
            "metrics": dict(self.metrics),
            "tasks": [task.to_json() for task in self.tasks],
        }
