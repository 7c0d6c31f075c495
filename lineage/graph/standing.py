"""What holds for all runs: what jobs and datasets are, and other names of theirs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..records import Dataset
from . import nodes, registers
from .bindings import Bindings
from .facts import Facts, Use, VersionFact
from .products import FRESH, GONE, Current, Products
from .registers import Body, Registers, body
from .rows import Rows
from .shapes import is_short

#: Registers of a job, beside its facets: what it reads and writes by design.
_INPUTS, _OUTPUTS = ".inputs", ".outputs"
#: The register of a dataset for the name it had before.
_RENAMED = ".renamed"
_NAMES = ("symlinks", "lifecycleStateChange")


class Standing:
    """Projects what events say beyond a run, inside one transaction."""

    def __init__(self, rows: Rows, bindings: Bindings, products: Products) -> None:
        self._rows = rows
        self._bindings = bindings
        self._products = products

    def job(self, said: Facts, stamp: str) -> None:
        """A JobEvent: its facets, and its inputs and outputs in place of earlier ones."""
        job = self._rows.job(said.run.namespace, said.run.job)
        more = {
            key: body(sorted({(use.dataset.namespace, use.dataset.name) for use in uses}))
            for key, uses in ((_INPUTS, said.reads), (_OUTPUTS, said.writes))
            if uses is not None
        }
        changed = self._tell("job", job, {**said.facets, **more}, stamp)
        if not changed.keys().isdisjoint((_INPUTS, _OUTPUTS)):
            self._declare(job, changed)
        for use in (*(said.reads or ()), *(said.writes or ())):
            self.names(self._rows.dataset(use.dataset), use.facets, stamp)

    def dataset(self, said: Facts, stamp: str) -> None:
        """A DatasetEvent: its facets, and the version that it says is there."""
        dataset = self._rows.dataset(said.about.dataset)
        self.names(dataset, said.facets, stamp)
        self._tell("dataset", dataset, said.facets, stamp)
        change = _change(said.about)
        what = said.about.what
        if not isinstance(what, VersionFact):
            return
        if change in GONE:
            self._products.observe(Current(dataset, what.partition, said.time, 0), "")
        elif what.digest:
            if change in FRESH and not what.partition:
                self._products.observe(Current(dataset, "", said.time, 0), "")
            product = self._rows.product(self._rows.version(dataset, what), 0)
            current = Current(dataset, what.partition, said.time, nodes.split(product)[1])
            self._products.observe(current, what.digest)

    def names(self, dataset: int, facets: Mapping[str, Body], stamp: str) -> None:
        """Other names of a dataset: its symlinks, and the name it had before a RENAME."""
        if facets.keys().isdisjoint(_NAMES):
            return
        said = {key: facets[key] for key in ("symlinks",) if key in facets}
        change = facets.get("lifecycleStateChange")
        if change and change.said and change.said.get("lifecycleStateChange") == "RENAME":
            said[_RENAMED] = body(change.said.get("previousIdentifier"))
        if not said:
            return
        for one in said.values():  # named is named, also where another event says it better
            self._named(one.said if isinstance(one.said, dict) else {})
        before = self._others(self._rows.said("dataset", dataset))
        if self._tell("dataset", dataset, said, stamp):
            self._link(dataset, before, self._others(self._rows.said("dataset", dataset)))

    def _tell(self, table: str, row: int, said: Mapping[str, Body], stamp: str) -> dict[str, Body]:
        kept = self._rows.said(table, row)
        if changed := registers.merge(kept, said, stamp):
            self._rows.tell(table, row, kept)
        return changed

    def _declare(self, job: int, changed: Mapping[str, Body]) -> None:
        for key, written in ((_INPUTS, 0), (_OUTPUTS, 1)):
            if key in changed:
                self._rows.do("undeclare", the_job=job, the_written=written)
                for namespace, name in changed[key].said:
                    dataset = self._rows.dataset(Dataset(namespace=namespace, name=name))
                    self._rows.later("declare", job=job, dataset=dataset, written=written)

    def _others(self, kept: Registers) -> set[int]:
        """Ids of the datasets that a dataset says it is, too."""
        renamed, linked = (registers.said(kept, key) or {} for key in (_RENAMED, "symlinks"))
        return self._named(renamed) | self._named(linked)

    def _named(self, said: Mapping[str, Any]) -> set[int]:
        """Ids of the datasets that a `symlinks` facet or a former identifier names."""
        identifiers = said.get("identifiers")
        named = [said, *(identifiers if isinstance(identifiers, list) else ())]
        return {
            self._rows.dataset(Dataset(namespace=one["namespace"], name=one["name"]))
            for one in named
            if isinstance(one, dict)
            and isinstance(one.get("namespace"), str)
            and isinstance(one.get("name"), str)
            and is_short(one["namespace"])
            and is_short(one["name"])
        }

    def _link(self, dataset: int, before: set[int], after: set[int]) -> None:
        added, gone = after - before - {dataset}, before - after - {dataset}
        for other in added:
            self._pair("add_symlink", dataset, other)
        for other in gone:
            if dataset not in self._others(self._rows.said("dataset", other)):
                self._pair("drop_symlink", dataset, other)
        if added or gone:
            self._bindings.join((dataset, *added, *gone))

    def _pair(self, statement: str, one: int, other: int) -> None:
        for pair in ((one, other), (other, one)):
            self._rows.do(statement, dataset=pair[0], other=pair[1])


def _change(about: Use) -> str:
    change = about.facets.get("lifecycleStateChange")
    return str((change.said or {}).get("lifecycleStateChange", "")).upper() if change else ""
