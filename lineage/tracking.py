"""The one wrapper: capture, recipe, reuse or run, events.

An adapter (Prefect, a plain script, Airflow) says who is asking, by a `Caller`;
everything else about a tracked run is decided here.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Any
from weakref import WeakKeyDictionary

from . import recipe, turn
from .active import ActiveRun, current
from .attempt import Attempt, Ended, Outcome, ended
from .flow_run import Tally, flow_event, tally
from .recipe import Prepared, Recipe
from .records import Caller
from .workspace import workspace

__all__ = ["ActiveRun", "Outcome", "Tally", "Tracked", "current", "ended", "flow_event", "tally"]


_signatures: WeakKeyDictionary[FunctionType, inspect.Signature] = WeakKeyDictionary()


@dataclass(frozen=True, kw_only=True)
class Tracked:
    """A function as begat tracks it.

    Args:
        function: what does the work.
        name: the task's name; its job is `{flow}.{name}`.
        version: begat's own tasks count theirs up when their code changes; 0 elsewhere.
        seed: what the run's random generators are derived from, with its recipe.
    """

    function: Callable[..., Any]
    name: str
    version: int = 0
    seed: int = 0

    @functools.cached_property
    def signature(self) -> inspect.Signature:
        """The function's own parameters."""
        if not isinstance(self.function, FunctionType):
            return inspect.signature(self.function)
        # Adapters make a `Tracked` anew for each run.
        found = _signatures.get(self.function)
        if found is None:
            found = _signatures[self.function] = inspect.signature(self.function)
        return found

    def bound(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of a call by parameter, defaults included.

        Raises:
            TypeError: the arguments do not fit the function.
        """
        found = self.signature.bind(*args, **kwargs)
        found.apply_defaults()
        return found.arguments

    def recipe(self, job: str, arguments: Mapping[str, Any]) -> Recipe:
        """What determines the output of a call.

        Args:
            job: `{flow}.{task}`.
            arguments: of the call, as `bound` gives them.

        Raises:
            RecipeError: something that determines it has no digest.
        """
        return self._looked_at(job, arguments).recipe({}, seed=self.seed)

    def functions(self, job: str, arguments: Mapping[str, Any]) -> Mapping[str, str]:
        """Digest by label of all code and globals that the function and arguments reach now.

        Args:
            job: `{flow}.{task}`.
            arguments: of a call, as many as are asked about.

        Raises:
            RecipeError: something of it has no digest any more.
        """
        return self._looked_at(job, arguments).functions

    def prepared(self, job: str, fixed: Mapping[str, Any]) -> Prepared:
        """The function with arguments that many calls share, for a plan's recipes.

        Args:
            job: `{flow}.{task}`.
            fixed: those arguments; parameters that are neither here nor in a call count at
                their defaults.

        Raises:
            RecipeError: something that determines the output has no digest.
        """
        found = self.signature.bind_partial(**fixed)
        found.apply_defaults()
        return self._looked_at(job, found.arguments)

    def _looked_at(self, job: str, fixed: Mapping[str, Any]) -> Prepared:
        return recipe.prepare(
            job=job,
            version=self.version,
            function=self.function,
            fixed=fixed,
            first_party=workspace().settings.first_party,
        )

    def run(
        self,
        caller: Caller,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        *,
        ended: Ended = ended,
    ) -> Outcome:
        """Call the function, or answer from an earlier run; record either.

        Args:
            caller: who is asking.
            args: positional arguments of the call.
            kwargs: its keyword arguments.
            ended: how a run that raised an error ended.

        Raises:
            RecipeError: something that determines the output has no digest.
            BaseException: whatever the function raises.
        """
        attempt = Attempt(tracked=self, caller=caller)
        with attempt.told(ended):
            for seconds in attempt.begin(args, kwargs):
                turn.wait(seconds)
            if attempt.answer is not None:
                return attempt.answer
            with attempt.running():
                value = self.function(*args, **kwargs)
            return attempt.complete(value)

    async def run_async(
        self,
        caller: Caller,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        *,
        ended: Ended = ended,
    ) -> Outcome:
        """`run` for a coroutine function."""
        import asyncio  # here, for most runs need none

        attempt = Attempt(tracked=self, caller=caller)
        with attempt.told(ended):
            for seconds in attempt.begin(args, kwargs):
                await asyncio.sleep(seconds)
            if attempt.answer is not None:
                return attempt.answer
            with attempt.running():
                awaitable: Awaitable[Any] = self.function(*args, **kwargs)
                value = await awaitable
            return attempt.complete(value)
