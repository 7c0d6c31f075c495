"""Prefect's task with begat's wrapper inside, and its decorator.

A thin subclass: the engine, runners, retries, hooks and results are Prefect's. Only
its cache is off, since a hit there would go past the wrapper; reuse is begat's own.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar, overload

import prefect
from prefect.cache_policies import NO_CACHE, CachePolicy
from prefect.context import TaskRunContext
from prefect.results import should_persist_result
from prefect.transactions import TransactionState, get_transaction
from prefect.utilities.annotations import NotSet

from begat.lineage.errors import ParameterError, PipelineError
from begat.lineage.tracking import Outcome, Tracked

from .caller import task_caller
from .flow import attach
from .sent import opened

if TYPE_CHECKING:
    from prefect.tasks import TaskOptions
    from typing_extensions import Unpack

P = ParamSpec("P")
R = TypeVar("R")

#: Options by which Prefect would skip a task without asking begat.
_CACHING = ("cache_policy", "cache_key_fn", "result_storage_key")


class NeverTwice(CachePolicy):
    """Prefect stores a result to be persisted under a cache key: give each attempt its own."""

    def compute_key(
        self,
        task_ctx: TaskRunContext,
        inputs: dict[str, Any],
        flow_parameters: dict[str, Any],
        **kwargs: Any,
    ) -> str | None:
        """The attempt's own key, which no other has; none where nothing is persisted."""
        del inputs, flow_parameters, kwargs
        if not task_ctx.persist_result:
            return None
        return f"{task_ctx.task_run.id}-{task_ctx.task_run.run_count}"


class Task(prefect.Task[P, R]):
    """A Prefect task whose runs inside a flow are tracked.

    Called outside a flow run, its function is just itself.

    Args:
        fn: what does the work, sync or async.
        seed: what a run's random generators are derived from, with its recipe.
        recipe_version: begat's own tasks count it up when their code changes.
        options: Prefect's own.

    Raises:
        ParameterError: an option asks Prefect to cache.
        PipelineError: the function is a generator.
    """

    def __init__(
        self,
        fn: Callable[P, R],
        *,
        seed: int = 0,
        recipe_version: int = 0,
        **options: Unpack[TaskOptions],
    ) -> None:
        _refuse_caching(getattr(fn, "__name__", str(fn)), options)
        options["cache_policy"] = NO_CACHE
        super().__init__(fn, **options)
        if self.isgenerator:
            raise PipelineError(
                f"task {self.name} yields; begat needs one result: return a list of references"
            )
        # Key, name, description and source are the user's function's; only then comes ours.
        self.function: Callable[..., Any] = self.fn
        self.seed = seed
        self.recipe_version = recipe_version
        self.fn = _wrap(self.function, seed, recipe_version)
        # Only now: given to Prefect above, a policy would turn persistence on.
        self.cache_policy = NeverTwice()  # type: ignore[assignment]  # inferred from one of three

    @property
    def tracked(self) -> Tracked:
        """The function as begat tracks it, for plans."""
        return Tracked(
            function=self.function, name=self.name, version=self.recipe_version, seed=self.seed
        )

    def with_options(self, **options: Any) -> Task[P, R]:
        """The same task with other options, Prefect's or `seed`.

        Raises:
            ParameterError: an option asks Prefect to cache.
        """
        _refuse_caching(self.name, options)
        seed = options.pop("seed", self.seed)
        changed = super().with_options(**options)
        changed.__class__ = type(self)
        assert isinstance(changed, Task)
        for name in ("cache_policy", "function", "recipe_version", "source_code", "task_key"):
            setattr(changed, name, getattr(self, name))
        changed.seed = seed
        changed.fn = _wrap(self.function, seed, self.recipe_version)
        return changed

    if not TYPE_CHECKING:  # Prefect's overloads say more than these signatures do

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            """Run the task here and return its result, as Prefect does."""
            attach()
            return super().__call__(*args, **kwargs)

        def submit(self, *args: Any, **kwargs: Any) -> Any:
            """Run the task on the flow's task runner and return a future, as Prefect does."""
            attach()
            return super().submit(*args, **kwargs)

        def map(self, *args: Any, **kwargs: Any) -> Any:
            """Submit one task run for each item and return their futures, as Prefect does."""
            attach()
            return super().map(*args, **kwargs)


