"""What is in the artifact store, and why each piece of it stays: in a file, not in memory.

A hundred thousand artifacts take as little memory as ten.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..content.kept import Kept

#: Why something stays though nobody speaks of it: it was written just now.
YOUNG = "young"
#: Kinds in the order in which people read them; what nobody speaks of is the last.
KINDS = ("model files", "raw", "intermediates", "records", "others")

_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE object (digest TEXT PRIMARY KEY, size INTEGER, age REAL) WITHOUT ROWID;
CREATE TABLE reason (digest TEXT PRIMARY KEY, why TEXT) WITHOUT ROWID;
CREATE TABLE kind (digest TEXT PRIMARY KEY, kind TEXT) WITHOUT ROWID;
CREATE TABLE manifest (digest TEXT PRIMARY KEY) WITHOUT ROWID;
"""
_WHY = "COALESCE(r.why, CASE WHEN o.age < :age THEN 'young' ELSE '' END)"
_TALLY = f"""
SELECT COALESCE(k.kind, 'others') AS kind, {_WHY} AS why, COUNT(*), SUM(o.size)
FROM object o LEFT JOIN reason r ON r.digest = o.digest LEFT JOIN kind k ON k.digest = o.digest
GROUP BY 1, 2 ORDER BY 1, 2
"""
_TAKEN = """
SELECT o.digest FROM object o LEFT JOIN reason r ON r.digest = o.digest
WHERE o.digest > :after AND r.digest IS NULL AND o.age >= :age ORDER BY o.digest LIMIT :page
"""
_GOES = """
SELECT 1 FROM object o LEFT JOIN reason r ON r.digest = o.digest
WHERE o.digest IN (SELECT value FROM json_each(:digests)) AND r.digest IS NULL AND o.age >= :age
LIMIT 1
"""
_STAYS = """
SELECT o.digest FROM object o JOIN reason r ON r.digest = o.digest
WHERE o.digest > :after ORDER BY o.digest LIMIT :page
"""
_GIVEN = "(SELECT value FROM json_each(:digests))"


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """So many artifacts of a kind, and why they stay."""

    kind: str
    #: Empty for what goes.
    why: str
    count: int
    bytes: int


class Ledger:
    """The artifacts of a store and the reasons for keeping them.

    Args:
        min_age: seconds; what is younger stays.
    """

    def __init__(self, *, min_age: float) -> None:
        self.min_age = min_age
        self._db = sqlite3.connect("", isolation_level=None)  # a file that is gone when closed
        self._db.executescript(_TABLES)

    def close(self) -> None:
        """Give back the file."""
        self._db.close()

    def found(self, page: Sequence[Kept]) -> None:
        """Note what is in the store."""
        self._db.execute("BEGIN")
        self._db.executemany(
            "INSERT OR REPLACE INTO object VALUES (?, ?, ?)",
            ((one.digest, one.size, one.age) for one in page),
        )
        self._db.execute("COMMIT")

    def keep(self, digests: Iterable[str], why: str) -> None:
        """Note why these stay; the first reason that is given counts."""
        self._note("INSERT OR IGNORE INTO reason VALUES (?, ?)", ((one, why) for one in digests))

    def refuse(self, digests: Iterable[str]) -> None:
        """Note that these go for whatever reason they were kept."""
        given = [(digest,) for digest in digests]
        self._note("DELETE FROM reason WHERE digest = ?", given)

    def are(self, kinds: Iterable[tuple[str, str]]) -> None:
        """Note of what kind artifacts are; of several, the first in `KINDS` counts."""
        self._note(
            "INSERT INTO kind VALUES (?, ?) ON CONFLICT (digest) DO UPDATE SET kind = "
            "CASE WHEN instr(:order, excluded.kind) < instr(:order, kind) "
            "THEN excluded.kind ELSE kind END".replace(":order", f"'{','.join(KINDS)}'"),
            kinds,
        )

    def manifests(self, digests: Iterable[str]) -> None:
        """Note which artifacts are manifests of others."""
        self._note("INSERT OR IGNORE INTO manifest VALUES (?)", ((one,) for one in digests))

    def of_files(self) -> list[str]:
        """The manifests that were noted and are in the store."""
        query = "SELECT digest FROM manifest WHERE digest IN (SELECT digest FROM object)"
        return [digest for (digest,) in self._db.execute(query)]

    def why(self, digest: str) -> str:
        """Why one stays; empty if no reason is known."""
        row = self._db.execute("SELECT why FROM reason WHERE digest = ?", (digest,)).fetchone()
        return row[0] if row else ""

    def kept(self, digests: Sequence[str]) -> set[str]:
        """Those of these that stay for a reason."""
        query = f"SELECT digest FROM reason WHERE digest IN {_GIVEN}"
        return {one for (one,) in self._db.execute(query, {"digests": json.dumps([*digests])})}

    def goes(self, digests: Sequence[str]) -> bool:
        """Whether any of these is there and goes."""
        given = {"digests": json.dumps([*digests]), "age": self.min_age}
        return self._db.execute(_GOES, given).fetchone() is not None

    def lines(self) -> list[Line]:
        """What goes and what stays, by kind and reason."""
        rows = self._db.execute(_TALLY, {"age": self.min_age})
        found = [Line(kind=k, why=w, count=c, bytes=b) for k, w, c, b in rows]
        return sorted(found, key=lambda line: (KINDS.index(line.kind), line.why))

    def taken(self, page: int) -> Iterator[list[str]]:
        """Digests of what goes, in pages."""
        return self._pages(_TAKEN, page)

    def stays(self, page: int) -> Iterator[list[str]]:
        """Digests of what is in the store and stays for a reason, in pages."""
        return self._pages(_STAYS, page)

    def _pages(self, query: str, page: int) -> Iterator[list[str]]:
        after = ""
        while True:
            given = {"after": after, "age": self.min_age, "page": page}
            found = [one for (one,) in self._db.execute(query, given)]
            if not found:
                return
            yield found
            after = found[-1]

    def _note(self, statement: str, rows: Iterable[tuple[str, ...]]) -> None:
        self._db.execute("BEGIN")
        self._db.executemany(statement, rows)
        self._db.execute("COMMIT")
