"""Rows of the graph found by their natural keys, added where they are missing."""

from __future__ import annotations

from typing import Any

from ..records import Dataset
from . import nodes, sql
from .connection import Connection
from .facts import VersionFact
from .known import Known, Output
from .registers import Registers, read, write

#: Columns of a run that have indexes.
INDEXED = ("kind", "started_at", "parent", "recipe", "job")
#: What is said about a version beside its key; and what is said if nothing is.
DESCRIBED = ("size", "rows", "format", "kind")
_SILENT = (None, None, None, None)
#: A run of which nothing is known.
NEW: dict[str, Any] = {
    **dict.fromkeys(("job", "parent", "root", "started_at", "ended_at", "attempt")),
    **dict.fromkeys(("recipe", "result", "reuse_of", "last_start", "first_end")),
    **{"kind": "", "state": "", "reusable": 0, "recorded": 0, "executions": 1},
}


class Rows:
    """Kept statements by name, and ids by natural keys, inside one transaction.

    Args:
        db: a connection on which a write transaction has begun.
        known: what is known of its rows.
    """

    def __init__(self, db: Connection, known: Known) -> None:
        self._db = db
        self._sql = sql.statements()
        self.known = known

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
        return self.id("job", namespace=namespace, name=name)

    def dataset(self, named: Dataset) -> int:
        """Id of a dataset."""
        return self.id("dataset", namespace=named.namespace, name=named.name)

    def run(self, uuid: str) -> int:
        """Id of a run, of which nothing but its name may be known; 0 for the empty name."""
        return self.id("run", uuid=uuid) if uuid else 0

    def run_row(self, uuid: str) -> dict[str, Any]:
        """All that is known of a run, its facets as registers; without an id if it is new."""
        row = self.known.runs.get(uuid)
        if row is None:
            found = self.one("find_run", uuid=uuid)
            if found is None:
                return {"uuid": uuid, **NEW, "facets": {}}
            row = {"uuid": uuid, **dict(found)}
            row["facets"] = read(row["facets"])
            self._keep_run(row)
        return dict(row)

    def put_run(self, row: dict[str, Any]) -> int:
        """Store what `run_row` gave and was changed since; its id."""
        stored = row | {"facets": write(row["facets"])}
        if "id" not in row:
            row["id"] = self.one("put_run", **stored)[0]
            self.known.added.add(row["id"])
            self.known.outputs[row["id"]] = {}
        else:
            before = self.known.runs[row["uuid"]]
            moved = any(row[name] != before[name] for name in INDEXED)
            self.do("set_run" if moved else "tell_run", **stored, the_id=row["id"])
        self._keep_run(row)
        run: int = row["id"]
        return run

    def outputs(self, run: int) -> dict[int, Output]:
        """What a run said it wrote, by id of the version."""
        if run not in self.known.added:
            return {
                row[0]: Output(dataset=row[1], partition=row[2], digest=row[3])
                for row in self.all("outputs_of", run=run)
            }
        return self.known.outputs[run]

    def wrote(self, run: int, version: int, output: Output) -> None:
        """Note that an output is there."""
        if run in self.known.added:
            self.known.outputs[run][version] = output

    def version(self, dataset: int, said: VersionFact) -> int:
        """Id of a dataset version, which is described by what was said."""
        known = ("version", dataset, said.partition, said.digest)
        about = (said.size, said.rows, said.format, said.kind)
        version = self.known.ids.get(known)
        if version is None or about not in (_SILENT, self.known.described.get(version)):
            version = self.one(
                "put_version",
                dataset=dataset,
                partition=said.partition,
                digest=said.digest,
                **dict(zip(DESCRIBED, about, strict=True)),
            )[0]
            self.known.ids[known] = version
            self.known.described[version] = about
        return version

    def product(self, version: int, run: int) -> int:
        """Node of a version as one run made it; a new one stands on that run."""
        product, new = self.find_or_add("product", version=version, run=run)
        node = nodes.product(product)
        if new and run:
            self.edge(node, nodes.run(run))
        return node

    def edge(self, child: int, parent: int) -> None:
        """Let child stand on parent."""
        self.do("add_edge", child=child, parent=parent)

    def stand(self, child: int, parents: set[int]) -> None:
        """Let child stand on these, and on nothing else."""
        there = {parent for (parent,) in self.all("parents_of", child=child)}
        for parent in there - parents:
            self.do("drop_edge", child=child, parent=parent)
        for parent in parents - there:
            self.edge(child, parent)

    def use(self, table: str, run: int, **key: Any) -> Registers | None:
        """What was said about a reading or an output; None if it is new."""
        known = (table, run, *key.values())
        if known not in self.known.uses and run not in self.known.added:
            found = self.one(f"find_{table}", run=run, **key)
            if found:
                self.known.uses[known] = read(found[0])
        return self.known.uses.get(known)

    def put_use(self, table: str, registers: Registers, run: int, **key: Any) -> None:
        """Store what was said about a reading or an output."""
        self.do(f"put_{table}", run=run, **key, facets=write(registers))
        self.known.uses[table, run, *key.values()] = registers

    def said(self, table: str, row: int) -> Registers:
        """What events without a run said of a job or a dataset."""
        return read(self.one(f"facets_of_{table}", id=row)[0])

    def id(self, table: str, **key: Any) -> int:
        """Id of a row that has nothing but its key; added if it is missing."""
        return self.find_or_add(table, **key)[0]

    def find_or_add(self, table: str, **key: Any) -> tuple[int, bool]:
        """Id of a row that has nothing but its key, and whether it was missing."""
        known = (table, *key.values())
        if (row := self.known.ids.get(known)) is not None:
            return row, False
        found = self.one(f"find_{table}", **key)
        new = found is None
        row = self.known.ids[known] = (self.one(f"add_{table}", **key) if new else found)[0]
        return row, new

    def _keep_run(self, row: dict[str, Any]) -> None:
        self.known.runs[row["uuid"]] = row
        self.known.ids["run", row["uuid"]] = row["id"]
