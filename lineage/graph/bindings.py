"""Readings that name no producer, bound to what was current when their run started.

A reading is bound when it is first heard of, and again when a version arrives late that was
current at its time: so what it is bound to is a function of the set of events. Two names of
the same data (`symlinks`) are one here.

- It names no version: the one that was current, of each partition it covers.
- It names one that a run made: as the latest run made it that had ended by then.
- It names one that nobody is known to have made: that version itself, and what was current
  under a name of another kind. A digest of bytes, the version number of a table and "what
  this run wrote" may be three names of one thing; of one kind, two names are two things.

A run that only started when another had ended never stands on what it made later, nor on
itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from . import nodes
from .facts import VersionFact
from .rows import Rows

#: What every digest of bytes begins with, and the version of an output that named none.
CONTENT, EXECUTION = "blake3:", "run:"
#: Sorts after every time.
EVER = "~"
#: Behind a time: sorts after that time, and before all later ones.
_AFTER = "~"


class Binding(NamedTuple):
    """A row of `binding`."""

    snapshot: int
    run: int
    dataset: int
    partition: str
    digest: str
    at: str

    @property
    def node(self) -> int:
        """The snapshot that the reading stands on."""
        return nodes.snapshot(self.snapshot)


class Bindings:
    """Binds readings inside one transaction."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def of(self, run: int, dataset: int, said: VersionFact, at: str) -> tuple[Binding, bool]:
        """A run's binding for what it read, and whether it is new; a new one is not bound yet."""
        root = f"{EXECUTION}{run}/{said.partition}/{said.digest}"
        key = {"dataset": dataset, "lineage_root": root}
        found = self._rows.one("find_snapshot", **key)
        new = found is None
        if new:
            found = self._rows.one("add_snapshot", **key, content_root="", partitions=0)
            self._rows.do("know_snapshot", the_id=found[0], known=1)
        binding = Binding(found[0], run, dataset, said.partition, said.digest, at)
        if new:
            self._rows.do("add_binding", **binding._asdict())
            if said.digest:  # it stands for itself until it is seen
                self._rows.product(self._rows.version(dataset, said), 0)
            self._rows.known.bound_reads.setdefault(run, set()).add(dataset)
        return binding, new

    def has_any(self, run: int) -> bool:
        """Whether a run has bindings at all."""
        if run in self._rows.known.added:
            return run in self._rows.known.bound_reads
        return bool(self.of_run(run))

    def of_run(self, run: int) -> list[Binding]:
        """All bindings of a run."""
        return [Binding(*row) for row in self._rows.all("bindings_of", run=run)]

    def move(self, run: int, at: str) -> None:
        """Bind a run's readings anew: it started at another time than was known."""
        for binding in self.of_run(run):
            self._rows.do("move_binding", the_snapshot=binding.snapshot, at=at)
            self.bind(binding._replace(at=at))

    def changed(self, dataset: int, partition: str, since: str, digest: str) -> None:
        """Bind anew whoever may have read a version that has just come, or is gone."""
        family = self.family(dataset)
        if not any(self._rows.one("any_binding", dataset=one, since=since)[0] for one in family):
            return
        until = self._rows.one("next_current", dataset=dataset, partition=partition, since=since)
        for member in family:
            found = self._rows.all(
                "bindings_between", dataset=member, since=since, until=until[0] or EVER
            )
            if digest:
                found += self._rows.all(
                    "bindings_naming", dataset=member, since=since, digest=digest
                )
            for binding in {Binding(*row) for row in found}:
                if not partition or binding.partition in ("", partition):
                    self.bind(binding)

    def since(self, dataset: int, since: str) -> None:
        """Bind anew everything that read a dataset from a time on, under any of its names."""
        for member in self.family(dataset):
            key = {"dataset": member, "since": since, "until": EVER}
            for row in self._rows.all("bindings_between", **key):
                self.bind(Binding(*row))

    def bind(self, binding: Binding) -> None:
        """Let a reading stand on what was current at its time."""
        self._rows.stand(binding.node, self._members(binding))

    def join(self, datasets: Iterable[int]) -> None:
        """Bind anew all readers of datasets that turned out to be names of the same data."""
        self._rows.known.families.clear()
        for dataset in {one for named in datasets for one in self.family(named)}:
            self.open(dataset)
            self.since(dataset, "")

    def is_open(self, dataset: int) -> bool:
        """Whether events say what was current of a dataset, under any of its names."""
        return any(self._rows.one("any_current", dataset=one)[0] for one in self.family(dataset))

    def open(self, dataset: int) -> None:
        """Bind also those who read versions of it that nobody was known to have made."""
        if self.is_open(dataset):
            for run, partition, digest, at in self._rows.all("raw_readings", dataset=dataset):
                said = VersionFact(partition=partition, digest=digest)
                binding, new = self.of(run, dataset, said, at)
                if new:
                    self._rows.edge(nodes.run(run), binding.node)
                    self.bind(binding)

    def family(self, dataset: int) -> tuple[int, ...]:
        """A dataset and all other names of the same data."""
        known = self._rows.known.families
        if dataset not in known:
            found, todo = {dataset}, [dataset]
            while todo:
                others = {row[0] for row in self._rows.all("symlinks_of", dataset=todo.pop())}
                todo += others - found
                found |= others
            known[dataset] = tuple(sorted(found))
        return known[dataset]

    def _members(self, binding: Binding) -> set[int]:
        family = self.family(binding.dataset)
        if binding.digest:
            if made := self._made(binding, family):
                return made
            found = self._current(binding, family, but=kind(binding.digest))
            said = VersionFact(partition=binding.partition, digest=binding.digest)
            return found | {self._rows.product(self._rows.version(binding.dataset, said), 0)}
        return self._current(binding, family)

    def _made(self, binding: Binding, family: Iterable[int]) -> set[int]:
        """The version it names, as the latest run made it."""
        rows = [
            row
            for dataset in family
            for row in self._rows.all(
                "made",
                dataset=dataset,
                digest=binding.digest,
                partition=binding.partition,
                at=binding.at,
                reader=binding.run,
            )
        ]
        times = [(row, row[1]) for row in rows if self._before(binding, row[1], row[2])]
        last = max((time for _, time in times), default="")
        return {nodes.product(row[0]) for row, time in times if time == last}

    def _current(self, binding: Binding, family: Iterable[int], but: str = "") -> set[int]:
        """What was current of all that it covers, but for versions named in this way."""
        found: dict[str, list[tuple[str, int]]] = {}
        for dataset in family:
            for partition in self._covered(dataset, binding.partition):
                found.setdefault(partition, []).extend(self._latest(dataset, partition, binding))
        # What was dropped as a whole is gone in each partition.
        gone = max((since for since, product in found.get("", ()) if not product), default="")
        members = set()
        for latest in found.values():
            last = max((since for since, _ in latest), default="")
            if last >= gone:
                members |= {product for since, product in latest if since == last and product}
        return {nodes.product(product) for product in members if not self._is(product, but)}

    def _covered(self, dataset: int, partition: str) -> list[str]:
        """Partitions that a reading covers: all of a whole dataset, else one and the whole."""
        if partition:
            return ["", partition]
        found = [""]
        while row := self._rows.one("next_partition", dataset=dataset, partition=found[-1])[0]:
            found.append(row)
        return found

    def _latest(self, dataset: int, partition: str, binding: Binding) -> list[tuple[str, int]]:
        """The products that became current last, all of one time; product 0: nothing is."""
        key = {"dataset": dataset, "partition": partition, "reader": binding.run}
        before = f"{binding.at}{_AFTER}"
        while rows := self._rows.all("current_at", **key, before=before):
            found = [row for row in rows if self._before(binding, row[0], row[2])]
            if found:
                return [(since, product) for since, product, _ in found]
            before = rows[0][0]
        return []

    def _before(self, binding: Binding, since: str, run: int) -> bool:
        """Whether it was there when the reader began.

        Of two runs that began and ended at one and the same instant, one is taken for the
        earlier, lest each stood on the other.
        """
        if since < binding.at or not run:
            return True
        maker, reader = (self._rows.one("run_times", id=one) for one in (run, binding.run))
        return bool(maker[1] < since or maker[0] < reader[0])

    def _is(self, product: int, way: str) -> bool:
        return bool(way) and kind(self._rows.one("digest_of", product=product)[0]) == way


def kind(digest: str) -> str:
    """How a version is named: by its content, by the run that made it, or by its producer."""
    return digest if (digest := digest[: digest.find(":") + 1]) in (CONTENT, EXECUTION) else "name"
