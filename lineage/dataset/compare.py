"""Two references, partition by partition: what is added, removed, changed and the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from ..diff.pairing import Change, paired
from ..diff.reading import Reader
from ..errors import ParameterError
from ..graph import queries
from ..graph.connection import Row
from .held import Part, choose, held

if TYPE_CHECKING:
    from ..content.store import ArtifactStore
    from ..graph.store import Store

#: Pairs of tables that are compared by default.
TABLES = 50


def diff(
    store: Store,
    artifacts: ArtifactStore,
    old: str,
    new: str,
    *,
    datasets: Iterable[str] = (),
    key: Sequence[str] = (),
    limit: int = TABLES,
) -> dict[str, Any]:
    """What differs from the data of one reference to that of another.

    Tables are read two at a time, one partition after the other.

    Args:
        store: where lineage is.
        artifacts: where the bytes lie; what is gone there is told, and the rest compared.
        old: see `held`.
        new: another.
        datasets: which; all by default.
        key: columns that a row is known by. Without them a row that changed is one that was
            removed and one that was added.
        limit: how many pairs of tables are read.

    Returns:
        `old`, `new` (the references), `same` (whether nothing differs), `datasets`, each with
        `dataset`, `role`, `added`, `removed` and `same` (each with `partition, digest, rows,
        bytes`) and `changed` (`partition, digest, bytes, rows`, what `diff.tables.compare` says,
        or `unread`), and `notes`: what could not be told, and why.

    Raises:
        RefError: a reference names nothing, too much, or no data.
        ParameterError: no dataset is called so, or no table that is compared has that key.
        StoreError: the store failed.
    """
    names = list(datasets)
    sides = [_chosen(held(store, ref), names) for ref in (old, new)]
    if not any(sides):
        choose([*held(store, old), *held(store, new)], names)  # says what there is
    reader = Reader(artifacts=artifacts, limit=limit, key=tuple(key))
    roles = {id(part.row): part for side in sides for part in side}
    changes = _paired(*sides)
    found: dict[str, dict[str, Any]] = {}
    for change in changes:
        part = roles[id(change.row)]
        entry = found.setdefault(
            part.dataset,
            {"dataset": part.dataset, "role": part.role}
            | {kind: [] for kind in ("added", "removed", "changed", "same")},
        )
        kind, said = _said(change, reader)
        entry[kind].append(said)
    if reader.refusals and not reader.keyed:
        raise ParameterError(reader.refusals[0])
    notes = [*_twice(sides), *reader.said()]
    if key and not reader.keyed:
        notes.append(f"the key {' and '.join(key)} was not needed: no two tables were compared")
    return {
        "old": old,
        "new": new,
        "same": all(_kind(change) == "same" for change in changes),
        "datasets": list(found.values()),
        "notes": notes,
    }


def _chosen(parts: list[Part], names: list[str]) -> list[Part]:
    """Those of the names that this side has; the other one may have the rest."""
    if not names:
        return parts
    found: list[Part] = []
    for name in names:
        try:
            found += [part for part in choose(parts, [name]) if part not in found]
        except ParameterError:
            continue
    return found


def _paired(old: Sequence[Part], new: Sequence[Part]) -> list[Change]:
    """Partitions of both sides, those that are the same among them, in the order of the sides."""
    order = {id(part.row): number for number, part in enumerate((*new, *old))}
    if len(old) == len(new) == 1:
        return [Change(old=old[0].row, new=new[0].row)]
    if all(len({part.dataset for part in side}) == 1 for side in (old, new)):
        first, second = ({part.version.partition: part.row for part in s} for s in (old, new))
        keys = dict.fromkeys((*second, *first))
        changes = [Change(old=first.get(key), new=second.get(key)) for key in keys]
    else:
        changes = _of_several(old, new)
    return sorted(changes, key=lambda change: order[id(change.row)])


def _of_several(old: Sequence[Part], new: Sequence[Part]) -> list[Change]:
    rows = [[part.row for part in side] for side in (old, new)]
    differing = paired(*rows)
    changed = {id(row) for change in differing for row in (change.old, change.new) if row}
    before = {(row["dataset_id"], row["partition"]): row for row in rows[0]}
    return differing + [
        Change(old=before.get((row["dataset_id"], row["partition"]), row), new=row)
        for row in rows[1]
        if id(row) not in changed
    ]


def _said(change: Change, reader: Reader) -> tuple[str, dict[str, Any]]:
    kind, old, new = _kind(change), change.old, change.new
    if kind != "changed":
        return kind, _about(change.row)
    assert old is not None, "both are there"
    assert new is not None, "both are there"
    entry = {"partition": new["partition"]}
    if old["partition"] != new["partition"]:
        entry["partition_before"] = old["partition"]
    for key, name in (("digest", "digest"), ("rows", "rows"), ("bytes", "size")):
        entry[key] = {"old": old[name], "new": new[name]}
    told = reader.compare(old, new)
    if "rows" in told:
        told["rows"] = entry["rows"] | told["rows"]
    return kind, entry | told


def _kind(change: Change) -> str:
    if change.old is None or change.new is None:
        return "added" if change.old is None else "removed"
    return "same" if change.old["digest"] == change.new["digest"] else "changed"


def _about(row: Row) -> dict[str, Any]:
    return {
        "partition": row["partition"],
        "digest": row["digest"],
        "rows": row["rows"],
        "bytes": row["size"],
    }


def _twice(sides: Sequence[Sequence[Part]]) -> list[str]:
    """Partitions of which one side stands on more than one version."""
    notes = []
    for side in sides:

        def key(part: Part) -> tuple[str, str]:
            return part.dataset, part.version.partition

        for _, group in groupby(sorted(side, key=key), key=key):
            if len(own := list(group)) > 1:
                name = str(queries.version_of(own[0].row))
                notes.append(
                    f"{len(own)} versions of {name} stand behind one side; one is compared"
                )
    return notes
