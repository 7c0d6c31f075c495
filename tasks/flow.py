"""Flow runs as lineage sees them: hooks on Prefect's own flows, and nothing else.

`tracked` puts them there when the flow is defined. That way they also run in the
second process in which Prefect handles a cancelled or killed flow run. A flow without
it gets them at its first tracked task.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, overload
from uuid import UUID

from prefect import Flow
from prefect.context import FlowRunContext, SyncClientContext

from begat.lineage.errors import PipelineError
from begat.lineage.flow_run import close_below, flow_event

from . import binding
from .caller import flow_caller, nest

if TYPE_CHECKING:
    from prefect.blocks.core import Block
    from prefect.client.schemas.objects import FlowRun, State

    from begat.lineage import records

AnyFlow = TypeVar("AnyFlow", bound=Flow[..., Any])

#: Flow runs of this process that have started and not ended.
_open: set[UUID] = set()
_lock = threading.Lock()


@overload
def tracked(flow: AnyFlow, /, *, blocks: Sequence[Block | str] = ()) -> AnyFlow: ...
@overload
def tracked(*, blocks: Sequence[Block | str] = ()) -> Callable[[AnyFlow], AnyFlow]: ...
def tracked(
    flow: AnyFlow | None = None, /, *, blocks: Sequence[Block | str] = ()
) -> AnyFlow | Callable[[AnyFlow], AnyFlow]:
    """Record the flow's runs; write it above Prefect's `@flow`.

    Args:
        flow: Prefect's own flow; it gets hooks appended and is returned itself.
        blocks: what its runs work with, as blocks of begat's or by their names:
            `begat-store/production`.

    Raises:
        PipelineError: it is no flow, so `@tracked` stands below `@flow` or without it.
        SettingsError: one of `blocks` is no block of begat's.
    """
    if flow is None:
        return lambda given: tracked(given, blocks=blocks)
    if not isinstance(flow, Flow):
        name = getattr(flow, "__name__", flow)
        raise PipelineError(
            f"@tracked was given {name}, not a flow; write it above Prefect's @flow"
        )
    for attribute, hook in _HOOKS.items():
        hooks = getattr(flow, attribute)
        if hook not in hooks:
            # A new list: Prefect shares one between a flow and its with_options().
            setattr(flow, attribute, [*hooks, hook])
    if blocks:
        binding.bind(flow, blocks)
    return flow


def attach() -> None:
    """Track the flow run that this code is in, if nobody said `@tracked`.

    Its START comes late then, and still before that of its first task.

    Raises:
        SettingsError: the flow names blocks that cannot be worked with.
    """
    context = FlowRunContext.get()
    if context is not None:
        _attach(context)


def started(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Prefect's on_running hook; Prefect calls hooks by these parameters' names."""
    context = FlowRunContext.get()
    if context is not None and context.flow_run is not None and context.flow_run.id == flow_run.id:
        context = _outer(context)  # a flow's retry begins inside its own context
    if context is not None:
        _attach(context)
    _enter(flow, flow_run)
    with _lock:
        again = flow_run.id in _open
    _begin(flow, flow_run, context, again=again or _run_before(flow_run))


def completed(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Prefect's on_completion hook."""
    _end("COMPLETE", flow, flow_run)


def failed(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Prefect's on_failure hook."""
    data = getattr(state.data, "result", state.data)  # kept as it is, or in a result record
    _end("FAIL", flow, flow_run, data if isinstance(data, BaseException) else state.message)


def aborted(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Prefect's on_cancellation and on_crashed hook."""
    _end("ABORT", flow, flow_run, state.message)


_HOOKS = {
    "on_running_hooks": started,
    "on_completion_hooks": completed,
    "on_failure_hooks": failed,
    "on_cancellation_hooks": aborted,
    "on_crashed_hooks": aborted,
}


def _attach(context: FlowRunContext) -> None:
    flow, flow_run = context.flow, context.flow_run
    # A detached context is a copy in a worker: its flow run is another process's to tell.
    if flow is None or flow_run is None or context.detached or flow_run.id in _open:
        return
    outer = _outer(context)
    if outer is not None:
        _attach(outer)
    _enter(flow, flow_run)
    tracked(flow)
    _begin(flow, flow_run, outer, again=flow_run.run_count > 1)


def _begin(
    flow: Flow[..., Any], flow_run: FlowRun, outer: FlowRunContext | None, *, again: bool
) -> None:
    with _lock:
        _open.add(flow_run.id)
    nest(flow_run, outer)
    flow_event("RUNNING" if again else "START", flow_caller(flow.name, flow_run))


def _run_before(flow_run: FlowRun) -> bool:
    # What the hook is given was read before the flow run became Running, as far as measured:
    # a count of 1 could be this run's own, and the server knows.
    if flow_run.run_count != 1:
        return flow_run.run_count > 1
    with SyncClientContext.get_or_create() as context:
        return context.client.read_flow_run(flow_run.id).run_count > 1


def _end(
    state: records.State,
    flow: Flow[..., Any],
    flow_run: FlowRun,
    error: BaseException | str | None = None,
) -> None:
    with _lock:
        here = flow_run.id in _open
        _open.discard(flow_run.id)
        busy = bool(_open)
    binding.enter(flow, busy=busy)
    caller = flow_caller(flow.name, flow_run)
    if state == "ABORT" and not here:
        # Another process had it, which was cancelled or killed: its tasks tell nothing any more.
        close_below(caller, f"its flow run ended: {error}")
    flow_event(state, caller, error=error)
    if not busy:
        binding.leave()


def _enter(flow: Flow[..., Any], flow_run: FlowRun) -> None:
    with _lock:
        busy = bool(_open - {flow_run.id})
    binding.enter(flow, busy=busy)


def _outer(context: FlowRunContext) -> FlowRunContext | None:
    # Prefect keeps the context it replaced, privately; without it the server is asked.
    before = getattr(getattr(context, "_token", None), "old_value", None)
    return before if isinstance(before, FlowRunContext) else None
