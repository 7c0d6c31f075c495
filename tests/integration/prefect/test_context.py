"""OPENLINEAGE_CONTEXT around Prefect's flow runs, and around what their tasks start."""

from __future__ import annotations

import json
from typing import Any

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.runtime import flow_run as running

from begat.lineage import child_environment, context
from begat.lineage.records import RunRef
from begat.tasks import task, tracked
from begat.tasks.caller import flow_caller
from support.recorder import Recorder

PARENT = RunRef(run_id="f99310b4-3c3c-4a1a-8b2b-c1b95c24ff11", namespace="air", job="dag.task")
ROOT = RunRef(run_id="0192e6a1-0000-7000-8000-000000000000", namespace="air", job="dag")


@task
def environment(number: int) -> dict[str, str]:
    """What a process that this task starts would be given."""
    return {key: value for key, value in child_environment({}).items() if number}


@tracked
@flow(name="inner")
def inner() -> dict[str, str]:
    """A flow that another nests."""
    return environment(1)


@tracked
@flow(name="outer")
def outer() -> tuple[str, dict[str, str], dict[str, str]]:
    """A flow that nests one."""
    environment(2)
    return str(running.get_id()), child_environment({}), inner()


@pytest.fixture
def around(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process was started by a run of something else."""
    given = {
        key: {"run": {"runId": ref.run_id}, "job": {"namespace": ref.namespace, "name": ref.job}}
        for key, ref in {"parent": PARENT, "root": ROOT}.items()
    }
    monkeypatch.setenv("OPENLINEAGE_CONTEXT", json.dumps(given))


def parents(event: dict[str, Any]) -> tuple[str, str]:
    """Job of the parent and run of the root that an event names."""
    parent = event["run"]["facets"]["parent"]
    return parent["job"]["name"], parent["root"]["run"]["runId"]


def run_of(recorder: Recorder, job: str) -> str:
    """The one run of a job."""
    [found] = {str(event["run"]["runId"]) for event in recorder.of(job)}
    return found


@pytest.mark.usefixtures("around")
def test_a_flow_run_has_the_parent(recorder: Recorder) -> None:
    """Every event of the outermost flow names it; all below name the same root."""
    outer()

    assert {parents(event) for event in recorder.of("outer")} == {("dag.task", ROOT.run_id)}
    assert {parents(event) for event in recorder.of("inner")} == {("outer", ROOT.run_id)}
    assert {parents(event) for event in recorder.of("outer.environment")} == {
        ("outer", ROOT.run_id)
    }
    assert {parents(event) for event in recorder.of("inner.environment")} == {
        ("inner", ROOT.run_id)
    }


@pytest.mark.usefixtures("around")
def test_other_processes_know_it(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process without the variable that handles this flow run finds the parent in its labels."""
    identifier, *_ = outer()
    monkeypatch.delenv("OPENLINEAGE_CONTEXT")
    with get_client(sync_client=True) as client:
        caller = flow_caller("outer", client.read_flow_run(identifier))  # type: ignore[arg-type]  # Prefect takes text too

    assert (caller.parent, caller.root) == (PARENT, ROOT)


def test_a_malformed_context(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is named once, and the flow runs as an outermost one."""
    monkeypatch.setenv("OPENLINEAGE_CONTEXT", "dag.task")
    outer()

    told = [record.message for record in caplog.records if "OPENLINEAGE" in record.message]
    assert len(told) == 1
    assert told[0].startswith("OPENLINEAGE_CONTEXT is malformed (")
    assert all("parent" not in event["run"]["facets"] for event in recorder.of("outer"))


def test_the_environment_of_a_child(recorder: Recorder) -> None:
    """In a flow's code its flow run is the parent, in a task the task run."""
    _, of_flow, of_task = outer()
    flow_run = RunRef(run_id=run_of(recorder, "outer"), namespace="begat", job="outer")
    job = "inner.environment"
    task_run = RunRef(run_id=run_of(recorder, job), namespace="begat", job=job)

    assert context.outer(of_flow) == (flow_run, flow_run)
    assert context.outer(of_task) == (task_run, flow_run)