@overload
def task(function: Callable[P, R], /) -> Task[P, R]: ...
@overload
def task(
    *, seed: int = 0, recipe_version: int = 0, **options: Unpack[TaskOptions]
) -> Callable[[Callable[P, R]], Task[P, R]]: ...
def task(
    function: Callable[P, R] | None = None, /, **options: Any
) -> Task[P, R] | Callable[[Callable[P, R]], Task[P, R]]:
    """Make a function a tracked Prefect task; takes every option of Prefect's `@task`.

    Dataset and model versions among the arguments, however nested, are its inputs;
    those in the return value are its outputs; all other arguments are parameters.

    Args:
        function: what does the work, sync or async.
        options: `seed`, which random generators are derived from, and Prefect's own.

    Raises:
        ParameterError: an option asks Prefect to cache.
        PipelineError: the function is a generator.
    """
    if function is None:
        return lambda given: Task(given, **options)
    return Task(function, **options)


def ended(error: BaseException) -> Literal["FAIL", "ABORT"]:
    """How an attempt that raised `error` ended: a timeout failed, an interruption aborted."""
    if isinstance(error, Exception):
        return "FAIL"
    context = TaskRunContext.get()
    limit = context.task.timeout_seconds if context is not None else None
    if context is None or not limit:
        return "ABORT"
    # A timeout comes as one of Prefect's own exceptions, or as asyncio's cancellation:
    # so do a cancelled flow and a loop that shuts down, and only the clock tells which.
    own = type(error).__module__.startswith("prefect._internal")
    elapsed = (datetime.now(UTC) - context.start_time).total_seconds()
    timed_out = (own or isinstance(error, asyncio.CancelledError)) and elapsed >= limit
    return "FAIL" if timed_out else "ABORT"


def _wrap(function: Callable[..., Any], seed: int, version: int) -> Callable[..., Any]:
    # Workers get this pickled by value, so it closes over nothing but these three.
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def call_async(*args: Any, **kwargs: Any) -> Any:
            return await _call_async(function, seed, version, args, kwargs)

        return call_async

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return _call(function, seed, version, args, kwargs)

    return call


def _call(
    function: Callable[..., Any],
    seed: int,
    version: int,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> Any:
    args, kwargs = opened(args, kwargs)  # first: with what a worker works is decided there
    caller = task_caller()
    if caller is None:
        return function(*args, **kwargs)
    tracked = Tracked(function=function, name=_name(), seed=seed, version=version)
    return _value(tracked.run(caller, args, kwargs, ended=ended))


async def _call_async(
    function: Callable[..., Any],
    seed: int,
    version: int,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> Any:
    args, kwargs = opened(args, kwargs)
    caller = task_caller()
    if caller is None:
        return await function(*args, **kwargs)
    tracked = Tracked(function=function, name=_name(), seed=seed, version=version)
    return _value(await tracked.run_async(caller, args, kwargs, ended=ended))


def _name() -> str:
    context = TaskRunContext.get()
    return context.task.name if context is not None else ""


def _value(outcome: Outcome) -> Any:
    if outcome.reused:
        _show_as_cached()
    return outcome.value


def _show_as_cached() -> None:
    """Let Prefect name the state Cached: it does so for a transaction committed before.

    That is not documented; if it changes, the name is lost and nothing else. A result
    that is to be persisted is left alone, as a committed transaction would not write it.
    """
    transaction = get_transaction()
    if transaction is not None and not should_persist_result():
        transaction.state = TransactionState.COMMITTED


def _refuse_caching(name: str, options: Mapping[str, Any]) -> None:
    for option in _CACHING:
        if options.get(option, NotSet) not in (NotSet, None, NO_CACHE):
            raise ParameterError(
                f"task {name} asks Prefect to cache ({option}); leave it out: "
                "begat reuses a run when nothing that determines its result has changed"
            )
