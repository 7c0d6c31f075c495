"""Rows of the graph found by their natural keys, added where they are missing."""

from __future__ import annotations

from typing import Any

from ..records import Dataset
from . import nodes, sql
from .connection import Connection
from .facts import Registers, VersionFact, read, write
from .known import Known

#: Columns of a run that have indexes.
INDEXED = ("kind", "started_at", "parent", "recipe")
#: What is said about a version beside its key; and what is said if nothing is.
DESCRIBED = ("size", "rows", "format", "kind")
_SILENT = (None, None, None, None)
#: A run of which nothing is known.
_NEW: dict[str, Any] = {
    **dict.fromkeys(("job", "parent", "root", "started_at", "ended_at", "attempt")),
    **dict.fromkeys(("recipe", "result", "reuse_of")),
    **{"kind": "", "state": "", "reusable": 0, "recorded": 0},
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
        return self._id("job", namespace=namespace, name=name)

    def dataset(self, named: Dataset) -> int:
        """Id of a dataset."""
        return self._id("dataset", namespace=named.namespace, name=named.name)

    def run(self, uuid: str) -> int:
        """Id of a run, of which nothing but its name may be known; 0 for the empty name."""
        return self._id("run", uuid=uuid) if uuid else 0

    def run_row(self, uuid: str) -> dict[str, Any]:
        """All that is known of a run, its facets as registers; without an id if it is new."""
        row = self.known.runs.get(uuid)
        if row is None:
            found = self.one("find_run", uuid=uuid)
            if found is None:
                return {"uuid": uuid, **_NEW, "facets": {}}
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
            self.known.outputs[row["id"]] = set()
        else:
            before = self.known.runs[row["uuid"]]
            moved = any(row[name] != before[name] for name in INDEXED)
            self.do("set_run" if moved else "tell_run", **stored, the_id=row["id"])
        self._keep_run(row)
        run: int = row["id"]
        return run

    def outputs(self, run: int) -> list[int]:
        """Ids of the versions that a run said it wrote."""
        if run in self.known.added:
            return sorted(self.known.outputs[run])
        return [version for (version,) in self.all("outputs_of", run=run)]

    def wrote(self, run: int, version: int) -> None:
        """Note that an output is there."""
        if run in self.known.added:
            self.known.outputs[run].add(version)

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
        """Node of a version as one run made it; it stands on that run."""
        known = ("product", version, run)
        new = known not in self.known.ids
        node = nodes.product(self._id("product", version=version, run=run))
        if new and run:
            self.edge(node, nodes.run(run))
        return node

    def edge(self, child: int, parent: int) -> None:
        """Let child stand on parent."""
        self.do("add_edge", child=child, parent=parent)

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

    def _keep_run(self, row: dict[str, Any]) -> None:
        self.known.runs[row["uuid"]] = row
        self.known.ids["run", row["uuid"]] = row["id"]

    def _id(self, table: str, **key: Any) -> int:
        known = (table, *key.values())
        if known not in self.known.ids:
            row = self.one(f"find_{table}", **key) or self.one(f"add_{table}", **key)
            self.known.ids[known] = row[0]
        return self.known.ids[known]
