"""Databases, asked from scripts and from flows of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from . import events
from .active import current
from .content.queries import Query, snapshot
from .records import DatasetVersion, Snapshot
from .workspace import workspace


def query(
    url: str,
    sql: str,
    *,
    name: str = "",
    partition_by: str | Sequence[str] = (),
    folder: Path | None = None,
) -> DatasetVersion | Snapshot:
    """Take what a database answers now, and keep it.

    Give tasks what this returns. A run that calls it itself is not reusable: what it finds is
    none of the run's inputs.

    Args:
        url: the database, as SQLAlchemy writes it; see `Query`.
        sql: one SELECT.
        name: what the dataset is called; `SELECT * FROM table` is called after its table.
        partition_by: the column, or columns, each of whose values is a partition.
        folder: what the path of an SQLite file is relative to; the working folder by default.

    Returns:
        One version, or a snapshot where there is `partition_by`.

    Raises:
        PipelineError: an argument is malformed.
        DataError: the database cannot be read, or the answer not be kept exactly.
    """
    asked = Query(url=url, sql=sql, name=name, partition_by=partition_by)
    found = snapshot(asked, workspace().artifacts, folder=folder or Path.cwd())
    current().not_reusable(f"asked a database for {asked}, which is none of its inputs")
    current().job_facet("sql", events.facets.sql([sql]))
    return found if asked.keys else found.versions[0]
