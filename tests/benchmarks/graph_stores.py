"""Lineage stores of made-up histories: filled by begat, and beside it by nothing but sqlite3."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import environments, measure, places
from .histories import History
from .measure import Cost
from .servers import Server

#: All have this chain of models: 4,000 nodes that are the same whatever the store's size.
LINKS = 1334
#: What the stores depend on, beside the libraries: if any of it changes they are made anew.
_SOURCES = (
    *sorted((places.ROOT / "lineage" / "graph").rglob("*.py")),
    *sorted((places.ROOT / "lineage" / "graph").rglob("*.sql")),
    places.HERE / "histories.py",
    places.HERE / "probes" / "ingest.py",
)
# One by one: pages of raw events are not even looked at.
_TREES = "SELECT name FROM sqlite_master WHERE rootpage > 0 AND tbl_name <> 'event'"
_SIZE = "SELECT pgsize FROM dbstat WHERE name = ? AND aggregate = TRUE"


@dataclass(frozen=True, kw_only=True, slots=True)
class GraphStore:
    """A store that one history makes."""

    #: Whether events name versions, as begat's do, or only datasets: `versioned`, `unversioned`.
    flavour: str
    #: About how many edges it has, as the page says it.
    edges: str
    days: int

    @property
    def name(self) -> str:
        """As figures call it."""
        return f"{self.flavour}, {self.edges} edges"

    @property
    def events(self) -> int:
        """How many events make it."""
        return History(days=self.days, links=LINKS).size

    @property
    def folder(self) -> Path:
        """Where it is kept."""
        return places.GRAPHS / f"{self.flavour}-{self.days}"

    @property
    def database(self) -> Path:
        """The store."""
        return self.folder / "begat.db"

    def fill(self) -> tuple[str, dict[str, Any]]:
        """Make it anew: what was typed, and what the probe says of it.

        Raises:
            CommandError: not all events came in.
        """
        places.fresh(self.folder)
        found = self._stream(self.folder, "ingest.py begat.db")
        (self.folder / "made.digest").write_text(_digest())
        return found

    def send(self, server: Server) -> tuple[str, dict[str, Any]]:
        """Send its events to a server: what was typed, and what the probe says of it.

        Raises:
            CommandError: not all events came in.
        """
        return self._stream(self.folder.parent, f"send.py {server.url} {server.pid}")

    def floor(self) -> tuple[str, Cost]:
        """Write its rows to another database: what was typed, and what that cost."""
        try:
            return self._copy("floor.db")
        finally:
            for file in self.folder.glob("floor.db*"):
                file.unlink()

    def keep(self) -> GraphStore:
        """Fill it unless it is there, as this begat would fill it."""
        mark = self.folder / "made.digest"
        if not mark.exists() or mark.read_text() != _digest():
            self.fill()
        return self

    def size(self) -> tuple[int, int]:
        """Bytes of all tables and indexes but the raw events', and how many edges there are."""
        with closing(sqlite3.connect(self.database)) as db:
            trees = ["sqlite_schema", *(name for (name,) in db.execute(_TREES))]
            size = sum(db.execute(_SIZE, (name,)).fetchone()[0] for name in trees)
            [edges] = db.execute("SELECT COUNT(*) FROM edge").fetchone()
        return size, edges

    def fill_server(self, url: str, pid: int) -> tuple[str, dict[str, Any]]:
        """Make it in a database on a server: what was typed, and what the probe says of it.

        Raises:
            CommandError: not all events came in.
        """
        return self._stream(self.folder, f"ingest.py '{url}' {pid}")

    def floor_server(self, url: str, pid: int) -> tuple[str, Cost]:
        """Write its rows to a database on a server: what was typed, and what that cost."""
        return self._copy(url, str(pid))

    def _copy(self, *target: str) -> tuple[str, Cost]:
        typed, probe = "python tests/benchmarks/probes/floor.py", places.HERE / "probes/floor.py"
        cost = _run(["python", str(probe), "begat.db", *target], self.folder)
        return f"{typed} begat.db {' '.join(target)}", Cost(**json.loads(cost.output))

    def _stream(self, folder: Path, into: str) -> tuple[str, dict[str, Any]]:
        probes = "python tests/benchmarks/probes/"
        typed = f"{probes}history.py {self.days} {LINKS} {self.flavour} | {probes}{into}"
        command = typed.replace("tests/benchmarks", str(places.HERE))
        found: dict[str, Any] = json.loads(_run(["sh", "-c", command], folder).output)
        if found["events"] != self.events:
            raise measure.CommandError(f"{found['events']} of {self.events} events came in")
        return typed, found


SMALL = GraphStore(flavour="versioned", edges="10 k", days=11)
MIDDLE = (
    GraphStore(flavour="versioned", edges="100 k", days=85),
    GraphStore(flavour="unversioned", edges="100 k", days=52),
)
LARGE = (
    GraphStore(flavour="versioned", edges="1 M", days=783),
    GraphStore(flavour="unversioned", edges="1 M", days=437),
)


def _run(command: Sequence[str], folder: Path) -> Cost:
    environment = environments.variables("begat", PYTHONPATH=str(places.HERE.parent))
    return measure.run(command, folder=folder, environment=environment)


def _digest() -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in _SOURCES)).hexdigest()
