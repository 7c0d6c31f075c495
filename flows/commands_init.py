"""`begat init`: a pipeline to begin with."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from begat.lineage.cli.output import as_json, console, label, print_json


@click.command()
@click.argument(
    "folder", type=click.Path(file_okay=False, path_type=Path), default=Path(), required=False
)
@as_json
def init(folder: Path, as_json: bool) -> None:
    """Write a pipeline to begin with, and small data for it, to FOLDER.

    FOLDER is the working folder if not given. No file that is there is changed, but for a line
    in .gitignore.
    """
    from . import init as starter

    written = starter.write(folder)
    run = f"begat run {starter.PIPELINE}:pipeline"
    commands = [run] if folder == Path() else [f"cd {shlex.quote(str(folder))}", run]
    if as_json:
        names = [str(name) for name in written]
        print_json({"folder": str(folder), "written": names, "next": commands})
        return
    out = console()
    for name in written:
        out.print(f"wrote {folder / name}")
    out.print(label("next  ", (" && ".join(commands), "bold")))
