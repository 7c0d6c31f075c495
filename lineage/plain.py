"""The adapter for a plain script or notebook: no orchestrator, the same lineage.

```python
from begat.lineage import plain, source, read, write

@plain.task
def featurize(part, window=7):
    return write(read(part).rolling(window).mean(), "features")

with plain.flow("delays"):
    featurize(source("flights.csv"))
```
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from . import context, flow_run
from .errors import PipelineError
from .events import ids
from .records import Caller, RunRef
from .workspace import workspace

if TYPE_CHECKING:
    from .tracking import Outcome, Tracked

P = ParamSpec("P")
R = TypeVar("R")

_flow: ContextVar[Caller | None] = ContextVar("begat_plain_flow", default=None)
context.flow_runs.append(_flow.get)


@contextmanager
def flow(name: str) -> Iterator[Caller]:
    """Run the tasks called inside as one flow run; flows nest.

    Args:
        name: the flow's name; jobs are `{name}.{task}`.
    """
    from .tracking import ended

    outer = _flow.get()
    caller = _caller(name, parent=outer)
    # Both events are inside: whenever Ctrl-C comes, what has started also ends.
    try:
        flow_run.flow_event("START", caller)
        token = _flow.set(caller)
        try:
            yield caller
        finally:
            _flow.reset(token)
        flow_run.flow_event("COMPLETE", caller)
    except BaseException as error:
        flow_run.flow_event(ended(error), caller, error=error)
        raise


def unchanged(name: str, *, reused: int, model_version: str = "") -> str:
    """Record a flow run that had nothing to do: its one event is COMPLETE.

    Args:
        name: the flow's name.
        reused: how many tasks earlier runs answered.
        model_version: the model that stands.

    Returns:
        The flow run's id.
    """
    caller = _caller(name, parent=_flow.get())
    flow_run.tally(caller.run.run_id).add(reused=reused, model_version=model_version)
    flow_run.flow_event("COMPLETE", caller)
    return caller.run.run_id


@overload
def task(function: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def task(*, name: str = "", seed: int = 0) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def task(
    function: Callable[P, R] | None = None, /, *, name: str = "", seed: int = 0
) -> Callable[P, R] | Callable[[Callable[P, R]], Callable[P, R]]:
    """Track a function: inside a flow its calls are runs, outside it is just itself.

    Args:
        function: what does the work, sync or async.
        name: the task's name; the function's own by default.
        seed: what the run's random generators are derived from.

    Raises:
        PipelineError: the function is a generator, or has no name and is given none.
    """
    if function is None:
        return lambda given: _wrap(given, name=name, seed=seed)
    return _wrap(function, name=name, seed=seed)


def run(tracked: Tracked, /, *args: Any, **kwargs: Any) -> Outcome:
    """Run a tracked function as a task of the flow that is running here.

    Raises:
        LookupError: no flow is running.
    """
    caller = _task_caller(tracked)
    if caller is None:
        raise LookupError("no flow is running; call this inside `with plain.flow(name):`")
    return tracked.run(caller, args, kwargs)


def _wrap(function: Callable[P, R], *, name: str, seed: int) -> Callable[P, R]:
    import inspect  # here, for a flow run that has nothing to do wraps nothing

    from .tracking import Tracked

    name = name or getattr(function, "__name__", "")
    if not name:
        raise PipelineError(f"{function!r} has no name; give one: plain.task(name=…)")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise PipelineError(
            f"task {name} yields; begat needs one result: return a list of references"
        )
    tracked = Tracked(function=function, name=name, seed=seed)
    if inspect.iscoroutinefunction(function):
        return _wrap_async(function, tracked)

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        caller = _task_caller(tracked)
        if caller is None:
            return function(*args, **kwargs)
        value: R = tracked.run(caller, args, kwargs).value
        return value

    return wrapper


def _wrap_async(function: Callable[..., Any], tracked: Tracked) -> Callable[..., Any]:
    @functools.wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        caller = _task_caller(tracked)
        if caller is None:
            return await function(*args, **kwargs)
        return (await tracked.run_async(caller, args, kwargs)).value

    return wrapper


def _task_caller(tracked: Tracked) -> Caller | None:
    parent = _flow.get()
    return _caller(f"{parent.run.job}.{tracked.name}", parent=parent) if parent else None


def _caller(job: str, *, parent: Caller | None) -> Caller:
    above, root = (parent.run, parent.root or parent.run) if parent else context.outer()
    return Caller(
        run=RunRef(run_id=ids.new_id(), namespace=workspace().settings.namespace, job=job),
        parent=above,
        root=root,
        engine="python",
        engine_version=sys.version.partition(" ")[0],
    )
