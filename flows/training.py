"""Running a pipeline: plan it, and give what is stale to an orchestrator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from begat.lineage import plain, provenance
from begat.lineage.flow_run import tally
from begat.lineage.tracking import Outcome
from begat.lineage.workspace import workspace

from . import inputs, rules, runners, signals, summary, unchanged
from .held import held
from .report import Report
from .runners import Runner
from .steps import Call, Progress, Steps, pending, quiet, source_files

if TYPE_CHECKING:
    from prefect import Flow
    from prefect.blocks.core import Block
    from prefect.client.schemas.objects import State
    from prefect.futures import PrefectFuture

    from begat.lineage.tracking import Tracked
    from begat.tasks.sent import Origin

    from .pipeline import Pipeline

Adapter = Literal["prefect", "plain"]


def plan(pipeline: Pipeline, *, partitions: str = "", ask: bool = True) -> Report:
    """What a run would do now: which tasks are answered, stale, or depend on stale ones.

    Args:
        pipeline: what would run.
        partitions: which partitions; all if empty.
        ask: whether the store may answer; without it everything is stale.

    Raises:
        BegatError: the pipeline, its data or the store are not fit to be planned.
    """
    space = workspace()
    rules.check()
    steps = Steps(pipeline=pipeline, space=space, runner=pending, ask=ask)
    return steps.walk(inputs.find(pipeline, space, chosen=partitions))


def run(
    pipeline: Pipeline,
    *,
    partitions: str = "",
    adapter: Adapter = "prefect",
    ask: bool = True,
    progress: Progress = quiet,
    server: ExitStack | None = None,
    runner: Runner = "",
    workers: int | None = None,
) -> Report:
    """Run what is stale; an orchestrator is started only if anything is.

    Args:
        pipeline: what to run.
        partitions: which partitions; all if empty.
        adapter: who runs the tasks.
        ask: whether the store may answer; without it everything runs.
        progress: is told when a step begins.
        server: keeps a Prefect server that this run had to start for the next ones.
        runner: where Prefect runs them; see `runners.choose`.
        workers: how many at a time; see `runners.choose`.

    Raises:
        BegatError: see `begat.lineage.errors`.
    """
    runners.check(runner, workers, plain=adapter == "plain")
    # What a look can refuse is refused here: before a flow run starts, and a server for it.
    planned = plan(pipeline, partitions=partitions, ask=ask)
    if not planned.stale:
        return rules.follow(pipeline, unchanged.record(planned))
    if adapter == "plain":
        with plain.flow(pipeline.name) as caller:
            steps = Steps(
                pipeline=pipeline, space=workspace(), runner=_run_plain, progress=progress, ask=ask
            )
            return _walk(steps, partitions, caller.run.run_id, source_files(pipeline))
    with ExitStack() as own:
        _have_server(own if server is None else server)
        made = flow(pipeline, ask=ask, progress=progress, runner=runner, workers=workers)
        training: Any = made  # typed for async flows too
        done: Report = training(partitions=partitions)
        return done


def flow(
    pipeline: Pipeline,
    *,
    ask: bool = True,
    progress: Progress = quiet,
    blocks: Sequence[Block | str] = (),
    runner: Runner = "",
    workers: int | None = None,
) -> Flow[..., Any]:
    """A Prefect flow of the pipeline; see `Pipeline.flow`."""
    import prefect
    from prefect.context import FlowRunContext
    from prefect.states import Cancelled

    from begat.tasks import sent, tracked

    # Prefect pickles flows for workers, who have no use for them: so this one stays closed.
    work = sent.Sent(partial(_train, pipeline, ask=ask), sent.origin(pipeline.file))
    told = _Told(progress)

    def training(
        partitions: str = "",
        parameters: dict[str, Any] | None = None,
        arrived: list[str] | None = None,
    ) -> Report | State[Report]:
        """Train on what is there; only what is stale runs.

        Args:
            partitions: which partitions to train on, `month<=2013-11`; all if empty.
            parameters: `{"train.max_iter": 60}`.
            arrived: partitions that started this run, as whoever started it names them. It is
                noted, and decides nothing: what is stale is found by looking.
        """
        context = FlowRunContext.get()
        if context is not None and context.flow_run and (why := held(context.flow_run)):
            return Cancelled(message=why)
        report: Report = work.open()(partitions, parameters or {}, progress=told.progress)
        return report

    chosen: Any = runners.task_runner(runner, workers)
    made = prefect.flow(name=pipeline.name, task_runner=chosen)(training)
    return tracked(made, blocks=blocks)


@dataclass(frozen=True)
class _Told:
    """Who is told of the progress: nobody, in another process."""

    progress: Progress = quiet

    def __reduce__(self) -> tuple[type[_Told], tuple[()]]:
        return _Told, ()


def _train(
    pipeline: Pipeline,
    partitions: str,
    parameters: dict[str, Any],
    *,
    ask: bool,
    progress: Progress,
) -> Report:
    """A Prefect flow run, from the inside."""
    from prefect.context import FlowRunContext

    from begat.tasks import binding, sent
    from begat.tasks.caller import flow_caller
    from begat.tasks.flow import attach

    context = FlowRunContext.get()
    assert context is not None
    assert context.flow is not None
    assert context.flow_run is not None
    attach()  # a block that cannot be loaded stops the run here
    flow_run_id = flow_caller(pipeline.name, context.flow_run).run.run_id
    pipeline = pipeline.with_parameters(parameters)
    files = source_files(pipeline)
    origin = replace(
        sent.origin(pipeline.file, files=sent.digests(files), flow_run_id=flow_run_id),
        working=sent.Working() if binding.binding_of(context.flow) else sent.working_here(),
    )
    steps = Steps(
        pipeline=pipeline,
        space=workspace(),
        runner=partial(_run_prefect, origin),
        progress=progress,
        ask=ask,
    )
    report = _walk(steps, partitions, flow_run_id, files)
    summary.publish(report)
    signals.publish(report, pipeline.metrics)
    return replace(report, prefect_flow_run_id=str(context.flow_run.id))


def _walk(steps: Steps, partitions: str, flow_run_id: str, files: Sequence[Path]) -> Report:
    rules.check()
    provenance.declare_sources(flow_run_id, files)
    report = steps.walk(inputs.find(steps.pipeline, steps.space, chosen=partitions))
    counted = tally(flow_run_id)
    # What the plan answered, no wrapper saw; and of workers elsewhere nothing was counted here.
    counted.executed, counted.reused = report.count("COMPLETE"), report.count("REUSED")
    counted.model_version = report.model_version
    return rules.follow(steps.pipeline, replace(report, flow_run_id=flow_run_id))


def _run_plain(task: Tracked, calls: Sequence[Call]) -> Iterator[Outcome | Exception]:
    return (_attempt(partial(plain.run, task, **call.arguments)) for call in calls)


def _run_prefect(
    origin: Origin, task: Tracked, calls: Sequence[Call]
) -> Iterator[Outcome | Exception]:
    from begat.tasks import sent, steps

    named = "{name}[{{part.partition}}]" if "part" in calls[0].arguments else "{name}"
    submitted = getattr(steps, task.name).with_options(
        seed=task.seed, task_run_name=named.format(name=task.name)
    )
    # Sent, so that Prefect does not look for futures in ten thousand references; all but the
    # partition, which is in the task run's name and else the same in all calls.
    shared = {
        key: sent.Sent(value, origin) for key, value in calls[0].arguments.items() if key != "part"
    }
    futures = [
        submitted.submit(**{key: shared.get(key, value) for key, value in call.arguments.items()})
        for call in calls
    ]
    return (_attempt(partial(_outcome, future)) for future in futures)


def _outcome(future: PrefectFuture[Any]) -> Outcome:
    value = future.result()
    return Outcome(value=value, reused=future.state.name == "Cached", run_id="")


def _attempt(call: Callable[[], Outcome]) -> Outcome | Exception:
    try:
        return call()
    except Exception as error:
        return error


def _have_server(until: ExitStack) -> None:
    from prefect.context import FlowRunContext

    from begat.tasks.server import prefect_server

    if FlowRunContext.get() is None:
        until.enter_context(prefect_server())
