"""`begat models`: every registered version."""

from __future__ import annotations

import click

from ..graph import queries
from .output import as_json, console, moment, print_json, store

#: Metrics that fit beside the rest; `begat show` has them all.
SHOWN = 3


@click.command()
@as_json
def models(as_json: bool) -> None:
    """List registered model versions."""
    found = queries.models(store())
    if as_json:
        print_json({"models": found})
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("model", "stage", "aliases", "registered", "by", "metrics"):
        table.add_column(heading)
    for model in found:
        metrics = list(model["metrics"].items())[:SHOWN]
        table.add_row(
            f"{model['model']}@{model['version']}",
            model["stage"],
            ", ".join(model["aliases"]),
            moment(model["created_at"]),
            model["registered_by"],
            "  ".join(
                f"{name} {'-' if value is None else format(value, '.4f')}"
                for name, value in metrics
            ),
        )
    console().print(table if found else "no model is registered here yet; `begat run` does it")
