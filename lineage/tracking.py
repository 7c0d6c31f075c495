"""The one wrapper: capture, recipe, reuse or run, events.

An adapter (Prefect, a plain script, Airflow) says who is asking, by a `Caller`;
everything else about a tracked run is decided here.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from . import events, provenance, recipe, results
from .active import ActiveRun, active, current
from .capture import seeds
from .content import merkle
from .errors import StoreError
from .flow_run import Tally, flow_event, tally
from .provenance import unbroken
from .recipe import Prepared, Recipe, inputs_of, watch
from .records import Caller, DatasetVersion, ModelVersion, Snapshot, State
from .workspace import Workspace, workspace

if TYPE_CHECKING:
    from .graph.store import Answer
    from .recipe import Opened

__all__ = ["ActiveRun", "Outcome", "Tally", "Tracked", "current", "ended", "flow_event", "tally"]

log = logging.getLogger("begat")

Ended = Callable[[BaseException], Literal["FAIL", "ABORT"]]


def ended(error: BaseException) -> Literal["FAIL", "ABORT"]:
    """How a run that raised `error` ended: interrupted and cancelled ones are ABORT."""
    return "FAIL" if isinstance(error, Exception) else "ABORT"


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What a tracked call came to."""

    value: Any
    #: Whether an earlier run answered it.
    reused: bool
    #: The run that did the work: this one, or the one it reuses.
    run_id: str


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
        return inspect.signature(self.function)

    def recipe(self, job: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Recipe:
        """What determines the output of a call.

        Args:
            job: `{flow}.{task}`.
            args: positional arguments of the call.
            kwargs: its keyword arguments.

        Raises:
            RecipeError: something that determines it has no digest.
            TypeError: the arguments do not fit the function.
        """
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return self.prepared(job, {}).recipe(bound.arguments, seed=self.seed)

    def prepared(self, job: str, fixed: Mapping[str, Any]) -> Prepared:
        """The function with arguments that many calls share, for a plan's recipes.

        Args:
            job: `{flow}.{task}`.
            fixed: those arguments; parameters that are neither here nor in a call count at
                their defaults.

        Raises:
            RecipeError: something that determines the output has no digest.
        """
        bound = self.signature.bind_partial(**fixed)
        bound.apply_defaults()
        return recipe.prepare(
            job=job,
            version=self.version,
            function=self.function,
            fixed=bound.arguments,
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
        attempt = _Attempt(tracked=self, caller=caller)
        if (outcome := attempt.begin(args, kwargs)) is not None:
            return outcome
        with attempt.running(ended):
            return attempt.complete(self.function(*args, **kwargs))

    async def run_async(
        self,
        caller: Caller,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        *,
        ended: Ended = ended,
    ) -> Outcome:
        """`run` for a coroutine function."""
        attempt = _Attempt(tracked=self, caller=caller)
        if (outcome := await asyncio.to_thread(attempt.begin, args, kwargs)) is not None:
            return outcome
        with attempt.running(ended):
            awaitable: Awaitable[Any] = self.function(*args, **kwargs)
            return attempt.complete(await awaitable)


@dataclass(kw_only=True)
class _Attempt:
    """One attempt of one task, from the question whether it is needed to its end."""

    tracked: Tracked
    caller: Caller
    space: Workspace = field(default_factory=workspace)
    recipe: Recipe = field(init=False)
    read: list[tuple[str, results.Reference]] = field(init=False)
    active: ActiveRun = field(init=False)
    opened: Opened | None = None
    facets: dict[str, Any] = field(default_factory=dict)

    @functools.cached_property
    def chunks(self) -> list[merkle.Chunk]:
        """What holds the rows of the snapshots that are read."""
        return [
            chunk
            for _, item in self.read
            if isinstance(item, Snapshot)
            for chunk in merkle.chunks(item)
        ]

    def begin(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Outcome | None:
        """Answer from an earlier run, or record the start of this one."""
        run = self.caller.run
        self.recipe = self.tracked.recipe(run.job, args, kwargs)
        self.read = inputs_of(self.tracked.signature.bind(*args, **kwargs).arguments)
        self.active = ActiveRun(
            run_id=run.run_id,
            flow=self.caller.parent.job if self.caller.parent else run.job.rpartition(".")[0],
            recipe=self.recipe.digest,
            seed=self.tracked.seed,
        )
        answer = self._answer()
        if answer is not None:
            return self._reuse(answer)
        with unbroken("the start of run", run.run_id):
            self.facets = {
                "begat_recipe": self._recipe_facet(None),
                "begat_seeds": seeds.derive(self.tracked.seed, self.recipe.digest).to_facet(),
                "executionParameters": events.facets.execution_parameters(self.recipe.parameters),
                **provenance.environment(),
            }
            self._record("START", inputs=self._inputs(rows=False))
        return None

    @contextmanager
    def running(self, ended: Ended) -> Iterator[None]:
        """Attribute what happens inside to this run; record its end if it raises."""
        try:
            with active(self.active), watch([self.space.settings.home]) as self.opened:
                yield
        except BaseException as error:
            with unbroken("the end of run", self.caller.run.run_id):
                self.facets |= self.active.run_facets
                self.facets["errorMessage"] = events.facets.error_message(error)
                self._record(ended(error), inputs=self._inputs(rows=False))
            raise

    def complete(self, value: Any) -> Outcome:
        """Record the end of a run that returned `value`."""
        run_id = self.caller.run.run_id
        value, written = self._claim(value)
        with unbroken("the end of run", run_id):
            self.facets["begat_recipe"] = self._recipe_facet(value)
            self.facets |= self.active.run_facets
            self._record(
                "COMPLETE",
                inputs=self._inputs(rows=True),
                outputs=[
                    events.output_dataset(version, facets=self.active.outputs.get(version, {}))
                    for version in written
                ],
            )
        if self.caller.parent is not None:
            tally(self.caller.parent.run_id).add(executed=1)
        return Outcome(value=value, reused=False, run_id=run_id)

    def _claim(self, value: Any) -> tuple[Any, list[DatasetVersion | ModelVersion]]:
        # What a run returns is its output, unless it was among its inputs.
        read = {
            version
            for _, item in self.read
            for version in (item.versions if isinstance(item, Snapshot) else (item,))
        }
        written: dict[DatasetVersion | ModelVersion, None] = {}

        def own(version: DatasetVersion) -> DatasetVersion:
            if version in read:
                return version
            mine = replace(version, producer=self.caller.run.run_id, location="")
            written[mine] = None
            return mine

        def claim(reference: results.Reference) -> results.Reference:
            match reference:
                case DatasetVersion():
                    return own(reference)
                case Snapshot():
                    return Snapshot(versions=tuple(own(version) for version in reference.versions))
                case ModelVersion():
                    if reference not in read:
                        written[reference] = None
                    return reference

        return results.replace(value, claim), list(written)

    def _answer(self) -> Answer | None:
        if not self.recipe.reusable:
            return None
        try:
            return self.space.answers([self.recipe.digest]).get(self.recipe.digest)
        except StoreError as error:
            log.warning("%s; %s runs without asking for earlier results", error, self.tracked.name)
            return None

    def _reuse(self, answer: Answer) -> Outcome:
        with unbroken("the reuse by run", self.caller.run.run_id):
            self.facets = {"begat_reuse": events.facets.reuse(run=answer.run_id)}
            self._record("COMPLETE")
        if self.caller.parent is not None:
            tally(self.caller.parent.run_id).add(reused=1)
        return Outcome(value=results.decode(answer.result), reused=True, run_id=answer.run_id)

    def _recipe_facet(self, value: Any) -> dict[str, Any]:
        git = provenance.commit(self._flow_run_id)
        reasons = list(self.recipe.reasons)
        for path in self.opened.undeclared if self.opened is not None else ():
            reasons.append(f"read {path}, which is none of its inputs")
            log.warning(
                "%s read %s, which is none of its inputs: pass it as an argument "
                "(begat.lineage.source) or this run is never reused",
                self.caller.run.job,
                path,
            )
        try:
            result = results.encode(value)
        except results.NotEncodableError as error:
            result = None
            reasons.append(f"returned a {error}, which is neither JSON nor a reference")
        return events.facets.recipe(
            self.recipe.to_facet()
            | {
                "reusable": not reasons,
                "reasons": reasons,
                "result": result,
                "notes": [*self.recipe.notes, *filter(None, [git.reason])],
                "sources": provenance.sources_of(self._flow_run_id, self.recipe.files, self.space),
                "commit": git.commit,
                "dirty": git.dirty,
            }
        )

    @property
    def _flow_run_id(self) -> str:
        return (self.caller.parent or self.caller.run).run_id

    def _inputs(self, *, rows: bool) -> list[dict[str, Any]]:
        return [
            events.input_dataset(
                item, argument, rows=rows, input_facets=self.active.inputs.get(item, {})
            )
            for argument, item in self.read
        ]

    def _record(
        self,
        state: State,
        *,
        inputs: list[dict[str, Any]] | None = None,
        outputs: list[dict[str, Any]] | None = None,
    ) -> None:
        event = events.run_event(
            state,
            caller=self.caller,
            time=events.now(),
            job_type="TASK",
            inputs=inputs,
            outputs=outputs,
            run_facets=self.facets,
            job_facets=provenance.code_facets(provenance.commit(self._flow_run_id))
            | self.active.job_facets,
        )
        self.space.record([event], self.chunks)
