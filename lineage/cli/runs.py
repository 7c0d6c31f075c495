"""`begat runs`: flow runs, and the tasks of one."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from ..errors import ParameterError, RefError
from ..graph import listing, queries
from ..graph.resolve import resolve
from ..records import RunRef
from . import listings
from .output import as_json, console, label, moment, print_json, quarantined, short, store

if TYPE_CHECKING:
    from rich.text import Text

_STYLES = {"COMPLETE": "green", "FAIL": "red", "ABORT": "yellow", "START": "cyan"}
_RUN: listings.Columns = {
    "run": lambda one: short(one.run_id),
    "job": lambda one: one.job,
    "started": lambda one: moment(one.started_at),
    "state": lambda one: one.state,
    "seconds": lambda one: _seconds(one.started_at, one.ended_at),
}


@click.command()
@click.argument("flow_run", required=False)
@click.option("--job", default="", metavar="NAME", help="All runs of this job instead.")
@click.option("--state", default="", help="All runs in this state instead, such as FAIL.")
@click.option("--since", metavar="TIME", help="All runs that started at this time or later.")
@click.option("--limit", default=20, show_default=True, help="How many, newest first.")
@click.option("--after", metavar="NEXT", help="The next page of such runs.")
@as_json
def runs(
    flow_run: str | None,
    job: str,
    state: str,
    since: str | None,
    limit: int,
    after: str | None,
    as_json: bool,
) -> None:
    """List flow runs; with FLOW_RUN (its id or a beginning of it), its tasks.

    With --job, --state or --since, runs of any kind.
    """
    lineage = store()
    if flow_run is not None and (job or state or since or after):
        raise ParameterError(
            "the tasks of a flow run are listed whole; leave out the other options"
        )
    if job or state or since or after:
        found = listing.runs(lineage, job=job, state=state, since=since, limit=limit, after=after)
        listings.show(found, "runs", _RUN, as_json=as_json, empty="there are no such runs")
        return
    if flow_run is None:
        flow_runs = queries.flow_runs(lineage, limit)
        if as_json:
            print_json({"flow_runs": flow_runs})
        else:
            _print_flow_runs(flow_runs)
        return
    named = resolve(lineage, flow_run)
    if not isinstance(named, RunRef):
        raise RefError(f"{flow_run!r} names no run; `begat runs` lists flow runs")
    tasks = queries.task_runs(lineage, named.run_id)
    if as_json:
        print_json({"flow_run_id": named.run_id, "tasks": tasks})
    else:
        _print_tasks(tasks)


def _print_flow_runs(found: list[dict[str, Any]]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("flow run", "flow", "started", "state", "ran", "reused", "model"):
        table.add_column(heading, justify="right" if heading in ("ran", "reused") else "left")
    for run in found:
        table.add_row(
            short(run["flow_run_id"]),
            run["flow"],
            moment(run["started_at"] or run["ended_at"]),
            _state(run["state"]),
            _number(run["executed"]),
            _number(run["reused"]),
            run["model_version"] or _says(run["error"]),
        )
    console().print(table if found else "no flow has run here yet; `begat run` runs one")


def _print_tasks(tasks: list[dict[str, Any]]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("run", "task", "partitions", "state", "seconds", "says"):
        table.add_column(heading, justify="right" if heading == "seconds" else "left")
    for task in tasks:
        partitions = task["partitions"]
        many = f"{len(partitions)} partitions" if len(partitions) > 1 else "".join(partitions)
        reused = f"reused {short(task['reuse_of'])}" if task["reuse_of"] else ""
        table.add_row(
            short(task["run_id"]),
            task["job"],
            many,
            _state(task["state"]),
            _seconds(task["started_at"], task["ended_at"]),
            reused or _says(task["error"]) or quarantined(task["quarantined"]),
        )
    console().print(table if tasks else "none of its tasks had to run; all were reused")


def _state(state: str) -> Text:
    return label((state, _STYLES.get(state, "")))


def _says(error: str | None) -> str:
    """An error without the place of its class, which is for programs."""
    return re.sub(r"^(\w+\.)+(?=\w+: )", "", error or "")


def _number(value: int | None) -> str:
    return "" if value is None else str(value)


def _seconds(start: str | None, end: str | None) -> str:
    if not start or not end:
        return ""
    return f"{(datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds():.2f}"
