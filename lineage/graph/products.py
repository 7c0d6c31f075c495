"""What completed runs made, and which version was current from when on.

Both follow from what is stored of a run: its state and end, what it says it wrote, and what
was said about that. So they are settled after each of its events, and come out the same
whatever the order.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from . import nodes, registers
from .bindings import EXECUTION, Bindings
from .known import Output
from .rows import Rows

#: After these nothing is there, or nothing of what was there before.
GONE, FRESH = ("DROP", "TRUNCATE"), ("CREATE", "OVERWRITE")


class Current(NamedTuple):
    """A row of `current` but for who said so."""

    dataset: int
    partition: str
    since: str
    product: int


class Products:
    """Settles what runs made, inside one transaction."""

    def __init__(self, rows: Rows, bindings: Bindings) -> None:
        self._rows = rows
        self._bindings = bindings

    def settle(self, run: int, row: dict[str, Any]) -> None:
        """Let a run have made what it says, if it has completed."""
        if row["state"] != "COMPLETE":
            return
        outputs = self._rows.outputs(run)
        made: dict[Current, str] = {}
        not_made = []
        vague = superseded(outputs.values(), f"{EXECUTION}{row['uuid']}")
        for version, output in outputs.items():
            said: set[Current] = set()
            if output not in vague:
                said = self._made(run, version, output, row["ended_at"])
            made |= dict.fromkeys(said, output.digest)
            if not any(current.product for current in said):
                not_made.append(version)
        self._be_current(run, made)
        for version in not_made:  # now that no reading is bound to them any more
            self.unmake(version, run)
        self.derive(run, made)

    def moved(self, run: int) -> None:
        """Bind anew whoever began when a run ended: it depends on when that run began."""
        ends = {Current(*row)[::2] for row in self._rows.all("currents_of", run=run)}
        for dataset, since in ends:
            self._bindings.since(dataset, since, until=since)

    def derive(self, run: int, made: Iterable[Current] | None = None) -> None:
        """Let products stand on what `lineage` facets say they were made from, and no more."""
        if run in self._rows.known.added and run not in self._rows.known.derived:
            return
        sources: dict[int, set[int]] = {}
        for written, source in self._rows.all("derived_of", run=run):
            sources.setdefault(written, set()).add(source)
        if sources and made is None:
            made = [Current(*row) for row in self._rows.all("currents_of", run=run)]
        for current in made or ():
            if current.product and current.dataset in sources:
                parents: set[int] = set()
                for source in sources[current.dataset]:
                    parents |= self._read(run, source)
                self._rows.stand(nodes.product(current.product), parents)

    def observe(self, current: Current, digest: str) -> None:
        """An event without a run says that something is current."""
        self._add(current, 0, digest)

    def unmake(self, version: int, run: int) -> None:
        """Forget that a run made a version, unless others point to what it made."""
        found = self._rows.one("find_product", version=version, run=run)
        if found is None:
            return
        node = nodes.product(found[0])
        if self._rows.one("any_child", parent=node)[0]:
            self._rows.stand(node, {nodes.run(run)})
            return
        self._rows.stand(node, set())
        self._rows.do("drop_product", product=found[0])
        self._rows.known.ids.pop(("product", version, run), None)

    def _made(self, run: int, version: int, output: Output, ended_at: str) -> set[Current]:
        change = self._change(run, version)
        if change in GONE:
            return {Current(output.dataset, output.partition, ended_at, 0)}
        product = self._rows.product(version, run) // 4
        found = {Current(output.dataset, output.partition, ended_at, product)}
        if change in FRESH and not output.partition:
            found.add(Current(output.dataset, "", ended_at, 0))
        return found

    def _change(self, run: int, version: int) -> str:
        found = self._rows.use("output", run, version=version) or {}
        if "lifecycleStateChange" not in found:
            return ""
        body = registers.said(found, "lifecycleStateChange") or {}
        return str(body.get("lifecycleStateChange", "")).upper()

    def _be_current(self, run: int, made: dict[Current, str]) -> None:
        known = self._rows.known
        there: set[Current] = set()
        if run not in known.added or run in known.settled:
            there = {Current(*row) for row in self._rows.all("currents_of", run=run)}
        known.settled.add(run)
        gone = there - made.keys()
        for current in gone:
            self._rows.do("drop_current", **_key(current), the_run=run)
            found = self._rows.one("digest_of", product=current.product)
            self._tell(current, found[0] if found else "")
        for current in made.keys() - there:
            self._add(current, run, made[current])
        for dataset in {current.dataset for current in gone}:
            self._bindings.lose(dataset)

    def _add(self, current: Current, run: int, digest: str) -> None:
        first = not self._bindings.is_open(current.dataset)
        self._rows.known.current.add(current.dataset)
        self._rows.known.never.discard(current.dataset)
        self._rows.later("add_current", **current._asdict(), run=run)
        if first:
            for one in self._bindings.family(current.dataset):
                self._bindings.open(one)
        self._tell(current, digest)

    def _tell(self, current: Current, digest: str) -> None:
        if current.product:
            self._bindings.changed(*current, digest)
        else:
            self._bindings.since(current.dataset, current.since)

    def _read(self, run: int, source: int) -> set[int]:
        """Nodes of what a run read of a dataset; a negative one is a run."""
        if source <= 0:
            return {nodes.run(-source)} if source else set()
        found = self._rows.all("read_of_dataset", run=run, dataset=source)
        return {node for (node,) in found}


def superseded(mentions: Iterable[Output], silent: str = "") -> set[Output]:
    """Those of a run's mentions of datasets that say less than others of the same dataset.

    A run that begins with the names of its datasets and ends with their versions or
    partitions has one output of each, not two.

    Args:
        mentions: what it read, or what it wrote.
        silent: the version of what is named without one.
    """
    digests: dict[tuple[int, str], set[str]] = {}
    partitions: dict[int, set[str]] = {}
    vague = []
    for one in mentions:
        digests.setdefault((one.dataset, one.partition), set()).add(one.digest)
        partitions.setdefault(one.dataset, set()).add(one.partition)
        if one.digest == silent:
            vague.append(one)
    return {
        one
        for one in vague
        if len(digests[one.dataset, one.partition]) > 1
        or (not one.partition and len(partitions[one.dataset]) > 1)
    }


def _key(current: Current) -> dict[str, Any]:
    return {f"the_{name}": value for name, value in current._asdict().items()}
