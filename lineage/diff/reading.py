"""Reading the tables that are compared, two at a time, as far as they are still there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import ArtifactError, DataError
from ..graph import queries

if TYPE_CHECKING:
    from pandas import DataFrame

    from ..content.store import ArtifactStore
    from ..graph.connection import Row

#: Lost versions that are named.
FEW = 5
_TABLES = ("csv", "jsonl", "parquet")


@dataclass(kw_only=True)
class Reader:
    """Reads tables by their digests, up to a limit, and remembers what was not there.

    Args:
        artifacts: where the bytes lie.
        limit: how many pairs of tables are compared; each costs as much as it has cells.
        key: columns that rows are known by; by what seems to fit if it is None.
    """

    artifacts: ArtifactStore
    limit: int
    #: Columns that rows are known by; see `tables.compare`.
    key: Sequence[str] | None = None
    compared: int = 0
    #: Pairs left alone because of the limit.
    left: int = 0
    #: Pairs whose rows were told apart by the key, and why others could not be.
    keyed: int = 0
    refusals: list[str] = field(default_factory=list)
    #: What could not be told, one line each.
    notes: list[str] = field(default_factory=list)
    #: Versions whose bytes are gone.
    lost: dict[str, None] = field(default_factory=dict)

    def compare(self, old: Row, new: Row) -> dict[str, Any]:
        """What `tables.compare` says of two versions, or `unread`: why it cannot say it."""
        if not (is_table(old) and is_table(new)):
            return {"unread": "no tables"}
        if self.compared >= self.limit:
            self.left += 1
            return {"unread": f"{self.limit} tables were compared already"}
        self.compared += 1
        if gone := self.gone(old, new):
            return {"unread": gone}
        from . import tables

        try:
            pair = self.table(old), self.table(new)
        except (ArtifactError, DataError) as error:
            return {"unread": self._noted(str(error))}
        try:
            told = tables.compare(*pair, key=self.key)
        except DataError as error:  # the key does not fit them
            self.refusals.append(str(error))
            return {"unread": str(error)}
        self.keyed += 1
        return told

    def table(self, row: Row) -> DataFrame:
        """The table of a version.

        Raises:
            ArtifactError: its bytes are gone.
            DataError: they are no table.
        """
        from ..content.tables import read_table

        return read_table(queries.version_of(row), self.artifacts)

    def gone(self, *rows: Row) -> str:
        """Which of these versions' bytes are not there; empty if all are."""
        present = self.artifacts.present([row["digest"] for row in rows])
        gone = [row for row in rows if row["digest"] not in present]
        lost = list(dict.fromkeys(str(queries.version_of(row)) for row in gone))
        self.lost |= dict.fromkeys(lost)
        return f"the bytes of {' and '.join(lost)} are gone" if lost else ""

    def said(self) -> list[str]:
        """All that could not be told, and why."""
        found = [*self.notes]
        if names := list(self.lost):
            more = f" and {len(names) - FEW} more" if len(names) > FEW else ""
            found.append(f"gone from the artifact store: {', '.join(names[:FEW])}{more}")
        if self.left:
            found.append(
                f"{self.left} pairs of tables were not compared, after {self.limit} were; "
                "--tables says how many are"
            )
        return found

    def bytes(self, digest: str, what: str) -> bytes | None:
        """An artifact, None if it is gone or damaged."""
        try:
            return self.artifacts.read(digest)
        except ArtifactError as error:
            self._noted(f"{what} cannot be compared: {error}")
            return None

    def _noted(self, note: str) -> str:
        if note not in self.notes:
            self.notes.append(note)
        return note


def is_table(row: Row) -> bool:
    """Whether a version's bytes are rows and columns."""
    return str(row["format"]).partition("+")[0] in _TABLES
