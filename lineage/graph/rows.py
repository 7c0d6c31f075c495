"""Rows of the graph found by their natural keys, added where they are missing.

What is added waits in `Pending` and has its id already: ids are counted here, as only one
transaction writes at a time. What is asked for by anything else than its natural key is
asked after what waits has been written.
"""

from __future__ import annotations

from typing import Any

from ..records import Dataset
from . import nodes, sql
from .connection import Connection
from .facts import VersionFact
from .known import Known, Output
from .pending import Pending
from .registers import Registers, read, write

#: What is said about a version beside its key.
DESCRIBED = ("size", "rows", "format", "kind")
#: A run of which nothing is known.
NEW: dict[str, Any] = {
    **dict.fromkeys(("job", "parent", "root", "started_at", "ended_at", "attempt")),
    **dict.fromkeys(("recipe", "result", "reuse_of", "last_start", "first_end")),
    **{"kind": "", "state": "", "reusable": 0, "recorded": 0, "executions": 1},
}
#: Statements about rows of which all that wait are known by their keys, or that never wait.
_BY_KEY = frozenset(
    {
        *(f"find_{table}" for table in ("job", "dataset", "run", "version", "product")),
        *(f"find_{table}" for table in ("trait", "snapshot", "segment", "reading", "output")),
        *("add_event", "event_origin", "set_origin", "events_of", "add_chunk", "chunk_body"),
        *("facets_of_job", "facets_of_dataset", "free_lease"),
    }
)


