"""`begat diff`: what differs between two versions, and what could have moved the metric."""

from __future__ import annotations

import click

from ..diff import diff as differences
from ..diff import rescore as scores
from ..diff.compare import TABLES
from ..workspace import workspace
from .output import as_json, console, print_json, store


@click.command()
@click.argument("old", metavar="REF")
@click.argument("new", metavar="REF")
@click.option("--all", "everything", is_flag=True, help="Also what does not differ.")
@click.option("--rescore", is_flag=True, help="Evaluate both models on both holdouts.")
@click.option(
    "--tables",
    default=TABLES,
    show_default=True,
    type=click.IntRange(min=0),
    help="How many pairs of tables to read and compare.",
)
@as_json
def diff(old: str, new: str, everything: bool, rescore: bool, tables: int, as_json: bool) -> None:
    """Show what differs from one REF to another, and rank what could have moved the metric.

    Both are model versions (flight-delays@2), runs, or dataset versions
    (flights[month=2013-07], blake3:…).
    """
    lineage = store()
    space = workspace()
    found = differences(lineage, space.artifacts, old, new, everything=everything, limit=tables)
    if rescore:
        found["rescore"] = scores(space, old, new)
    if as_json:
        print_json(found)
        return
    from .differences import lines

    screen = console()
    for line in lines(found, everything=everything):
        screen.print(line)
