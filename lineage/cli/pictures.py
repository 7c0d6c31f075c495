"""`begat pictures`: the pictures of a model version or a run, as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..errors import RefError, UserError
from ..graph.pictures import pictures as pictures_of
from ..graph.resolve import resolve
from ..workspace import workspace
from .output import as_json, console, print_json, short, store


@click.command()
@click.argument("ref")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write them there, each as a file.",
)
@as_json
def pictures(ref: str, folder: Path | None, as_json: bool) -> None:
    """List the pictures of REF, or write them to a folder.

    REF is a model version (flight-delays@2) or the id of a run. Beside the pictures, curves.json
    holds the numbers that they were drawn from.
    """
    lineage = store()
    found = pictures_of(lineage, resolve(lineage, ref))
    if not found:
        raise RefError(f"{ref} has no pictures; evaluate draws them: name a model version")
    if folder is not None:
        found = [{**one, "path": str(_written(one, folder))} for one in found]
    if as_json:
        print_json({"pictures": found})
        return
    for one in found:
        where = one.get("path") or f"{one['bytes'] or 0:>7,} bytes  {short(one['digest'])}"
        console().print(f"{one['picture']:<12}  {where}", markup=False)


def _written(one: dict[str, Any], folder: Path) -> Path:
    path = folder / f"{one['picture']}.{one['format']}"
    content = workspace().artifacts.read(one["digest"])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise UserError(
            f"{path} cannot be written ({error.strerror}); name another --folder"
        ) from None
    return path
