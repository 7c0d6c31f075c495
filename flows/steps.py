"""The five steps of a pipeline, asked of the graph first: only the rest has to run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from begat.lineage import recipe, results
from begat.lineage.content import sources
from begat.lineage.errors import BegatError, StoreError
from begat.lineage.recipe import inputs_of
from begat.lineage.records import DatasetVersion, ModelVersion, Snapshot
from begat.lineage.tracking import Outcome, Tracked
from begat.lineage.workspace import workspace
from begat.tasks import evaluate, featurize, prepare, register, train

from . import inputs
from .report import Report, TaskReport, TaskState

if TYPE_CHECKING:
    from begat.lineage.graph.store import Answer
    from begat.lineage.workspace import Workspace

    from .pipeline import Pipeline


log = logging.getLogger("begat")


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One call of one of the five tasks."""

    partition: str
    arguments: Mapping[str, Any]

    @property
    def known(self) -> bool:
        """Whether all its arguments are there, so that its recipe can be told."""
        return not any(value is PENDING for value in self.arguments.values())


class Runner(Protocol):
    """Runs the calls that no earlier run answers."""

    def __call__(self, task: Tracked, calls: Sequence[Call]) -> Iterator[Outcome | Exception]:
        """What each came to, in the order of the calls, as soon as it is known."""
        ...


class Progress(Protocol):
    """Is told how far a run is."""

    def __call__(self, task: str, *, reused: int, missing: int, done: int = 0) -> None:
        """So many calls of a step are answered, so many have to run, so many of them did."""
        ...


def source_files(pipeline: Pipeline) -> list[Path]:
    """The first-party files that the pipeline's own functions reach, and the one it is in.

    Raises:
        RecipeError: one of them reaches something that cannot be digested.
    """
    own = ("prepare", "featurize", "estimator", "metrics", "expectations")
    reached = recipe.prepare(
        job=pipeline.name,
        version=0,
        function=prepare.prepare,
        fixed={name: getattr(pipeline, name) for name in own},
        first_party=workspace().settings.first_party,
    ).files
    return sorted({*reached, *([pipeline.file] if pipeline.file else [])})


class _Pending:
    """Stands for a result that only running can tell."""


PENDING = _Pending()

TASKS = {
    module.__name__.rpartition(".")[2]: Tracked(
        function=function, name=module.__name__.rpartition(".")[2], version=module.VERSION
    )
    for module, function in (
        (prepare, prepare.prepare),
        (featurize, featurize.featurize),
        (train, train.train),
        (evaluate, evaluate.evaluate),
        (register, register.register),
    )
}


def pending(task: Tracked, calls: Sequence[Call]) -> Iterator[Outcome | Exception]:
    """The runner of a plan: runs nothing."""
    yield from [Outcome(value=PENDING, reused=False, run_id="") for _ in calls]


def quiet(task: str, *, reused: int, missing: int, done: int = 0) -> None:
    """The progress of those who do not want to see it."""


