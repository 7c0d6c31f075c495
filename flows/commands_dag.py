"""`begat dag`: draw a pipeline, with what is stale."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from begat.lineage.cli.drawing import options
from begat.lineage.cli.output import as_json, console, label, print_json

from .commands import _load, _parameters, _partitions

if TYPE_CHECKING:
    from begat.lineage.cli.drawing import Drawing

_STYLES = {"failed": "red", "stale": "yellow", "pending": "cyan"}


@click.command()
@click.argument("pipeline")
@_partitions
@_parameters
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "mermaid", "dot", "svg"]),
    help="How it is drawn; text if not given.",
)
@options.into
@as_json
def dag(
    pipeline: str,
    partitions: str,
    parameters: tuple[str, ...],
    form: str | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Draw PIPELINE, with what a run would do; run nothing.

    PIPELINE is FILE.py:NAME or PACKAGE.MODULE:NAME. A task is stale if it has to run, pending if
    that depends on what a stale one turns out to be, else reused.
    """
    form = options.chosen(form, output, "text", as_json=as_json)
    from begat.lineage.cli.drawing import render
    from begat.lineage.workspace import workspace

    from . import inputs, training
    from .dag import draw

    loaded = _load(pipeline, parameters)
    report = training.plan(loaded, partitions=partitions)
    drawing = draw(loaded, report, inputs.find(loaded, workspace(), chosen=partitions))
    if as_json:
        stale = report.count("STALE", "PENDING")
        print_json(report.to_json() | {"stale": stale} | drawing.to_json())
    elif form == "text" and output is None:
        _print(drawing)
    else:
        options.put(render(drawing, form), output)


def _print(drawing: Drawing) -> None:
    from begat.lineage.cli.drawing import text

    out = console()
    out.print(label((drawing.title, "bold"), f"  {drawing.subtitle}"))
    for line in text.lines(drawing):
        style = _STYLES.get(line.mark or "", "")
        out.print(label(line.rails, (line.name, "bold"), (line.said, style)))
