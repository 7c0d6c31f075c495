"""Rows of the graph found by their natural keys, added where they are missing."""

from __future__ import annotations

import sqlite3
from typing import Any

from ..records import Dataset
from . import nodes, sql


class Rows:
    """Kept statements by name, and ids by natural keys, inside one transaction.

    Args:
        db: a connection on which a write transaction has begun.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._sql = sql.statements()
        self._ids: dict[tuple[Any, ...], int] = {}

    def do(self, statement: str, **values: Any) -> int:
        """Run a statement; how many rows it changed."""
        return self._db.execute(self._sql[statement], values).rowcount

    def one(self, statement: str, **values: Any) -> Any:
        """The first row of its answer, or None."""
        return self._db.execute(self._sql[statement], values).fetchone()

    def all(self, statement: str, **values: Any) -> list[Any]:
        """Every row of its answer."""
        return self._db.execute(self._sql[statement], values).fetchall()

    def job(self, namespace: str, name: str) -> int:
        """Id of a job."""
        return self._id("job", namespace=namespace, name=name)

    def dataset(self, named: Dataset) -> int:
        """Id of a dataset."""
        return self._id("dataset", namespace=named.namespace, name=named.name)

    def run(self, uuid: str) -> int:
        """Id of a run, of which nothing but its name may be known; 0 for the empty name."""
        return self._id("run", uuid=uuid) if uuid else 0

    def run_row(self, uuid: str) -> sqlite3.Row:
        """All that is known of a run, which is added if it is new."""
        found = self.one("find_run", uuid=uuid)
        if found is None:
            self.one("add_run", uuid=uuid)
            found = self.one("find_run", uuid=uuid)
        self._ids["run", uuid] = found["id"]
        row: sqlite3.Row = found
        return row

    def version(self, dataset: int, partition: str, digest: str) -> int:
        """Id of a dataset version."""
        return self._id("version", dataset=dataset, partition=partition, digest=digest)

    def product(self, version: int, run: int) -> int:
        """Node of a version as one run made it; it stands on that run."""
        node = nodes.product(self._id("product", version=version, run=run))
        if run:
            self.edge(node, nodes.run(run))
        return node

    def edge(self, child: int, parent: int) -> None:
        """Let child stand on parent."""
        self.do("add_edge", child=child, parent=parent)

    def _id(self, table: str, **key: Any) -> int:
        known = (table, *key.values())
        if known not in self._ids:
            row = self.one(f"find_{table}", **key) or self.one(f"add_{table}", **key)
            self._ids[known] = row[0]
        return self._ids[known]
