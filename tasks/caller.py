"""Who is asking, from Prefect's contexts: the `Caller` of a flow run or of a task run.

A nested flow's parent and root travel in labels of its flow run: contexts hold only
the innermost flow, and workers, runners and hooks may be other processes.
"""

from __future__ import annotations

import functools
import json
import logging
from datetime import datetime
from typing import TYPE_CHECKING, Any

import prefect
from prefect.context import FlowRunContext, SyncClientContext, TaskRunContext

from begat.lineage import context as environment
from begat.lineage.events import ids
from begat.lineage.provenance import use_job_variables
from begat.lineage.records import Caller, RunRef
from begat.lineage.workspace import workspace

from . import binding

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun
    from prefect.types import KeyValueLabels

log = logging.getLogger("begat")

#: The labels of a nested flow's run.
PARENT = "begat.parent"
ROOT = "begat.root"


def flow_caller(name: str, flow_run: FlowRun) -> Caller:
    """The flow run itself.

    Args:
        name: the flow's name, which is its job's.
        flow_run: as Prefect's hooks and contexts have it.
    """
    use_job_variables(flow_run.job_variables or {})
    labels = flow_run.labels
    return _flow_caller(
        name,
        workspace().settings.namespace,
        str(flow_run.id),
        flow_run.created,
        labels.get(PARENT),
        labels.get(ROOT),
        _nominal_time(flow_run),
    )


# Each of a flow run's tasks asks for it.
@functools.lru_cache(maxsize=64)
def _flow_caller(
    name: str,
    namespace: str,
    id_: str,
    created: datetime | None,
    parent: Any,
    root: Any,
    nominal_time: str,
) -> Caller:
    instant = int(created.timestamp() * 1000) if created is not None else None
    return Caller(
        run=RunRef(run_id=ids.static_id(id_, instant_ms=instant), namespace=namespace, job=name),
        parent=_read(parent),
        root=_read(root),
        engine="prefect",
        engine_version=prefect.__version__,
        engine_run_id=id_,
        nominal_time=nominal_time,
    )


def task_caller() -> Caller | None:
    """The attempt of a task run that this code is in; none outside a flow run."""
    task = TaskRunContext.get()
    flow = FlowRunContext.get()
    if task is None or flow is None or flow.flow is None or flow.flow_run is None:
        return None
    if task.task_run.flow_run_id != flow.flow_run.id:
        return None
    binding.enter(flow.flow)  # in a worker, nothing else of the flow run is told
    parent = flow_caller(flow.flow.name, flow.flow_run)
    task_run = task.task_run
    return Caller(
        run=RunRef(
            # The partition is the third part: empty, as one task run is one run here.
            run_id=ids.static_id(str(task_run.id), str(task_run.run_count), ""),
            namespace=parent.run.namespace,
            job=f"{parent.run.job}.{task.task.name}",
        ),
        parent=parent.run,
        root=parent.root or parent.run,
        attempt=task_run.run_count,
        engine=parent.engine,
        engine_version=parent.engine_version,
        engine_run_id=str(task_run.id),
        nominal_time=parent.nominal_time,
        nested="__parents__" in task_run.task_inputs,
    )


def flow_here() -> Caller | None:
    """The flow run that this code is in; none outside one."""
    context = FlowRunContext.get()
    if context is None or context.flow is None or context.flow_run is None:
        return None
    return flow_caller(context.flow.name, context.flow_run)


environment.flow_runs.append(flow_here)


def nest(flow_run: FlowRun, outer: FlowRunContext | None) -> None:
    """Label a nested flow's run with its parent and root, here and in Prefect's database.

    What `OPENLINEAGE_CONTEXT` names is the parent of a flow run that is nested in none.

    Args:
        flow_run: any flow run; one that has neither, or is labelled, is left as it is.
        outer: the context of the flow it is nested in, where that runs in this process.
    """
    if PARENT in flow_run.labels:
        return
    above, root = (None, None) if flow_run.parent_task_run_id else environment.outer()
    if above is None and flow_run.parent_task_run_id is None:
        return
    try:
        with SyncClientContext.get_or_create() as context:
            client = context.client
            if above is None:
                parent = _outer_flow(client, flow_run, outer)
                if parent is None:
                    return
                above, root = parent.run, parent.root
            labels: KeyValueLabels = {PARENT: _write(above), ROOT: _write(root or above)}
            flow_run.labels = {**flow_run.labels, **labels}
            client.update_flow_run_labels(flow_run.id, labels)
    except Exception as error:  # a server that is away costs the nesting, not the run
        log.warning("flow run %s is shown without its parent: %s", flow_run.name, error)


def _outer_flow(
    client: SyncPrefectClient, flow_run: FlowRun, outer: FlowRunContext | None
) -> Caller | None:
    if outer is not None and outer.flow is not None and outer.flow_run is not None:
        return flow_caller(outer.flow.name, outer.flow_run)
    if flow_run.parent_task_run_id is None:
        return None
    run = client.read_task_run(flow_run.parent_task_run_id)
    if run.flow_run_id is None:
        return None
    above = client.read_flow_run(run.flow_run_id)
    return flow_caller(client.read_flow(above.flow_id).name, above)


def _nominal_time(flow_run: FlowRun) -> str:
    if not flow_run.auto_scheduled or flow_run.expected_start_time is None:
        return ""
    return flow_run.expected_start_time.isoformat()


def _write(ref: RunRef) -> str:
    return json.dumps([ref.run_id, ref.namespace, ref.job])


def _read(label: Any) -> RunRef | None:
    if not isinstance(label, str):
        return None
    run_id, namespace, job = json.loads(label)
    return RunRef(run_id=run_id, namespace=namespace, job=job)
