"""The SQL that begat keeps, so that hot paths need no SQLAlchemy.

A schema for each database and `statements.sql` for both are generated from the tables (see
`generate`), and a test fails when they differ.
"""

from __future__ import annotations

import functools
from pathlib import Path
from types import MappingProxyType

_NAME = "-- name: "
_REVISIONS = "-- revisions: "
_PROJECTION = "-- projection: "


@functools.cache
def schema(dialect: str) -> tuple[str, ...]:
    """DDL of a new database, its revision stamp included, one statement each.

    Args:
        dialect: `sqlite` or `postgresql`.
    """
    parts = _read(f"schema.{dialect}.sql").split(";\n")
    return tuple(statement for part in parts if (statement := part.strip()))


@functools.cache
def revisions() -> tuple[str, ...]:
    """Every revision this begat knows, the newest last."""
    return _words(_REVISIONS)


@functools.cache
def projection() -> tuple[str, ...]:
    """The tables that a rebuild empties and fills again."""
    return _words(_PROJECTION)


@functools.cache
def statements() -> MappingProxyType[str, str]:
    """The statements of the hot paths, by name; parameters are `:named`."""
    parts = _read("statements.sql").split(_NAME)[1:]
    named = (part.partition("\n") for part in parts)
    return MappingProxyType({name: body.strip().rstrip(";") for name, _, body in named})


def _words(mark: str) -> tuple[str, ...]:
    lines = _read("schema.sqlite.sql").splitlines()
    [found] = [line.removeprefix(mark) for line in lines if line.startswith(mark)]
    return tuple(found.split())


@functools.cache
def _read(name: str) -> str:
    # Not by importlib.resources, which takes longer to import than these take to read.
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