@dataclass
class Steps:
    """Walks a pipeline once, asking before each step what is answered already.

    Args:
        pipeline: what to walk.
        space: where answers and artifacts are.
        runner: runs what is not answered; `pending` for a plan.
        progress: is told when a step begins.
        ask: whether to ask the store at all; who does not can also do without registering.
    """

    pipeline: Pipeline
    space: Workspace
    runner: Runner
    progress: Progress = quiet
    ask: bool = True

    def __post_init__(self) -> None:
        self.tasks: list[TaskReport] = []
        #: By job and partition, of every call whose arguments are known.
        self.recipes: dict[tuple[str, str], recipe.Recipe] = {}

    def walk(self, found: inputs.Inputs) -> Report:
        """Go through all five steps.

        Args:
            found: what the pipeline reads from outside.

        Raises:
            BegatError: what a task or a check raised.
            StoreError: the store cannot be asked.
        """
        pipeline = self.pipeline
        # The split is of partitions, so it is known (and refused) before they are there.
        split = inputs.split(found.parts, pipeline)
        prepared = self._per_partition(
            "prepare",
            {part.partition: part for part in found.parts},
            before=lambda: inputs.check_columns(found.parts, self.space.artifacts),
            function=pipeline.prepare,
            lookups=dict(found.lookups),
            expectations=list(pipeline.expectations),
        )
        clean = {partition: _clean(made) for partition, made in prepared.items()}
        features = self._per_partition("featurize", clean, function=pipeline.featurize)
        trained, evaluated = self._train(features, *split)
        registered = self._register(trained, evaluated)
        return Report(
            model_version=registered.ref if isinstance(registered, ModelVersion) else "",
            metrics=self._metrics(evaluated),
            tasks=tuple(self.tasks),
            evaluated={} if evaluated is PENDING else evaluated,
            data=found.digests,
            variables=frozenset().union(*(made.environment for made in self.recipes.values())),
        )

    def _train(
        self,
        features: Mapping[str, Any],
        train_on: Snapshot,
        held: Snapshot,
        fraction: float | None,
    ) -> tuple[Any, Any]:
        pipeline = self.pipeline

        def check() -> None:
            inputs.check_roles(next(iter(features.values())), pipeline, self.space.artifacts)

        common = {
            "target": pipeline.target,
            "columns": list(pipeline.features) if pipeline.features is not None else None,
            "holdout_fraction": fraction,
            "seed": pipeline.seed,
        }
        trained = self._one(
            "train",
            {
                "features": _snapshot(features, train_on),
                "estimator": pipeline.estimator,
                "incremental": pipeline.incremental,
                **common,
            },
            before=check,
        )
        evaluated = self._one(
            "evaluate",
            {
                "model": _part(trained, "model"),
                "holdout": _snapshot(features, held),
                "slices": list(pipeline.slices),
                "metrics": list(pipeline.metrics),
                **common,
            },
            before=check,
        )
        return trained, evaluated

    def _register(self, trained: Any, evaluated: Any) -> Any:
        arguments = {
            "model": _part(trained, "model"),
            "signature": _part(trained, "signature"),
            "evaluation": _part(evaluated, "evaluation"),
            "name": self.pipeline.name,
        }
        try:
            return self._one("register", arguments)
        except StoreError as error:
            kept = f"{error}; the model is kept, and the next run registers it"
            if self.ask:
                raise StoreError(kept) from error
            log.warning("%s", kept)
            call = Call(partition="", arguments=arguments)
            job = f"{self.pipeline.name}.register"
            self.tasks.append(_report(job, call, PENDING, "STALE", self._recipe(job, call)))
            return PENDING

    def _per_partition(
        self,
        name: str,
        parts: Mapping[str, Any],
        *,
        before: Callable[[], None] = lambda: None,
        **arguments: Any,
    ) -> dict[str, Any]:
        calls = [
            Call(partition=partition, arguments={"part": part, **arguments})
            for partition, part in parts.items()
        ]
        return dict(zip(parts, self._step(name, calls, before), strict=True))

    def _one(
        self, name: str, arguments: Mapping[str, Any], *, before: Callable[[], None] = lambda: None
    ) -> Any:
        return self._step(name, [Call(partition="", arguments=arguments)], before)[0]

    def _step(self, name: str, calls: list[Call], before: Callable[[], None]) -> list[Any]:
        task = replace(TASKS[name], seed=self.pipeline.seed)
        job = f"{self.pipeline.name}.{name}"
        known = [call for call in calls if call.known]
        answers = self._answers(task, job, known) if known else []
        missing = [call for call, answer in zip(known, answers, strict=True) if answer is None]
        told = partial(self.progress, name, reused=len(calls) - len(missing), missing=len(missing))
        told()
        if missing:
            before()
            if self.runner is not pending:
                self._keep(missing)
        done = iter(self._run(task, missing, told) if missing else ())
        found = iter(answers)
        values: list[Any] = []
        for call in calls:
            value: Any = PENDING
            state: TaskState = "PENDING"
            if call.known:
                answer = next(found)
                if answer is not None:
                    value, state = results.decode(answer.result), "REUSED"
                else:
                    outcome = next(done)
                    value = outcome.value
                    # Somebody else may have done the work since the store was asked.
                    state = "REUSED" if outcome.reused else "COMPLETE"
                    state = "STALE" if value is PENDING else state
            values.append(value)
            self.tasks.append(_report(job, call, value, state, self._recipe(job, call)))
        return values

    def _recipe(self, job: str, call: Call) -> str:
        made = self.recipes.get((job, call.partition))
        return "" if made is None else made.digest

    def _run(self, task: Tracked, calls: list[Call], told: Callable[..., None]) -> list[Outcome]:
        attempts = []
        for attempt in self.runner(task, calls):
            attempts.append(attempt)
            told(done=len(attempts))
        failed = [error for error in attempts if isinstance(error, Exception)]
        if failed:
            first = failed[0]
            if len(failed) > 1 and isinstance(first, BegatError):
                raise type(first)(f"{first} (and {len(failed) - 1} more like it failed)") from first
            raise first
        return [outcome for outcome in attempts if isinstance(outcome, Outcome)]

    def _answers(self, task: Tracked, job: str, calls: list[Call]) -> list[Answer | None]:
        # All but the partition is the same in all calls of a step: it is looked at once.
        shared = {name: value for name, value in calls[0].arguments.items() if name != "part"}
        prepared = task.prepared(job, shared)
        recipes = [
            prepared.recipe(
                {"part": call.arguments["part"]} if "part" in call.arguments else {},
                seed=task.seed,
            )
            for call in calls
        ]
        self.recipes |= {
            (job, call.partition): found for call, found in zip(calls, recipes, strict=True)
        }
        if not self.ask:
            return [None for _ in calls]
        answers = self.space.answers([recipe.digest for recipe in recipes if recipe.reusable])
        return [answers.get(recipe.digest) if recipe.reusable else None for recipe in recipes]

    def _keep(self, calls: list[Call]) -> None:
        # What comes from outside is snapshotted before anything reads it.
        outside = {
            item: item
            for call in calls
            for _, item in inputs_of(call.arguments)
            if isinstance(item, DatasetVersion) and item.location
        }
        sources.keep_all(outside, self.space.artifacts)

    def _metrics(self, evaluated: Any) -> Mapping[str, float | None]:
        if evaluated is PENDING:
            return {}
        from begat.lineage import read

        metrics: Mapping[str, float | None] = read(evaluated["evaluation"])["metrics"]
        return metrics


def _part(value: Any, name: str) -> Any:
    return PENDING if value is PENDING else value[name]


def _clean(made: Any) -> Any:
    """What prepare made of a partition, without the rows that it put aside."""
    return made["prepared"] if isinstance(made, Mapping) else made


def _snapshot(features: Mapping[str, Any], chosen: Snapshot) -> Any:
    versions = [features[version.partition] for version in chosen.versions]
    return (
        PENDING
        if any(version is PENDING for version in versions)
        else Snapshot(versions=tuple(versions))
    )


def producer(value: Any) -> str:
    """The run that produced what a task returned; empty if none did yet."""
    first = next((item for _, item in inputs_of(value)), None)
    return getattr(first, "producer", "") if first is not None else ""


def _report(job: str, call: Call, value: Any, state: TaskState, recipe: str) -> TaskReport:
    return TaskReport(
        job=job, partition=call.partition, run_id=producer(value), state=state, recipe=recipe
    )
