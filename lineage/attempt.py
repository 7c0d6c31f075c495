"""One attempt of a task: whether it is needed, its start, its end, and what came of it."""

from __future__ import annotations

import functools
import logging
import os
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from . import events, provenance, results
from .active import ActiveRun, active, current
from .capture import pytorch, seeds
from .content import merkle
from .content.digest import digest_bytes
from .errors import CollectedError, EventError, SettingsError, StoreError, UserError
from .events.sealed import Sealed
from .flow_run import tally
from .provenance import unbroken
from .recipe import Recipe, inherited, inputs_of, watch
from .records import Caller, DatasetVersion, ModelVersion, Snapshot, State
from .turn import Turn, over
from .workspace import Workspace, workspace

if TYPE_CHECKING:
    from .graph.leases import Lease
    from .tracking import Tracked

log = logging.getLogger("begat")

#: Refused so often while nobody works on a recipe: what has answered it is lost.
_LOST = 2
#: More reasons than these are only counted.
REASONS = 20

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


@dataclass(kw_only=True)
class Attempt:
    """One attempt of one task, from the question whether it is needed to its end."""

    tracked: Tracked
    caller: Caller
    space: Workspace = field(default_factory=workspace)
    #: The run that this one was called in.
    outer: ActiveRun = field(default_factory=current)
    active: ActiveRun = field(default_factory=ActiveRun)
    #: What it reads, by argument; None while that is not known.
    read: list[tuple[str, results.Reference]] | None = None
    opened: Sequence[str] = ()
    #: Globals that were not the same afterwards.
    changed: Sequence[str] = ()
    facets: dict[str, Any] = field(default_factory=dict)
    #: Inputs as its events have them, by argument.
    sealed: dict[str, Sealed] = field(default_factory=dict)
    over: bool = False
    #: What another run came to that did the same.
    answer: Outcome | None = None
    #: Whether a run has answered its recipe, in a way that nobody can read.
    unreadable: bool = False
    #: Digests of what the answer refers to.
    answered: Sequence[str] = ()
    #: Why its end is not recorded: what it rests on was collected meanwhile.
    collected: CollectedError | None = None

    def begin(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Iterator[float]:
        """Answer from another run, or record the start of this one.

        Yields:
            Seconds to wait before it goes on, while another run does the same work.
        """
        run = self.caller.run
        self.arguments = self.tracked.bound(args, kwargs)
        self.recipe = self._recipe(self.arguments)
        self.active = ActiveRun(
            run_id=run.run_id,
            flow=self.caller.parent.job if self.caller.parent else run.job.rpartition(".")[0],
            recipe=self.recipe.digest,
            seed=self.tracked.seed,
            caller=self.caller,
        )
        self.answer = self._answer()
        if self.answer is None:
            yield from self._start()
        while self.answer is not None and not self._reuse(self.answer):
            self.answer = self.collected = None  # it was there when it was asked for
            yield from self._start()

    def _start(self) -> Iterator[float]:
        """Record the start as soon as nobody else does the same, unless they answer it."""
        recipe = self.recipe.digest if self.recipe.reusable else ""
        turn = Turn(
            space=self.space, caller=self.caller, outer=self.outer, recipe=self.recipe.digest
        )
        idle = _LOST if self.unreadable else 0  # refusals in a row though nobody is at work
        while not self._started(recipe, anew=idle == _LOST):
            idle += 1
            if idle > _LOST or not turn.may_wait():
                recipe = ""  # without a lease, which nothing depends on
                continue
            for seconds in turn.waited():
                idle = 0
                yield seconds
            if (answer := self._answer()) is not None:
                self.answer = answer
                return
        self.active.holds = self.outer.holds or bool(recipe)

    def _started(self, recipe: str, *, anew: bool) -> bool:
        """Record the start, unless another run works on the recipe."""
        with unbroken(f"recording the start of run {self.caller.run.run_id}"):
            self.facets = {
                "begat_recipe": Sealed(self._recipe_facet()),
                "begat_seeds": Sealed(self.seeds.to_facet()),
                "executionParameters": Sealed(
                    events.facets.execution_parameters(self.recipe.parameters)
                ),
                **provenance.environment(),
            }
            lease = self.space.lease(self.caller.run.run_id, recipe, anew=anew)
            return self._record("START", inputs=self._inputs(rows=False), lease=lease)
        return True  # nothing that goes wrong there stops the work

    @contextmanager
    def told(self, ended: Ended) -> Iterator[None]:
        """Record how the attempt ended, if what happens inside raises."""
        try:
            yield
        except BaseException as error:
            if not self.over:
                with unbroken(f"recording the end of run {self.caller.run.run_id}"):
                    self.facets |= self.active.run_facets
                    self.facets["errorMessage"] = events.facets.error_message(error)
                    self._record(ended(error), inputs=self._inputs(rows=False))
            raise

    @contextmanager
    def running(self) -> Iterator[None]:
        """Attribute what happens inside to this run."""
        opens = inherited.of(self.space)
        notice = functools.partial(opens.remember, self.recipe)
        with (
            pytorch.seeded(self.seeds.derived.get("torch")) as torch,
            active(self.active),
            watch(self.space.folders, notice) as opened,
        ):
            yield
        if torch is not None:
            self.facets["begat_seeds"] = self.seeds.to_facet(torch)
        self.opened = tuple(dict.fromkeys([*opened.undeclared, *opens.of(self.recipe)]))
        self.changed = self._changed()

    def complete(self, value: Any) -> Outcome:
        """Record the end of a run that returned `value`."""
        run_id = self.caller.run.run_id
        with unbroken(f"recording the end of run {run_id}"):
            read = [item for _, item in self.read or ()]
            value, outputs = results.claimed(value, run_id=run_id, read=read)
            self.facets["begat_recipe"] = Sealed(self._end_of_recipe(value))
            self.facets |= self.active.run_facets
            self._record(
                "COMPLETE",
                inputs=self._inputs(rows=True),
                outputs=[
                    events.output_dataset(version, facets=self.active.outputs.get(version, {}))
                    for version in outputs
                ],
                relied=[*(version.digest for version in outputs), *self._outside()],
            )
        if self.collected is not None:
            raise self.collected
        if self.caller.parent is not None:
            tally(self.caller.parent.run_id).add(executed=1)
        return Outcome(value=value, reused=False, run_id=run_id)

    def _recipe(self, arguments: Mapping[str, Any]) -> Recipe:
        job = self.caller.run.job
        try:
            self.read = inputs_of(arguments)
            return self.tracked.recipe(job, arguments)
        except UserError:
            raise
        except Exception as error:
            log.warning("%s runs without a recipe: %r", job, error, exc_info=True)
            return _no_recipe(self.caller, f"its recipe could not be made: {error!r}")

    def _changed(self) -> list[str]:
        """Globals of the recipe that have other values since the function ran."""
        constants = self.recipe.constants
        values = [
            label
            for label in self.recipe.values
            if label not in constants or not constants[label].stands
        ]
        if not values:
            return []
        # What an argument reaches is under its name: the others need not be looked at again.
        asked = {
            name: value
            for name, value in self.arguments.items()
            if any(label.startswith(f"{name}: ") for label in values)
        }
        try:
            now = self.tracked.functions(self.caller.run.job, asked)
        except Exception as error:
            log.debug("%s has no recipe any more: %r", self.caller.run.job, error)
            return []
        before = self.recipe.functions
        return sorted(name for name in values if now.get(name) != before[name])

    def _answer(self) -> Outcome | None:
        if not self.recipe.reusable or self.space.away:
            return None
        digest = self.recipe.digest
        try:
            answer = self.space.answers([digest]).get(digest)
            if answer is None:
                return None
            self.answered = tuple(results.digests(answer.result))
            return Outcome(value=results.decode(answer.result), reused=True, run_id=answer.run_id)
        except (StoreError, SettingsError):  # told when the start is recorded
            return None
        except Exception as error:
            log.warning("%s runs anew: %r", self.caller.run.job, error, exc_info=True)
            self.unreadable = True
            return None

    def _reuse(self, answer: Outcome) -> bool:
        """Record that another run answers; False if what it wrote was collected just now."""
        with unbroken(f"recording the reuse by run {self.caller.run.run_id}"):
            self.facets = {"begat_reuse": events.facets.reuse(run=answer.run_id)}
            self._record("COMPLETE", relied=self.answered)
        if self.collected is not None:
            return False
        if self.caller.parent is not None:
            tally(self.caller.parent.run_id).add(reused=1)
        return True

    def _recipe_facet(self) -> dict[str, Any]:
        git = provenance.commit(self._flow_run_id)
        return events.facets.recipe(
            self.recipe.to_facet()
            | {
                "result": None,
                "notes": [*self.recipe.notes, *filter(None, [git.reason])],
                "sources": provenance.sources_of(self._flow_run_id, self.recipe.files, self.space),
                "commit": git.commit,
                "dirty": git.dirty,
            }
        )

    def _end_of_recipe(self, value: Any) -> dict[str, Any]:
        opened = [f"read {path}, which is none of its inputs" for path in self.opened]
        changed = [f"changed the global {name}, which it reads" for name in self.changed]
        reasons = [*self.recipe.reasons, *self.active.reasons]
        # C libraries open files without an audit event, so a path tells too little by itself.
        reasons += [
            f"is given the file {path} as {name}, by its path only"
            for name, path in _files(self.arguments)
            if os.path.abspath(path) not in self.opened and self.tracked.version == 0
        ]
        self._warn([*reasons, *inherited.of(self.space).untold([*opened, *changed])])
        reasons += [*opened, *changed]
        try:
            result = results.encode(value)
        except results.NotEncodableError as error:
            result = None
            reasons.append(f"returned a {error}, which is neither JSON nor a reference")
        except RecursionError:
            result = None
            reasons.append("returned a value that contains itself")
        if reasons:
            self.outer.not_reusable(f"called {self.caller.run.job}, which is not reusable")
        started = self.facets.get("begat_recipe") or self._recipe_facet()
        told = reasons[:REASONS]
        if len(reasons) > REASONS:
            told.append(f"and {len(reasons) - REASONS} more")
        return {**started, "reusable": not reasons, "reasons": told, "result": result}

    def _warn(self, reasons: Sequence[str]) -> None:
        if not reasons:
            return
        more = f"; and {len(reasons) - 3} more" if len(reasons) > 3 else ""
        log.warning(
            "%s is never reused (%s%s): give it all it depends on as arguments "
            "(begat.lineage.source)",
            self.caller.run.job,
            "; ".join(reasons[:3]),
            more,
        )

    @functools.cached_property
    def seeds(self) -> seeds.Seeds:
        """Where the run's random numbers come from."""
        return seeds.derive(self.tracked.seed, self.recipe.digest, self.recipe.packages)

    def _outside(self) -> list[str]:
        """Digests of what it read from outside, which is kept lest nobody else does."""
        return [
            item.digest
            for _, item in self.read or ()
            if isinstance(item, DatasetVersion) and (item.location or item.query)
        ]

    @property
    def _flow_run_id(self) -> str:
        return (self.caller.parent or self.caller.run).run_id

    @functools.cached_property
    def _queries(self) -> Mapping[str, Any]:
        """The queries whose answers it reads, as a job facet; none without a database."""
        read = [item for _, item in self.read or ()]
        return provenance.query_facets(
            version
            for item in read
            if not isinstance(item, ModelVersion)
            for version in (item.versions if isinstance(item, Snapshot) else (item,))
        )

    @functools.cached_property
    def _chunks(self) -> list[merkle.Chunk]:
        return [
            chunk
            for _, item in self.read or ()
            if isinstance(item, Snapshot)
            for chunk in merkle.chunks(item)
        ]

    def _inputs(self, *, rows: bool) -> list[dict[str, Any]] | None:
        if self.read is None:
            return None
        return [self._input(argument, item, rows) for argument, item in self.read]

    def _input(self, argument: str, item: results.Reference, rows: bool) -> dict[str, Any]:
        said = self.active.inputs.get(item)
        if said or isinstance(item, Snapshot):
            return events.input_dataset(item, argument, rows=rows, input_facets=said or {})
        if argument not in self.sealed:  # at the end it is what it was at the start
            self.sealed[argument] = Sealed(events.input_dataset(item, argument))
        return self.sealed[argument]

    def _record(
        self,
        state: State,
        *,
        inputs: list[dict[str, Any]] | None = None,
        outputs: list[dict[str, Any]] | None = None,
        lease: Lease | None = None,
        relied: Sequence[str] = (),
    ) -> bool:
        """Record what happened to the run; False if it cannot have the lease."""
        event = events.run_event(
            state,
            caller=self.caller,
            time=events.now(),
            job_type="TASK",
            inputs=inputs,
            outputs=outputs,
            run_facets=self.facets,
            job_facets={
                **provenance.code_facets(provenance.commit(self._flow_run_id)),
                **self._queries,
                **self.active.job_facets,
            },
        )
        try:
            recorded = self.space.record([event], self._chunks, lease=lease, relied=relied)
        except CollectedError as error:
            self.collected = error
            return False
        except EventError as error:
            # That a run ended, and with what, outweighs whatever else it said about itself.
            self._warn(reasons := [f"some of what it said cannot be recorded: {error}"])
            self.outer.not_reusable(f"called {self.caller.run.job}, which is not reusable")
            event = _sayable(event, reasons)
            recorded = self.space.record([event], self._chunks, lease=lease, relied=relied)
        self.over = state != "START"
        if self.over:
            over()
        return recorded


def _sayable(event: dict[str, Any], reasons: Sequence[str]) -> dict[str, Any]:
    """An event without the facets that JSON cannot say, of a run that answers no other."""

    def said(body: object) -> bool:
        try:
            events.canonical(body)
        except EventError:
            return False
        return True

    def kept(part: dict[str, Any]) -> dict[str, Any]:
        return part | {
            key: {name: body for name, body in part[key].items() if said(body)}
            for key in ("facets", "inputFacets", "outputFacets")
            if key in part
        }

    run = event["run"]
    if recipe := run["facets"].get("begat_recipe"):
        recipe = recipe | {
            "reusable": False,
            "reasons": [*recipe.get("reasons", ()), *reasons],
            "result": recipe["result"] if said(recipe["result"]) else None,
        }
        run = run | {"facets": run["facets"] | {"begat_recipe": recipe}}
    datasets = {key: [*map(kept, event[key])] for key in ("inputs", "outputs") if key in event}
    return event | {"run": kept(run), "job": kept(event["job"])} | datasets


def _files(arguments: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Arguments that are paths of existing files, which say nothing of what is in them."""
    for name, value in arguments.items():
        if isinstance(value, str | os.PathLike) and len(str(value)) < 4096:
            with suppress(OSError, ValueError):
                if os.path.isfile(value):
                    yield name, os.fspath(value)


def _no_recipe(caller: Caller, reason: str) -> Recipe:
    """What stands for a recipe that could not be made: nobody else's, and not reusable."""
    return Recipe(
        digest=digest_bytes(caller.run.run_id.encode()),
        job=caller.run.job,
        version=0,
        function="",
        python=platform.python_version(),
        functions={},
        packages={},
        parameters={},
        arguments={},
        environment={},
        inputs={},
        seed=None,
        reasons=(reason,),
    )
