"""`begat explain`: what a task's recipe differs in from the nearest earlier run."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import TYPE_CHECKING

import click

from ..errors import RefError
from ..graph import earlier
from ..graph.resolve import resolve
from ..records import RunRef
from .output import as_json, console, label, moment, print_json, short, store

if TYPE_CHECKING:
    from ..graph.earlier import ExplainedRun


@click.command()
@click.argument("run")
@as_json
def explain(run: str, as_json: bool) -> None:
    """Say why a task ran: what its recipe differs in from the nearest earlier run.

    RUN is a task run's id, a flow run's (then each of its tasks is explained), or a task:
    flight-delays.train, or flight-delays.prepare[month=2013-12]; of a task the newest run
    that did its work is explained. The nearest earlier run is, of those of the same task and
    partition, the one with the fewest differences.
    """
    lineage = store()
    named = earlier.latest_run(lineage, run) or resolve(lineage, run)
    if not isinstance(named, RunRef):
        raise RefError(
            f"{run!r} names no run; write a run's id, or a task such as {_example(str(named))}"
        )
    found = earlier.explain_run(lineage, named)
    if as_json:
        print_json({"runs": [one.to_json() for one in found]})
    elif found:
        _print(found)
    else:
        console().print("none of its tasks had to run; all were reused")


def _example(name: str) -> str:
    return f"{name.partition('@')[0].partition('/')[0]}.train"


def _print(found: Iterable[ExplainedRun]) -> None:
    out = console()
    for (job, lines), group in groupby(found, key=lambda one: (one.job, _lines(one))):
        runs = list(group)
        many = f"  {len(runs)} runs" if len(runs) > 1 else ""
        first = runs[0]
        partitions = first.partition
        if len(runs) > 1 and runs[-1].partition:
            partitions = f"{first.partition} to {runs[-1].partition}"
        when = f"run {short(first.run_id)}  {moment(first.started_at)}"
        out.print(label((job, "bold"), f"{many}  {partitions}  {when}"))
        for line in lines:
            out.print(f"  {line}")


def _lines(one: ExplainedRun) -> tuple[str, ...]:
    if one.reuse_of:
        return (f"did no work: it reused run {short(one.reuse_of)}, of the same recipe",)
    if not one.recipe:
        return ("no recipe was recorded for it",)
    explained = one.explained
    with_ = (
        (f"compared with run {short(explained.compared_with)}, {moment(explained.started_at)}",)
        if explained.compared_with
        else ()
    )
    notes = tuple(f"is never reused: {reason}" for reason in one.reasons)
    if not one.deterministic:
        notes += ("not deterministic: runs of this recipe wrote different bytes",)
    return (*with_, *explained.lines, *notes)
