"""The run around this process, and around the processes it starts."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from typing import Any
from uuid import UUID

import pytest

from begat.lineage import child_environment, context, plain
from begat.lineage.records import RunRef
from begat.lineage.workspace import workspace

PARENT = RunRef(run_id="f99310b4-3c3c-4a1a-8b2b-c1b95c24ff11", namespace="air", job="dag.task")
ROOT = RunRef(run_id="0192e6a1-0000-7000-8000-000000000000", namespace="air/flow", job="dag")


@pytest.fixture(autouse=True)
def untold(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test has heard another's warnings."""
    monkeypatch.setattr(context, "_told", set())


def as_json(ref: RunRef) -> dict[str, Any]:
    """A run as OPENLINEAGE_CONTEXT has it."""
    return {"run": {"runId": ref.run_id}, "job": {"namespace": ref.namespace, "name": ref.job}}


def of(value: object) -> dict[str, str]:
    """An environment with this context."""
    return {"OPENLINEAGE_CONTEXT": value if isinstance(value, str) else json.dumps(value)}


def parents() -> dict[str, Any]:
    """The parent facet of each job in the store."""
    with workspace().store.read() as database:
        events = [json.loads(row[0]) for row in database.execute("SELECT body FROM event")]
    return {event["job"]["name"]: event["run"]["facets"].get("parent") for event in events}


def test_no_run_is_around() -> None:
    """Without a variable there is neither parent nor root."""
    assert context.outer({}) == (None, None)


def test_parent_and_root() -> None:
    """OPENLINEAGE_CONTEXT names both."""
    given = {"parent": as_json(PARENT), "root": as_json(ROOT)}

    assert context.outer(of(given)) == (PARENT, ROOT)


@pytest.mark.parametrize("more", [{}, {"root": None}, {"root": {}}])
def test_the_parent_is_the_root(more: dict[str, Any]) -> None:
    """A parent without a root is the outermost run itself."""
    assert context.outer(of({"parent": as_json(PARENT), **more})) == (PARENT, PARENT)


def test_the_older_variables() -> None:
    """OPENLINEAGE_PARENT_ID and its root are read where there is no context."""
    environ = {
        "OPENLINEAGE_PARENT_ID": f"air/dag.task/{PARENT.run_id}",
        "OPENLINEAGE_ROOT_PARENT_ID": f"air/flow/dag/{ROOT.run_id.upper()}",
    }

    assert context.outer(environ) == (PARENT, ROOT)
    assert context.outer({**environ, **of({"parent": as_json(ROOT)})}) == (ROOT, ROOT)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("{", "Expecting property name"),
        ("[1]", "no JSON object"),
        ({}, "parent and root have"),
        ({"parent": "x"}, "parent and root have"),
        ({"parent": {"run": {"runId": PARENT.run_id}}}, "parent and root have"),
        ({"parent": as_json(RunRef(run_id="12", namespace="a", job="b"))}, "hexadecimal UUID"),
        ({"parent": as_json(RunRef(run_id=PARENT.run_id, namespace="", job="b"))}, "a name"),
        ({"parent": as_json(RunRef(run_id=PARENT.run_id, namespace="a\0", job="b"))}, "U+0000"),
        ({"parent": as_json(PARENT), "root": {"run": 1}}, "parent and root have"),
    ],
)
def test_malformed(value: object, reason: str, caplog: pytest.LogCaptureFixture) -> None:
    """A malformed context is named in one warning and counts as none."""
    caplog.set_level(logging.WARNING)
    for _ in range(3):
        assert context.outer(of(value)) == (None, None)

    [record] = caplog.records
    assert record.message.startswith("OPENLINEAGE_CONTEXT is malformed (")
    assert record.message.endswith("; flow runs begin here without a parent")
    assert reason in record.message


@pytest.mark.parametrize("value", ["x", "a/b", "a/b/12", f"//{PARENT.run_id}"])
def test_malformed_older_variable(value: str, caplog: pytest.LogCaptureFixture) -> None:
    """So is a malformed OPENLINEAGE_PARENT_ID."""
    assert context.outer({"OPENLINEAGE_PARENT_ID": value}) == (None, None)
    assert [r.message[:34] for r in caplog.records] == ["OPENLINEAGE_PARENT_ID is malformed"]


def test_a_plain_flow_has_the_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The flow run belongs to the run around it, and its tasks to the same root."""
    given = {"parent": as_json(PARENT), "root": as_json(ROOT)}
    monkeypatch.setenv("OPENLINEAGE_CONTEXT", json.dumps(given))

    @plain.task
    def double(number: int) -> int:
        return 2 * number

    with plain.flow("delays") as caller:
        double(1)
    found = parents()

    assert (found["delays"]["run"]["runId"], found["delays"]["root"]["run"]["runId"]) == (
        PARENT.run_id,
        ROOT.run_id,
    )
    assert found["delays"]["job"] == {"namespace": "air", "name": "dag.task"}
    assert found["delays.double"]["run"]["runId"] == caller.run.run_id
    assert found["delays.double"]["root"] == found["delays"]["root"]


def test_outside_a_run_the_environment_is_handed_on() -> None:
    """Without a run there is nothing to add, and what is there stays."""
    assert child_environment() == dict(os.environ)
    assert child_environment({"OPENLINEAGE_CONTEXT": "x"}) == {"OPENLINEAGE_CONTEXT": "x"}


def test_a_child_of_a_flow() -> None:
    """In a flow's own code the flow run is the parent."""
    with plain.flow("delays") as caller:
        env = child_environment({"PATH": "/bin"})

    assert context.outer(env) == (caller.run, caller.run)
    assert env["PATH"] == "/bin"
    assert env["OPENLINEAGE_PARENT_ID"] == f"begat/delays/{caller.run.run_id}"


def test_a_child_of_a_task() -> None:
    """In a task its run is the parent, and the flow run the root."""
    seen: dict[str, str] = {}

    @plain.task
    def shell(number: int) -> int:
        seen.update(child_environment({}))
        return number

    with plain.flow("delays") as caller:
        shell(1)
    parent, root = context.outer(seen)

    assert parent is not None
    assert (parent.job, root) == ("delays.shell", caller.run)


def test_a_child_of_a_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """The root stays the outermost run, however deep."""
    monkeypatch.setenv("OPENLINEAGE_PARENT_ID", f"air/dag.task/{PARENT.run_id}")
    with plain.flow("delays") as caller:
        env = child_environment()

    assert context.outer(env) == (caller.run, PARENT)


def test_a_name_that_the_older_variable_cannot_say() -> None:
    """Whoever cuts at slashes is told no parent rather than a wrong one."""
    with plain.flow("a/b"):
        env = child_environment({"OPENLINEAGE_PARENT_ID": "x/y/z"})

    assert set(env) == {"OPENLINEAGE_CONTEXT"}


def test_a_child_process() -> None:
    """A process started with it records its flow under this one."""
    script = "from begat.lineage import plain\nwith plain.flow('inner'): pass"
    with plain.flow("outer") as caller:
        subprocess.run([sys.executable, "-c", script], env=child_environment(), check=True)

    assert UUID(caller.run.run_id).version == 7
    assert parents()["inner"]["run"]["runId"] == caller.run.run_id