class Rows:
    """Kept statements by name, and ids by natural keys, inside one transaction.

    Args:
        db: a connection on which a write transaction has begun.
        known: what is known of its rows.
    """

    def __init__(self, db: Connection, known: Known) -> None:
        self._db = db
        self._sql = sql.statements()
        self._pending = Pending(db, self._sql)
        self.known = known
        self.flush = self._pending.flush

    def bound(self) -> None:
        """Forget everything if it is too much; between two events, when nothing is half done."""
        if self.known.is_much:
            self.forget()

    def forget(self) -> None:
        """Know nothing any more."""
        self.flush()
        self.known.forget()

    def later(self, statement: str, **values: Any) -> None:
        """Let a statement wait that adds a row, unless it is there."""
        self._pending.add(statement, tuple(values.values()), values)

    def do(self, statement: str, **values: Any) -> int:
        """Run a statement; how many rows it changed."""
        changed: int = self._execute(statement, values).rowcount
        return changed

    def one(self, statement: str, **values: Any) -> Any:
        """The first row of its answer, or None."""
        return self._execute(statement, values).fetchone()

    def all(self, statement: str, **values: Any) -> list[Any]:
        """Every row of its answer."""
        found: list[Any] = self._execute(statement, values).fetchall()
        return found

    def job(self, namespace: str, name: str) -> int:
        """Id of a job."""
        return self.id("job", namespace=namespace, name=name)

    def dataset(self, named: Dataset) -> int:
        """Id of a dataset."""
        key = {"namespace": named.namespace, "name": named.name}
        dataset, new = self.find_or_add("dataset", **key)
        if new:  # nothing is said of it yet
            self.known.families[dataset] = (dataset,)
            self.known.unbound.add(dataset)
            self.known.never.add(dataset)
        return dataset

    def run(self, uuid: str) -> int:
        """Id of a run, of which nothing but its name may be known; 0 for the empty name."""
        if not uuid:
            return 0
        if (known := self.known.ids.get(("run", uuid))) is not None:
            return known
        row = self.run_row(uuid)
        return row["id"] if "id" in row else self.put_run(row)

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
        before = self.known.runs.get(row["uuid"])
        new = "id" not in row
        if new:
            row["id"] = self._next("run")
            self.known.added.add(row["id"])
            self.known.outputs[row["id"]] = {}
        self._pending.put_run(row, before, new=new)
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
        """Id of a dataset version, which is described by what was said.

        What identifies the version decides all of that. If two events disagree the greater
        is kept, so that the order in which they arrive does not matter.
        """
        known = ("version", dataset, said.partition, said.digest)
        about = (said.size, said.rows, said.format, said.kind)
        key = {"dataset": dataset, "partition": said.partition, "digest": said.digest}
        version = self.known.ids.get(known)
        if version is None:
            if (found := self.one("find_version", **key)) is None:
                version = self._next("version")
                described = dict(zip(DESCRIBED, about, strict=True))
                self._pending.add("add_version", version, {"id": version, **key, **described})
                self.known.ids[known] = version
                self.known.described[version] = about
                self.known.made.add(version)
                return version
            version = found[0]
            self.known.ids[known] = version
            self.known.described[version] = tuple(found[1:5])
        before = self.known.described[version]
        if about != before:
            pairs: Any = zip(before, about, strict=True)
            after = tuple(was if now is None or (was or now) > now else now for was, now in pairs)
            if after != before:
                described = dict(zip(DESCRIBED, after, strict=True))
                values = {**described, "the_id": version}
                self._pending.replace("describe_version", "add_version", version, values)
                self.known.described[version] = after
        return version

    def product(self, version: int, run: int) -> int:
        """Node of a version as one run made it; a new one stands on that run."""
        product, new = self.find_or_add(
            "product", version in self.known.made, version=version, run=run
        )
        node = nodes.product(product)
        if new and run:
            self.edge(node, nodes.run(run))
        return node

    def edge(self, child: int, parent: int) -> None:
        """Let child stand on parent."""
        self.later("add_edge", child=child, parent=parent)

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
        self._pending.put_use(table, {"run": run, **key}, registers)
        self.known.uses[table, run, *key.values()] = registers

    def said(self, table: str, row: int) -> Registers:
        """What events without a run said of a job or a dataset."""
        found = self.known.standing.get((table, row))
        if found is None:
            stored = self.one(f"facets_of_{table}", id=row)
            found = self.known.standing[table, row] = read(stored[0]) if stored else {}
        return found

    def tell(self, table: str, row: int, registers: Registers) -> None:
        """Store what events without a run said of a job or a dataset."""
        self.known.standing[table, row] = registers
        self.flush()  # it may be that the row itself waits
        self.do(f"tell_{table}", the_id=row, facets=write(registers))

    def id(self, table: str, **key: Any) -> int:
        """Id of a row that has nothing but its key; added if it is missing."""
        return self.find_or_add(table, **key)[0]

    def find_or_add(self, table: str, is_missing: bool = False, /, **key: Any) -> tuple[int, bool]:
        """Id of a row that has nothing but its key, and whether it was missing.

        Args:
            table: its name.
            is_missing: it is not there if it is not known.
            key: its columns.
        """
        known = (table, *key.values())
        if (row := self.known.ids.get(known)) is not None:
            return row, False
        found = None if is_missing else self.one(f"find_{table}", **key)
        row = self.known.ids[known] = found[0] if found else self._next(table)
        if not found:
            self._pending.add(f"add_{table}", row, {"id": row, **key})
        return row, not found

    def add(self, table: str, **values: Any) -> int:
        """Id of a new row."""
        row = self._next(table)
        self._pending.add(f"add_{table}", row, {"id": row, **values})
        return row

    def _execute(self, statement: str, values: dict[str, Any]) -> Any:
        if statement not in _BY_KEY:
            self.flush()
        return self._db.execute(self._sql[statement], values)

    def _next(self, table: str) -> int:
        last = self.known.last.get(table)
        if last is None:
            last = self._db.execute(self._sql[f"last_{table}"], {}).fetchone()[0] or 0
        self.known.last[table] = last + 1
        return last + 1

    def _keep_run(self, row: dict[str, Any]) -> None:
        self.known.runs[row["uuid"]] = row
        self.known.ids["run", row["uuid"]] = row["id"]
