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
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar, overload

from . import flow_run
from .events import ids
from .records import Caller, RunRef
from .tracking import Outcome, Tracked, ended
from .workspace import workspace

P = ParamSpec("P")
R = TypeVar("R")

_flow: ContextVar[Caller | None] = ContextVar("begat_plain_flow", default=None)


@contextmanager
def flow(name: str) -> Iterator[Caller]:
    """Run the tasks called inside as one flow run; flows nest.

    Args:
        name: the flow's name; jobs are `{name}.{task}`.
    """
    outer = _flow.get()
    caller = _caller(name, parent=outer)
    flow_run.flow_event("START", caller)
    token = _flow.set(caller)
    try:
        yield caller
    except BaseException as error:
        flow_run.flow_event(ended(error), caller, error=error)
        raise
    finally:
        _flow.reset(token)
    flow_run.flow_event("COMPLETE", caller)


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
        function: what does the work.
        name: the task's name; the function's own by default.
        seed: what the run's random generators are derived from.
    """
    if function is None:
        return lambda given: _wrap(given, name=name, seed=seed)
    return _wrap(function, name=name, seed=seed)


def run(tracked: Tracked, /, *args: Any, **kwargs: Any) -> Outcome:
    """Run a tracked function as a task of the flow that is running here.

    Raises:
        LookupError: no flow is running.
    """
    parent = _flow.get()
    if parent is None:
        raise LookupError("no flow is running; call this inside `with plain.flow(name):`")
    return tracked.run(_caller(f"{parent.run.job}.{tracked.name}", parent=parent), args, kwargs)


def _wrap(function: Callable[P, R], *, name: str, seed: int) -> Callable[P, R]:
    tracked = Tracked(function=function, name=name or function.__name__, seed=seed)

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        if _flow.get() is None:
            return function(*args, **kwargs)
        value: R = run(tracked, *args, **kwargs).value
        return value

    return wrapper


def _caller(job: str, *, parent: Caller | None) -> Caller:
    return Caller(
        run=RunRef(run_id=ids.new_id(), namespace=workspace().settings.namespace, job=job),
        parent=parent.run if parent else None,
        root=(parent.root or parent.run) if parent else None,
        engine="python",
        engine_version=platform.python_version(),
    )
