"""The run that a piece of code belongs to, and what it may say about itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from .records import Caller, DatasetVersion, ModelVersion


class ActiveRun:
    """The run a piece of code belongs to; what it adds here ends up in the run's events.

    Outside a run there is a null one, that takes everything and keeps nothing.
    """

    def __init__(
        self,
        *,
        run_id: str = "",
        flow: str = "",
        recipe: str = "",
        seed: int = 0,
        caller: Caller | None = None,
    ) -> None:
        self.run_id = run_id
        #: Name of the flow; what the run writes is `{flow}/{name}`.
        self.flow = flow
        self.recipe = recipe
        self.seed = seed
        #: The run as others point to it, with its parent and root.
        self.caller = caller
        self.run_facets: dict[str, Any] = {}
        self.job_facets: dict[str, Any] = {}
        self.inputs: dict[Any, dict[str, dict[str, Any]]] = {}
        self.outputs: dict[DatasetVersion | ModelVersion, dict[str, dict[str, Any]]] = {}
        #: Whether others may wait for this run, or for one that it is called in.
        self.holds = False
        #: Why this run must never answer another.
        self.reasons: list[str] = []

    def not_reusable(self, reason: str) -> None:
        """Let this run answer no other, for a reason such as `loaded delays@Production`."""
        self.reasons.append(reason)

    def run_facet(self, key: str, body: Mapping[str, Any]) -> None:
        """Add a run facet to the terminal event."""
        self.run_facets[key] = dict(body)

    def job_facet(self, key: str, body: Mapping[str, Any]) -> None:
        """Add a job facet to the terminal event."""
        self.job_facets[key] = dict(body)

    def input_facet(self, version: DatasetVersion, key: str, body: Mapping[str, Any]) -> None:
        """Say something about an input of this run."""
        self.inputs.setdefault(version, {})[key] = dict(body)

    def output_facet(
        self, version: DatasetVersion | ModelVersion, key: str, body: Mapping[str, Any]
    ) -> None:
        """Say something about an output of this run."""
        self.outputs.setdefault(version, {})[key] = dict(body)


class _NoRun(ActiveRun):
    """Outside a run: takes everything and keeps nothing."""

    def not_reusable(self, reason: str) -> None: ...
    def run_facet(self, key: str, body: Mapping[str, Any]) -> None: ...
    def job_facet(self, key: str, body: Mapping[str, Any]) -> None: ...
    def input_facet(self, version: DatasetVersion, key: str, body: Mapping[str, Any]) -> None: ...
    def output_facet(
        self, version: DatasetVersion | ModelVersion, key: str, body: Mapping[str, Any]
    ) -> None: ...


_active: ContextVar[ActiveRun] = ContextVar("begat_active_run", default=_NoRun())  # noqa: B039 - keeps nothing, so it can be shared


def current() -> ActiveRun:
    """The run that the calling code belongs to."""
    return _active.get()


@contextmanager
def active(run: ActiveRun) -> Iterator[ActiveRun]:
    """Let the code inside belong to `run`."""
    token = _active.set(run)
    try:
        yield run
    finally:
        _active.reset(token)
