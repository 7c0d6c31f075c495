"""A query that stands where a path would: its answer is the data."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from ...errors import PipelineError

_NAME = re.compile(r"\w[\w ./-]*")
_IDENTIFIER = r"""(?:\w+|"[^"]+"|`[^`]+`)"""
_WHOLE_TABLE = re.compile(
    rf"\s*select\s+\*\s+from\s+({_IDENTIFIER}(?:\s*\.\s*{_IDENTIFIER}){{0,2}})\s*;?\s*",
    re.IGNORECASE,
)
_PARTS = re.compile(r"""(\w+)|"([^"]+)"|`([^`]+)`""")


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """A query whose answer is a dataset.

    Args:
        url: the database, as SQLAlchemy writes it: `postgresql://user@host/db`,
            `sqlite:///flights.db` (a relative path is relative to the file that defines the
            pipeline). Its password is never recorded; best leave it to `PGPASSWORD` or
            `~/.pgpass`, for source files are kept.
        sql: one SELECT. Its rows are sorted by all columns, from the left; an ORDER BY
            changes nothing.
        name: what the dataset is called. `SELECT * FROM table` is called after its table.
        partition_by: the column, or columns, each of whose values is a partition. It stays a
            column, too.

    Raises:
        PipelineError: one of them is malformed, or a name is missing.
    """

    url: str = field(repr=False)
    sql: str
    name: str = ""
    partition_by: str | Sequence[str] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.url, str) or not re.match(r"[A-Za-z][\w+.-]*://", self.url):
            raise PipelineError(
                "the url of a query names a database, such as postgresql://user@host/database or "
                "sqlite:///flights.db; mend it"
            )
        if not isinstance(self.sql, str) or not self.sql.strip():
            raise PipelineError(f"the sql of a query is one SELECT; got {self.sql!r}")
        if not isinstance(self.name, str) or (self.name and not _NAME.fullmatch(self.name)):
            raise PipelineError(
                "the name of a query is of letters, digits, spaces and _ . / -; "
                f"got {self.name!r}: rename it"
            )
        if not (self.name or self.table):
            raise PipelineError(
                f"the query {self!s} is more than a whole table (SELECT * FROM table), so it needs "
                "a name of its own: give name=…"
            )
        given = self.partition_by
        keys = (given,) if isinstance(given, str) and given else tuple(given)
        if not all(isinstance(key, str) and key.isidentifier() for key in keys):
            raise PipelineError(
                f"partition_by of {self!s} is a column or a list of them, named as Python names "
                f"are; got {given!r}: rename it in the query (SELECT … AS month)"
            )
        object.__setattr__(self, "partition_by", keys)

    @property
    def table(self) -> tuple[str, ...]:
        """The table that all of it is, in parts, `("public", "flights")`; empty if it is none.

        >>> Query(url="sqlite://", sql='SELECT * FROM "My".flights').table
        ('My', 'flights')
        """
        found = _WHOLE_TABLE.fullmatch(self.sql)
        parts = _PARTS.findall(found[1]) if found else []
        return tuple(plain or quoted or ticked for plain, quoted, ticked in parts)

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that it is partitioned by."""
        return tuple(self.partition_by)

    def __str__(self) -> str:
        """Its name, or the table that it is; else how it begins."""
        shown = " ".join(self.sql.split())
        begins = shown if len(shown) <= 60 else f"{shown[:59]}…"
        return self.name or ".".join(self.table) or begins
