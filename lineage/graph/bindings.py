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

from collections.abc import Collection, Iterable
from typing import Any

from . import nodes
from .facts import VersionFact
from .known import Binding
from .rows import Rows

#: What every digest of bytes begins with, and the version of an output that named none.
CONTENT, EXECUTION = "blake3:", "run:"
#: Sorts after every time.
EVER = "~"
#: Behind a time: sorts after that time, and before all later ones.
_AFTER = "~"


class Bindings:
    """Binds readings inside one transaction."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        #: Runs whose readings others' events have added or taken back.
        self.readers: set[int] = set()

    def of(self, run: int, dataset: int, said: VersionFact, at: str) -> tuple[Binding, bool]:
        """A run's binding for what it read, and whether it is new; a new one is not bound yet."""
        root = f"{EXECUTION}{run}/{said.partition}/{said.digest}"
        key = {"dataset": dataset, "lineage_root": root}
        known = ("snapshot", dataset, root)
        found = self._rows.known.ids.get(known)
        if found is None and run not in self._rows.known.added:
            stored = self._rows.one("find_snapshot", **key)
            found = stored[0] if stored else None
        new = found is None
        if found is None:
            found = self._rows.add("snapshot", **key, content_root="", partitions=0, known=1)
        self._rows.known.ids[known] = found
        binding = Binding(found, run, dataset, said.partition, said.digest, at)
        if new:
            self._rows.known.unbound.discard(dataset)
            self._rows.later("add_binding", **binding._asdict())
            if said.digest:  # it stands for itself until it is seen
                self._rows.product(self._rows.version(dataset, said), 0)
            self._rows.known.bindings.setdefault(run, []).append(binding)
        return binding, new

    def has_any(self, run: int) -> bool:
        """Whether a run has bindings at all."""
        return bool(self.of_run(run))

    def of_run(self, run: int) -> list[Binding]:
        """All bindings of a run."""
        if run in self._rows.known.added:
            return self._rows.known.bindings.get(run, [])
        return [Binding(*row) for row in self._rows.all("bindings_of", run=run)]

    def move(self, run: int, at: str) -> None:
        """Bind a run's readings anew: it started at another time than was known."""
        moved = [binding._replace(at=at) for binding in self.of_run(run)]
        self._rows.known.bindings[run] = moved
        for binding in moved:
            self._rows.do("move_binding", the_snapshot=binding.snapshot, at=at)
            self.bind(binding)

    def changed(self, dataset: int, partition: str, since: str, product: int, digest: str) -> None:
        """Bind anew whoever may have read a product that has just come, or is gone."""
        family = self.family(dataset)
        if not any(self._is_bound(one, since) for one in family):
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
                if partition and binding.partition not in ("", partition):
                    continue
                if binding.digest:
                    self.bind(binding)
                else:
                    self._bind_partition(binding, partition, product)

    def since(self, dataset: int, since: str, until: str = EVER) -> None:
        """Bind anew everything that read a dataset from a time on, under any of its names."""
        for member in self.family(dataset):
            key = {"dataset": member, "since": since, "until": until}
            for row in self._rows.all("bindings_between", **key):
                self.bind(Binding(*row))

    def bind(self, binding: Binding, *, new: bool = False) -> None:
        """Let a reading stand on what was current at its time; a new one stands on nothing yet."""
        members = self._members(binding)
        if new:
            for member in members:
                self._rows.edge(binding.node, member)
        else:
            self._rows.stand(binding.node, members)

    def _bind_partition(self, binding: Binding, partition: str, product: int) -> None:
        """Bind a reading anew to one partition that it covers, of which a product came or went."""
        family = self._current_names(binding.dataset)
        last, found = self._newest(binding, family, partition)
        members = found if last >= self._gone(binding, family) else set()
        _, before = self._newest(binding, family, partition, before=last)
        for one in ({product} | found | before) - members:
            self._rows.do("drop_edge", child=binding.node, parent=nodes.product(one))
        for one in members:
            self._rows.edge(binding.node, nodes.product(one))

    def join(self, datasets: Collection[int]) -> None:
        """Bind anew all readers of datasets that turned out to be names of the same data."""
        self._rows.known.families.clear()
        for dataset in {one for named in datasets for one in self.family(named)}:
            if self.is_open(dataset):
                self.open(dataset)
            else:
                self._close(dataset)
        for family in {self.family(one) for one in datasets}:
            self.since(family[0], "")

    def is_open(self, dataset: int) -> bool:
        """Whether events say what was current of a dataset, under any of its names."""
        return any(map(self._was_current, self.family(dataset)))

    def open(self, dataset: int) -> None:
        """Bind also those who read versions of it that nobody was known to have made."""
        if self.is_open(dataset):
            for run, partition, digest, at in self._rows.all("raw_readings", dataset=dataset):
                said = VersionFact(partition=partition, digest=digest)
                binding, new = self.of(run, dataset, said, at)
                if new:
                    self._rows.edge(nodes.run(run), binding.node)
                    self.bind(binding, new=True)
                    self.readers.add(run)

    def lose(self, dataset: int) -> None:
        """Take back what `open` did where nothing is known any more to have been current."""
        self._rows.known.current.discard(dataset)
        if not self.is_open(dataset):
            for one in self.family(dataset):
                self._close(one)

    def _close(self, dataset: int) -> None:
        """Take back what `open` did for one name."""
        closed = [Binding(*row) for row in self._rows.all("raw_bindings", dataset=dataset)]
        for binding in closed:
            self._rows.stand(binding.node, set())
            self._rows.do("drop_edge", child=nodes.run(binding.run), parent=binding.node)
            self._rows.do("drop_binding", snapshot=binding.snapshot)
            self._rows.do("drop_snapshot", snapshot=binding.snapshot)
            self.readers.add(binding.run)
        if closed:
            self._rows.forget()

    def family(self, dataset: int) -> tuple[int, ...]:
        """A dataset and all other names of the same data."""
        known = self._rows.known.families
        if dataset not in known:
            found, todo = {dataset}, [dataset]
            while todo:
                others = {row[0] for row in self._rows.all("symlinks_of", dataset=todo.pop())}
                todo += others - found
                found |= others
            known |= dict.fromkeys(found, tuple(sorted(found)))
        return known[dataset]

    def _current_names(self, dataset: int) -> list[int]:
        """Those names of a dataset under which anything was ever current."""
        return [one for one in self.family(dataset) if self._was_current(one)]

    def _was_current(self, dataset: int) -> bool:
        known = self._rows.known
        if dataset not in known.current and dataset not in known.never:
            found = self._rows.one("any_current", dataset=dataset)[0]
            (known.current if found else known.never).add(dataset)
        return dataset in known.current

    def _is_bound(self, dataset: int, since: str) -> bool:
        """Whether a reading of a dataset, from a time on, may have to be bound anew."""
        unbound = self._rows.known.unbound
        if dataset in unbound:
            return False
        if self._rows.one("any_binding", dataset=dataset, since=since)[0]:
            return True
        if not self._rows.one("any_binding", dataset=dataset, since="")[0]:
            unbound.add(dataset)
        return False

    def _members(self, binding: Binding) -> set[int]:
        family = self._current_names(binding.dataset)
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
        gone = self._gone(binding, family)
        members: set[int] = set()
        for partition in {
            one for dataset in family for one in self._covered(dataset, binding.partition)
        }:
            last, products = self._newest(binding, family, partition)
            if last >= gone:
                members |= products
        return {nodes.product(product) for product in members if not self._is(product, but)}

    def _gone(self, binding: Binding, family: Iterable[int]) -> str:
        """When all was dropped last: what was there before is gone in each partition."""
        return max(
            (
                row[0]
                for dataset in family
                for row in self._last("gone_at", binding, dataset=dataset)
            ),
            default="",
        )

    def _newest(
        self, binding: Binding, family: Iterable[int], partition: str, before: str = ""
    ) -> tuple[str, set[int]]:
        """The products of a partition that became current last, and when; none: nothing is.

        Args:
            binding: of the reading.
            family: names of the dataset.
            partition: its key.
            before: when they became so at the latest, not included.
        """
        rows = [
            row
            for dataset in family
            for row in self._last(
                "current_at", binding, before, dataset=dataset, partition=partition
            )
        ]
        last = max((row[0] for row in rows), default="")
        return last, {row[1] for row in rows if row[0] == last and row[1]}

    def _covered(self, dataset: int, partition: str) -> list[str]:
        """Partitions that a reading covers: all of a whole dataset, else one and the whole."""
        if partition:
            return ["", partition]
        found = [""]
        while row := self._rows.one("next_partition", dataset=dataset, partition=found[-1])[0]:
            found.append(row)
        return found

    def _last(self, statement: str, binding: Binding, before: str = "", **key: Any) -> list[Any]:
        """Rows of `current`, all of the last time at which the reader could see them."""
        before = before or f"{binding.at}{_AFTER}"
        while rows := self._rows.all(statement, **key, reader=binding.run, before=before):
            if found := [row for row in rows if self._before(binding, row[0], row[2])]:
                return found
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
