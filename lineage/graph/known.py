"""What a writer knows of the graph's rows, so that it need not ask again.

It is true as long as nobody else writes: `Store` begins anew when another connection has.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from . import nodes
from .registers import Registers

#: More than this is forgotten: runs, which weigh most, and everything else.
RUNS, ROWS = 1_000, 20_000


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


class Output(NamedTuple):
    """A version that a run said it wrote or read."""

    dataset: int
    partition: str
    digest: str


@dataclass(slots=True)
class Known:
    """Rows of the graph by their natural keys, as they are in the database."""

    #: Ids, by table and natural key.
    ids: dict[tuple[Any, ...], int] = field(default_factory=dict)
    #: Rows of runs by uuid, their facets as registers.
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: Ids of runs that were added by this writer: what is not known of them is not there.
    added: set[int] = field(default_factory=set)
    #: What runs wrote, by id and version; complete for those that were added.
    outputs: dict[int, dict[int, Output]] = field(default_factory=dict)
    #: Bindings of runs, by id; complete for those that were added.
    bindings: dict[int, list[Binding]] = field(default_factory=dict)
    #: What runs read by its producer, by id; complete for those that were added.
    resolved: dict[int, set[Output]] = field(default_factory=dict)
    #: Ids of runs to whose outputs `lineage` facets speak; complete for those that were added.
    derived: set[int] = field(default_factory=set)
    #: Ids of runs whose outputs have been settled by this writer.
    settled: set[int] = field(default_factory=set)
    #: Datasets of which it is known that something was current.
    current: set[int] = field(default_factory=set)
    #: What was said about readings and outputs, by table and key.
    uses: dict[tuple[Any, ...], Registers] = field(default_factory=dict)
    #: How versions were described last, by id.
    described: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    #: Ids of versions that were added by this writer.
    made: set[int] = field(default_factory=set)
    #: Names of the same data, by dataset.
    families: dict[int, tuple[int, ...]] = field(default_factory=dict)

    #: The last id of each table.
    last: dict[str, int] = field(default_factory=dict)
    #: What events without a run said, by table and id.
    standing: dict[tuple[str, int], Registers] = field(default_factory=dict)
    #: Datasets that no reading is bound to.
    unbound: set[int] = field(default_factory=set)
    #: Datasets of which nothing was ever current.
    never: set[int] = field(default_factory=set)

    @property
    def is_much(self) -> bool:
        """Whether it is more than should be kept."""
        return len(self.runs) > RUNS or len(self.ids) + len(self.uses) > ROWS

    def forget(self) -> None:
        """Know nothing any more."""
        for part in (
            *(self.ids, self.runs, self.added, self.outputs),
            *(self.bindings, self.resolved, self.derived, self.settled, self.current),
            *(self.uses, self.made, self.described, self.families, self.last),
            *(self.standing, self.unbound, self.never),
        ):
            part.clear()
