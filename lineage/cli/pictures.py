"""`begat pictures`: the pictures of a model version or a run, as files."""

from __future__ import annotations

from collections.abc import Iterator
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
        found = [{**one, "path": str(_written(one, folder / name))} for name, one in _named(found)]
    if as_json:
        print_json({"pictures": found})
        return
    for one in found:
        where = one.get("path") or f"{one['bytes'] or 0:>7,} bytes  {short(one['digest'])}"
        console().print(f"{one['picture']:<12}  {where}", markup=False)


def _named(found: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each with a file's name of its own: a flow run may have evaluated more than one model."""
    names: set[str] = set()
    for one in found:
        name = f"{one['picture']}.{one['format']}"
        if name in names:
            name = f"{one['picture']}-{one['digest'].partition(':')[2][:8]}.{one['format']}"
        names.add(name)
        yield name, one


def _written(one: dict[str, Any], path: Path) -> Path:
    content = workspace().artifacts.read(one["digest"])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise UserError(
            f"{path} cannot be written ({error.strerror}); name another --folder"
        ) from None
    return path
