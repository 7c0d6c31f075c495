"""The command `begat reproduce`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from begat.lineage.cli.output import as_json, console, label, print_json, store

if TYPE_CHECKING:
    from rich.table import Table

    from .reproduce import Progress, Reproduction

_STYLES = {
    "identical": "bold green",
    "within tolerance": "bold green",
    "not reproduced": "bold red",
    "cannot": "bold yellow",
}
#: Lines of one kind that a screen shows; `--json` has the rest.
LINES = 20


@click.command()
@click.argument("ref")
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0, max=1, max_open=True),
    default=0.005,
    show_default=True,
    metavar="SHARE",
    help="Share of a recorded metric by which another may differ.",
)
@click.option("--slices", is_flag=True, help="Judge the metrics of every slice, too.")
@click.option(
    "--from-commit",
    is_flag=True,
    help="Take the code from the recorded commit, not from what was kept of the run.",
)
@click.option(
    "--rebuild-environment",
    is_flag=True,
    help="Train with the recorded packages, in an environment that uv builds.",
)
@click.option(
    "--keep-folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Leave code, outputs and logs there, to be looked at.",
)
@click.option("--twice", is_flag=True, help="Do it twice, and compare the two with each other.")
@click.option(
    "--reseed",
    type=click.IntRange(min=0),
    default=0,
    metavar="K",
    help="Train with K other seeds as well, and say how far apart the metrics are.",
)
@click.option(
    "--spread",
    type=click.FloatRange(min=0),
    default=0.05,
    show_default=True,
    metavar="SHARE",
    help="Share of a recorded metric that may lie between the lowest and the highest seed.",
)
@as_json
@click.pass_context
def reproduce(
    ctx: click.Context,
    ref: str,
    tolerance: float,
    slices: bool,
    from_commit: bool,
    rebuild_environment: bool,
    keep_folder: Path | None,
    twice: bool,
    reseed: int,
    spread: float,
    as_json: bool,
) -> None:
    """Train REF again from what is recorded of it, and say whether the same comes out.

    REF is a model version, or a run that trained. Ends with exit code 1 if it was not
    reproduced, or is unstable with other seeds, and with 2 if it could not be tried.
    """
    from begat.lineage.workspace import workspace

    from .reproduce import Options
    from .reproduce import reproduce as again

    store()  # says it if nothing is recorded here
    options = Options(
        tolerance=tolerance,
        slices=slices,
        from_commit=from_commit,
        rebuild=rebuild_environment,
        folder=keep_folder,
        twice=twice,
        reseed=reseed,
        bound=spread,
    )
    with _progress() as progress:
        found = again(workspace(), ref, options, progress=progress)
    if as_json:
        print_json(found.to_json())
    else:
        _print(found)
    ctx.exit(found.exit_code)


@contextmanager
def _progress() -> Iterator[Progress]:
    """What is being done, where a person looks; nothing elsewhere."""
    err = console(stderr=True)
    if not err.is_terminal:
        yield lambda _: None
        return
    with err.status("") as shown:
        yield shown.update


def _print(found: Reproduction) -> None:
    from begat.lineage.reproduction.environment import shown

    out = console()
    out.print(label((f"{found.ref}: {found.verdict}", _STYLES[found.verdict])))
    _lines("", found.reasons)
    if found.metrics or found.slices:
        out.print(_metrics(found))
    _lines("different here", [shown(one) for one in found.different])
    _lines("", found.recipes)
    if found.twice is not None:
        _twice(found)
    if found.spread:
        out.print(_spread(found))
        for one in found.spread:
            if one.why:
                out.print(label(("  unstable  ", "bold red"), f"{one.name}: {one.why}"))
    if found.folder:
        out.print(label((f"all of it lies in {found.folder}", "dim")))


def _twice(found: Reproduction) -> None:
    assert found.twice is not None
    verdict, other = found.twice["verdict"], found.twice["outputs"]
    more = f"; other bytes in {', '.join(other)}" if other else ""
    console().print(label("  twice, beside each other: ", (verdict, _STYLES[verdict]), more))


def _lines(title: str, lines: list[str]) -> None:
    out = console()
    if lines and title:
        out.print(label((f"  {title}", "dim")))
    for line in lines[:LINES]:
        out.print(f"  {line}")
    if len(lines) > LINES:
        out.print(label((f"  and {len(lines) - LINES} more; --json lists all", "dim")))


def _table(*headings: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in headings:
        table.add_column(heading)
    return table


def _metrics(found: Reproduction) -> Table:
    table = _table("  metric", "recorded", "again", "off", "")
    for one in [*found.metrics, *found.slices]:
        off = f"{one.difference:.3%}" if one.difference != float("inf") else "-"
        style = _STYLES[one.judgement].removeprefix("bold ")
        table.add_row(
            f"  {one.name}",
            _number(one.recorded),
            _number(one.made),
            off,
            one.judgement,
            style=style,
        )
    return table


def _spread(found: Reproduction) -> Table:
    table = _table("  with other seeds", "recorded", "lowest", "highest", "mean", "sd")
    for one in found.spread:
        told = one.to_json()
        numbers = (told[name] for name in ("recorded", "min", "max", "mean", "sd"))
        table.add_row(f"  {one.name}", *map(_number, numbers), style="red" if one.why else "")
    return table


def _number(value: float | None) -> str:
    return "undefined" if value is None else format(value, ".4f")
