"""What the versions of a model went through: who was in Production, and what was taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..graph.connection import Connection, Row

_MOVES = """
SELECT action, version, after, replaced, who, at, reason FROM audit
WHERE model = :model AND after <> '' ORDER BY seq
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """What the audit log says of one model."""

    #: Versions that were in Production, the last first; the first is there now, if one is.
    produced: tuple[int, ...]
    #: The row that put the last one there; None if none was.
    last: Row | None
    #: Versions that a rollback took back, by its row, and that were not in Production since.
    taken: Mapping[int, Row]
    #: Those of them that nobody has let in anywhere since.
    barred: Mapping[int, Row]

    @property
    def earlier(self) -> list[int]:
        """Versions that a rollback may go to by itself, the last first."""
        return [version for version in self.produced[1:] if version not in self.taken]


def history(db: Connection, model: str) -> History:
    """Read it in the order of the log.

    A rollback to a version that was taken back itself undoes that: what it replaces was there for
    want of a better one, and is not taken back.

    Args:
        db: a connection to read from.
        model: its name.
    """
    produced: dict[int, None] = {}
    taken: dict[int, Row] = {}
    barred: dict[int, Row] = {}
    last = None
    for row in db.execute(_MOVES, {"model": model}):
        version, undoes = row["version"], row["version"] in taken
        barred.pop(version, None)
        if row["after"] == "Production":
            taken.pop(version, None)
            produced.pop(version, None)
            produced[version] = None
            last = row
        if row["action"] == "rollback" and row["replaced"] is not None and not undoes:
            taken[row["replaced"]] = barred[row["replaced"]] = row
    return History(produced=tuple(reversed(produced)), last=last, taken=taken, barred=barred)
