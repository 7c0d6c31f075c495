"""`begat upstream`, `downstream`, `path` and `impact`: questions to the graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from ..graph.answer import LIMIT
from . import folded
from .output import as_json, console, label, moment, print_json, short, store

if TYPE_CHECKING:
    from ..graph.answer import Answer, Asked

Command = Callable[..., None]

as_of = click.option("--as-of", metavar="TIME", help="As it was then: an ISO 8601 event time.")
after = click.option("--after", metavar="NEXT", help="The next page: what the last one ended with.")


def paged(most: int, what: str) -> Callable[[Command], Command]:
    """Options for a page of an answer."""

    def add(command: Command) -> Command:
        limit = click.option("--limit", default=most, show_default=True, help=f"{what} on a page.")
        return limit(after(command))

    return add


def _around(command: Command) -> Command:
    for option in reversed(
        (
            click.option("--depth", type=int, help="How many runs away; all if not given."),
            click.option(
                "--stop-at",
                multiple=True,
                metavar="NAME",
                help="Show this dataset or job, and nothing beyond. May be given more than once.",
            ),
            as_of,
            paged(LIMIT, "Nodes"),
            as_json,
        )
    ):
        command = option(command)
    return command


@click.command()
@click.argument("ref")
@_around
def upstream(ref: str, as_json: bool, **options: Any) -> None:
    """Show what REF stands on, the nearest first.

    REF is a model version, a run, a job, a dataset, a partition or version of it, a column of it
    (flights#delay), or commit:…, image:… or package:….
    """
    from ..graph.reach import upstream as ask

    _print(ask(store(), ref, **options), as_json=as_json, up=True)


@click.command()
@click.argument("ref")
@_around
def downstream(ref: str, as_json: bool, **options: Any) -> None:
    """Show what stands on REF, the nearest first.

    REF is a model version, a run, a job, a dataset, a partition or version of it, a column of it
    (flights#delay), or commit:…, image:… or package:….
    """
    from ..graph.reach import downstream as ask

    _print(ask(store(), ref, **options), as_json=as_json, up=False)


@click.command()
@click.argument("a", metavar="REF")
@click.argument("b", metavar="REF")
@as_of
@as_json
def path(a: str, b: str, as_of: str | None, as_json: bool) -> None:
    """Show a shortest chain from one REF to another, whichever stands on the other."""
    from ..graph.chain import path as ask

    found = ask(store(), a, b, as_of=as_of)
    if as_json:
        print_json(found.to_json())
        return
    if not found.nodes:
        console().print(f"neither stands on the other: {found.a.name}, {found.b.name}")
    for number, node in enumerate(found.nodes):
        arrow = "" if number == 0 else "stands on  " if found.direction == "up" else "leads to  "
        console().print(f"{arrow}{folded.line(node)}")
    _say_missing(found, found.a, found.b)


@click.command()
@click.argument("thing", metavar="REF")
@as_of
@paged(LIMIT, "Model versions")
@as_json
def impact(thing: str, as_json: bool, **options: Any) -> None:
    """List the model versions that stand on REF, and their stages.

    REF is mostly a partition (flights[month=2013-07]: all versions there were of it), a digest,
    commit:…, image:… or package:numpy==2.0.1.
    """
    from ..graph.affected import impact as ask

    found = ask(store(), thing, **options)
    if as_json:
        print_json(found.to_json())
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("model", "stage", "aliases", "registered", "trained by"):
        table.add_column(heading)
    for one in found.models:
        table.add_row(
            f"{one.model}@{one.version}",
            one.stage,
            ", ".join(one.aliases),
            moment(one.created_at),
            short(one.run_id),
        )
    nothing = f"no model version that is registered here stands on {found.asked.name}"
    console().print(table if found.models else nothing)
    if found.elsewhere:
        console().print(
            f"registered in other stores, by their events: {', '.join(found.elsewhere)}"
        )
    counted = [
        _many(found.runs, "run"),
        f"{_many(found.versions, 'version')} of {_many(found.datasets, 'dataset')}",
    ]
    console().print(f"behind it, itself among them: {', '.join(counted)}")
    _say_missing(found, found.asked)


def _print(found: Any, *, as_json: bool, up: bool) -> None:
    if as_json:
        print_json(found.to_json())
        return
    console().print(folded.tree(found, up=up))
    _say_missing(found, found.asked)


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _say_missing(found: Answer, *asked: Asked) -> None:
    remarks = (line for one in asked for line in folded.again(one))
    for line in (*remarks, *folded.missing(found.reasons, found.next)):
        console().print(label((line, "yellow")))
