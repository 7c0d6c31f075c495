"""Commands on pipelines: demo, plan, run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from begat.lineage.cli.output import as_json, console, label, print_json, say, short

if TYPE_CHECKING:
    from .pipeline import Pipeline
    from .remember import Memory
    from .report import Report
    from .steps import Progress
    from .why import Why

_partitions = click.option(
    "--partitions", default="", metavar="EXPR", help="Train on these only: 'month<=2013-11'."
)


def _parameters(command: Callable[..., Any]) -> Callable[..., Any]:
    """Parameters by --params and --set, in this order: the later of two counts."""
    command = click.option(
        "--set",
        "parameters",
        multiple=True,
        metavar="KEY=VALUE",
        callback=lambda ctx, _, given: (*ctx.meta.get("begat.params", ()), *given),
        help="Another value for a parameter: train.max_iter=60. May be given more than once.",
    )(command)
    return click.option(
        "--params",
        type=click.Path(dir_okay=False, path_type=Path),
        is_eager=True,
        expose_value=False,
        callback=_read_parameters,
        help="A YAML file of parameters, such as train: {max_iter: 60}; --set wins over it.",
    )(command)


def _read_parameters(ctx: click.Context, _: click.Parameter, path: Path | None) -> None:
    if path is not None:
        from .parameters import read

        ctx.meta["begat.params"] = read(path)


_runner = click.option(
    "--runner",
    default="",
    metavar="RUNNER",
    help="Where tasks run: threads, processes, dask or dask:ADDRESS.  [default: threads]",
)
_workers = click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="How many tasks run at a time.  [default: as many as suit the machine]",
)
_plain = click.option("--plain", is_flag=True, help="Run the tasks without Prefect.")


@click.command()
@click.argument("pipeline")
@_partitions
@_parameters
@click.option("--why", is_flag=True, help="Say what makes each task stale.")
@as_json
def plan(
    pipeline: str, partitions: str, parameters: tuple[str, ...], why: bool, as_json: bool
) -> None:
    """Say what a run of PIPELINE would do, and run nothing.

    PIPELINE is FILE.py:NAME or PACKAGE.MODULE:NAME.
    """
    reasons: list[Why] = []
    if why:
        from .why import plan as explained

        report, reasons = explained(_load(pipeline, parameters), partitions=partitions)
    else:
        report = _planned(pipeline, partitions, parameters)
    if as_json:
        told = {"why": [reason.to_json() for reason in reasons]} if why else {}
        print_json(report.to_json() | {"stale": report.count("STALE", "PENDING")} | told)
        return
    _print_tasks(report)
    _print_reasons(reasons)
    if report.stale:
        stale, depend = report.count("STALE"), report.count("PENDING")
        console().print(
            f"{stale} to run, {depend} that depend on them, {report.count('REUSED')} reused"
        )
    else:
        say(f"nothing to do: {report.model_version} stands")


@click.command()
@click.argument("pipeline")
@_partitions
@click.option(
    "--each",
    default="",
    metavar="EXPR",
    help="Train once for each partition that fits, on it and all before it: 'month>=2013-06'.",
)
@_parameters
@_plain
@_runner
@_workers
@click.option(
    "--without-store",
    is_flag=True,
    help="Run everything, also when the lineage store is away; its events wait on disk.",
)
@as_json
def run(
    pipeline: str,
    partitions: str,
    each: str,
    parameters: tuple[str, ...],
    plain: bool,
    runner: str,
    workers: int | None,
    without_store: bool,
    as_json: bool,
) -> None:
    """Run what is stale of PIPELINE, and register the model that results.

    PIPELINE is FILE.py:NAME or PACKAGE.MODULE:NAME.
    """
    if runner or workers is not None:
        from .runners import check

        check(runner, workers, plain=plain)
    how: dict[str, Any] = {
        "adapter": "plain" if plain else "prefect",
        "ask": not without_store,
        "runner": runner,
        "workers": workers,
    }
    if each:
        if partitions:
            raise click.UsageError("--each says which partitions are trained on; no --partitions")
        _run_each(_load(pipeline, parameters), each, as_json, **how)
        return
    memory = _memory(pipeline, partitions, parameters)
    known = None if without_store else memory.recall()
    if known is not None:
        from .unchanged import record

        report = record(known)
    else:
        from . import training

        with memory.loading():
            loaded = _load(pipeline, parameters)
        with _progress() as progress:
            report = training.run(loaded, partitions=partitions, progress=progress, **how)
        if not without_store:
            memory.keep(loaded, report)
    if as_json:
        print_json(report.to_json())
    else:
        _print_report(report)


def _run_each(pipeline: Pipeline, each: str, as_json: bool, **how: Any) -> None:
    from . import training
    from .backfill import cuts

    reports = []
    with ExitStack() as server:
        for chosen in cuts(pipeline, each):
            console(stderr=True).print(label((chosen, "bold")))
            with _progress() as progress:
                report = training.run(
                    pipeline, partitions=chosen, progress=progress, server=server, **how
                )
            reports.append(report)
            if not as_json:
                _print_report(report)
    if as_json:
        print_json({"runs": [report.to_json() for report in reports]})


@click.command()
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("begat-demo"),
    show_default=True,
    help="Where the flights and the pipeline's file are laid out.",
)
@_plain
@as_json
@click.pass_context
def demo(ctx: click.Context, folder: Path, plain: bool, as_json: bool) -> None:
    """Train on eleven months of real flights, let December arrive, retrain, show what changed."""
    from . import demo as lake
    from . import training
    from .load import load

    err = console(stderr=True)
    name = f"{lake.write(folder)}:pipeline"
    err.print(label(("1.", "bold"), f" eleven months of flights lie in {folder}/lake"))
    adapter: training.Adapter = "plain" if plain else "prefect"
    reports = []
    with ExitStack() as server:
        for number, partitions, headline in (
            ("2.", "month<=2013-11", " train on them, November held out  "),
            ("3.", "", " December arrives: only what is stale runs  "),
        ):
            err.print(label((number, "bold"), headline, (f"begat run {name}", "dim")))
            if not partitions:
                lake.arrive(folder)
            with _progress() as progress:
                report = training.run(
                    load(name),
                    partitions=partitions,
                    adapter=adapter,
                    progress=progress,
                    server=server,
                )
            reports.append(report)
            if not as_json:
                _print_report(report)
    if as_json:
        print_json({"runs": [report.to_json() for report in reports]})
        return
    version = reports[-1].model_version
    err.print(label(("4.", "bold"), " what begat it  ", (f"begat show {version}", "dim")))
    command = ctx.parent.command if ctx.parent else None
    show = command.get_command(ctx, "show") if isinstance(command, click.Group) else None
    if show is not None:
        ctx.invoke(show, ref=version)


def _planned(pipeline: str, partitions: str, parameters: tuple[str, ...]) -> Report:
    memory = _memory(pipeline, partitions, parameters)
    known = memory.recall()
    if known is not None:
        return known
    from . import training

    with memory.loading():
        loaded = _load(pipeline, parameters)
    report = training.plan(loaded, partitions=partitions)
    memory.keep(loaded, report)
    return report


def _memory(pipeline: str, partitions: str, parameters: tuple[str, ...]) -> Memory:
    from begat.lineage.workspace import workspace

    from .remember import Memory, Request

    given = tuple((type(text).__name__, str(text)) for text in parameters)
    request = Request(pipeline=pipeline, partitions=partitions, parameters=given)
    return Memory(request, workspace())


def _load(name: str, parameters: tuple[str, ...]) -> Pipeline:
    from .load import load
    from .parameters import apply

    return apply(load(name), parameters)


@contextmanager
def _progress() -> Iterator[Progress]:
    """A bar a step where a person looks, a line a step elsewhere."""
    err = console(stderr=True)
    if not err.is_terminal:

        def tell(task: str, *, reused: int, missing: int, done: int = 0) -> None:
            if not done:
                err.print(f"  {task:<10} {missing:>4} to run {reused:>6} reused")

        yield tell
        return
    from rich import progress

    with progress.Progress(
        progress.TextColumn("  {task.description:<10}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TextColumn("ran, {task.fields[reused]} reused"),
        progress.TimeElapsedColumn(),
        console=err,
    ) as bars:
        last: dict[str, progress.TaskID] = {}

        def advance(task: str, *, reused: int, missing: int, done: int = 0) -> None:
            if not done:
                last[task] = bars.add_task(task, total=missing, reused=reused)
            bars.update(last[task], completed=done)

        yield advance


def _print_report(report: Report) -> None:
    executed, reused = report.count("COMPLETE"), report.count("REUSED")
    version = (report.model_version, "bold green")
    if not report.model_version:
        version = ("not registered yet", "bold yellow")
    done = (
        f"{executed} tasks ran, {reused} reused"
        if executed
        else f"nothing to do: all {reused} reused"
    )
    say(version, f"  {done}")
    if report.promoted:
        say(f"  its gates pass, and it is in {report.promoted}")
    for name, value in report.metrics.items():
        say(f"  {name:<18} {'undefined' if value is None else format(value, '.4f')}")


def _print_tasks(report: Report) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("task", "partition", "state", "run"):
        table.add_column(heading)
    styles = {"STALE": "yellow", "PENDING": "cyan"}
    for task in report.tasks:
        state = {"STALE": "to run", "PENDING": "depends", "REUSED": "reused"}[task.state]
        table.add_row(
            task.job, task.partition, state, short(task.run_id), style=styles.get(task.state, "")
        )
    console().print(table)


def _print_reasons(reasons: list[Why]) -> None:
    out = console()
    for (job, lines), group in groupby(reasons, key=lambda reason: (reason.job, reason.lines)):
        parts = [reason.partition for reason in group if reason.partition]
        span = parts[0] if len(parts) == 1 else f"{len(parts)} partitions" if parts else ""
        out.print(label((job, "bold"), f"  {span}"))
        for line in lines:
            out.print(f"  {line}")
