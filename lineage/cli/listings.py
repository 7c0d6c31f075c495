"""`begat search`, `datasets`, `partitions`, `versions`, `jobs` and `events`: what there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from . import folded
from .output import as_json, console, label, moment, print_json, short, store
from .reach import as_of, paged

if TYPE_CHECKING:
    from ..graph.answer import Listing

#: Lines that a person looks through.
SHOWN = 100


@click.command()
@click.argument("words", nargs=-1, required=True)
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    metavar="KIND",
    help="Only there: dataset, job, model, run, version, commit, image, package, packages, tag, "
    "facet. May be given more than once; facets are read only if asked for.",
)
@paged(50, "Hits")
@as_json
def search(
    words: tuple[str, ...], kinds: tuple[str, ...], limit: int, after: str | None, as_json: bool
) -> None:
    """Find datasets, jobs, models, runs, versions, commits, images, packages and tags by WORDS.

    All WORDS have to be in the name, in capitals or not; exact matches come first. Runs and
    versions are found by a beginning of their id or digest.
    """
    from ..graph.finding import KINDS
    from ..graph.finding import search as ask

    found = ask(store(), " ".join(words), kinds=kinds or KINDS[:-1], limit=limit, after=after)
    show(
        found,
        "hits",
        {
            "kind": lambda hit: hit.what,
            "name": lambda hit: hit.name,
            "reference": lambda hit: hit.ref,
            "matched": lambda hit: f"{hit.matched} ({hit.rank})",
        },
        as_json=as_json,
        empty=f"nothing is called {' '.join(words)!r}",
    )


@click.command()
@paged(SHOWN, "Datasets")
@as_json
def datasets(limit: int, after: str | None, as_json: bool) -> None:
    """List datasets."""
    from ..graph.listing import datasets as ask

    show(
        ask(store(), limit=limit, after=after),
        "datasets",
        {
            "dataset": lambda one: one.dataset,
            "partitions": lambda one: f"{one.partitions:,}",
            "versions": lambda one: f"{one.versions:,}",
            "changed": lambda one: moment(one.changed_at),
            "also known as": lambda one: ", ".join(one.also_known_as),
        },
        as_json=as_json,
        empty="no dataset is known yet",
    )


@click.command()
@click.argument("dataset")
@as_of
@paged(SHOWN, "Partitions")
@as_json
def partitions(
    dataset: str, as_of: str | None, limit: int, after: str | None, as_json: bool
) -> None:
    """List what is current of each partition of DATASET."""
    from ..graph.listing import partitions as ask

    found = ask(store(), dataset, as_of=as_of, limit=limit, after=after)
    show(found, "partitions", _VERSION, as_json=as_json, empty="nothing is there")


@click.command()
@click.argument("dataset")
@paged(SHOWN, "Versions")
@as_json
def versions(dataset: str, limit: int, after: str | None, as_json: bool) -> None:
    """List all versions of DATASET, by partition and the time they were made."""
    from ..graph.listing import versions as ask

    found = ask(store(), dataset, limit=limit, after=after)
    show(found, "versions", _VERSION, as_json=as_json, empty="no version is known")


@click.command()
@paged(SHOWN, "Jobs")
@as_json
def jobs(limit: int, after: str | None, as_json: bool) -> None:
    """List jobs, with their latest runs."""
    from ..graph.listing import jobs as ask

    show(
        ask(store(), limit=limit, after=after),
        "jobs",
        {
            "job": lambda one: f"{one.namespace}:{one.name}",
            "runs": lambda one: f"{one.runs:,}",
            "latest": lambda one: short(one.run_id or ""),
            "state": lambda one: one.state or "",
            "started": lambda one: moment(one.started_at),
        },
        as_json=as_json,
        empty="no job is known yet",
    )


@click.command()
@click.option("--run", default="", metavar="ID", help="Only of this run.")
@click.option("--dataset", default="", metavar="NAME", help="Only of what read or wrote it.")
@click.option("--since", metavar="TIME", help="Only of this event time or later.")
@click.option("--until", metavar="TIME", help="Only before this event time.")
@paged(SHOWN, "Events")
@as_json
def events(as_json: bool, **options: Any) -> None:
    """List events as they were stored, by event time; --json has their bodies."""
    from ..graph.listing import events as ask

    show(
        ask(store(), **options),
        "events",
        {
            "time": lambda one: moment(one.event_time),
            "type": lambda one: one.type,
            "about": lambda one: _about(one.body),
            "run": lambda one: short(one.run_id or ""),
            "origin": lambda one: one.origin,
        },
        as_json=as_json,
        empty="there are no such events",
    )


Columns = dict[str, Callable[[Any], str]]

_VERSION: Columns = {
    "partition": lambda one: one.partition or "all of it",
    "digest": lambda one: short(one.digest),
    "made": lambda one: moment(one.made_at) or "found",
    "by": lambda one: one.job or "",
    "run": lambda one: short(one.producer or ""),
    "rows": lambda one: "" if one.rows is None else f"{one.rows:,}",
}
#: Columns of numbers.
_RIGHT = {"partitions", "versions", "runs", "rows"}


def show(found: Listing, name: str, columns: Columns, *, as_json: bool, empty: str) -> None:
    """Print a list: a table, or one object."""
    if as_json:
        said = found.to_json()
        print_json({name: said.pop("items"), **said})
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in columns:
        table.add_column(heading, justify="right" if heading in _RIGHT else "left")
    for one in found.items:
        table.add_row(*(cell(one) for cell in columns.values()))
    console().print(table if found.items else empty)
    for line in folded.missing(found.reasons, found.next):
        console().print(label((line, "yellow")))


def _about(body: Any) -> str:
    """The job or the dataset of an event."""
    named = body.get("job") or body.get("dataset") or {}
    return f"{named.get('namespace')}:{named.get('name')}"
