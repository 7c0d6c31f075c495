"""Calls of tracked functions as an adapter makes them, and what is recorded of them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from begat import lineage
from begat.lineage.content.digest import digest_bytes
from begat.lineage.events import ids
from begat.lineage.records import Caller, DatasetVersion, RunRef
from begat.lineage.tracking import Outcome, Tracked

from .recorder import Recorder

#: What asks for all of them.
FLOW_RUN = RunRef(run_id=ids.new_id(), namespace="begat", job="delays")


def version(content: str, *, name: str = "/lake/flights", partition: str = "") -> DatasetVersion:
    """A version of raw data that nobody kept."""
    return DatasetVersion(
        namespace="file",
        name=name,
        partition=partition,
        digest=digest_bytes(content.encode()),
        size=len(content),
        location=f"{name}/{partition}",
    )


def asked(job: str) -> Caller:
    """Somebody asks for a run of a job of the flow `delays`."""
    return Caller(
        run=RunRef(run_id=ids.new_id(), namespace="begat", job=f"delays.{job}"),
        parent=FLOW_RUN,
        root=FLOW_RUN,
    )


def tracked(function: Callable[..., Any], *, seed: int = 0) -> Tracked:
    """The function as a task of its own name."""
    return Tracked(function=function, name=function.__name__, seed=seed)


def call(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Outcome:
    """One call of a tracked function."""
    return tracked(function).run(asked(function.__name__), args, kwargs)


def states(recorder: Recorder) -> list[str]:
    """The types of all events, in order."""
    return [event["eventType"] for event in recorder.events]


def facet(recorder: Recorder, key: str, *, at: int = -1) -> dict[str, Any]:
    """A run facet of an event, the last by default."""
    found: dict[str, Any] = recorder.events[at]["run"]["facets"][key]
    return found


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was warned of."""
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def keep(part: DatasetVersion, times: int = 1) -> DatasetVersion:
    """A task that writes something that depends on all its arguments."""
    return lineage.write(f"{part.digest} {times}".encode(), "kept", partition=part.partition)
