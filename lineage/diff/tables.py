"""Two tables against each other: schema, rows, columns ranked by how far they moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import DataError
from . import moves

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from pandas import DataFrame, Series

    Mask = npt.NDArray[np.bool_]
    Places = npt.NDArray[np.int64]

#: A column with more values than this does not say where in a table rows changed.
PLACES = 100
#: Share of the changed rows that one value has to hold to be named as their place.
MOSTLY = 0.99


def compare(old: DataFrame, new: DataFrame, *, key: Sequence[str] | None = None) -> dict[str, Any]:
    """What differs from one table to another.

    Args:
        old: a table.
        new: another.
        key: columns that rows are known by. Without any, rows belong together if all of them is
            the same; if it is None, by what seems to fit.

    Returns:
        `schema {added, removed, changed}`, `rows {old, new, added, removed, changed, by,
        reordered}`, `where` (the one value of another column that all changed rows share, or
        None) and `columns`: those that differ, the one that moved farthest first, each with
        what `moves.move` says, `changed` (values, of rows that are in both; None if that cannot
        be told), `rule` (see `moves.rule`) and `there` (the move among the rows of `where`).

    Raises:
        DataError: the tables lack the key, or have several rows with one.
    """
    common = [name for name in old.columns if name in new.columns]
    plain = Plain.of(old, new, common)
    pairing = _pair(plain) if key is None else _pair_as_told(plain, key)
    where = _where(plain, pairing, new)
    columns = [_column(name, old, new, plain, pairing, where) for name in common]
    return {
        "schema": _schema(old, new, common),
        "rows": pairing.to_json(),
        "where": where and {key: where[key] for key in ("column", "value", "rows", "of")},
        "columns": ranked(column for column in columns if column is not None),
    }


def ranked(columns: Any) -> list[dict[str, Any]]:
    """Columns, the one that moved farthest first, whichever table was named first."""

    def key(column: dict[str, Any]) -> tuple[Any, ...]:
        there = column.get("there") or column
        sd = max(abs(column["sd"] or 0), abs(there["sd"] or 0))
        return (-max(column["moved"], there["moved"]), -sd, column["column"])

    return sorted(columns, key=key)


@dataclass(frozen=True, kw_only=True, slots=True)
class Plain:
    """Columns of both tables in types that can be compared with each other."""

    old: dict[str, npt.NDArray[Any]]
    new: dict[str, npt.NDArray[Any]]
    sizes: tuple[int, int]

    @classmethod
    def of(cls, old: DataFrame, new: DataFrame, names: list[str]) -> Plain:
        """The columns that both have."""
        pairs = {name: _alike(old[name], new[name]) for name in names}
        return cls(
            old={name: pair[0] for name, pair in pairs.items()},
            new={name: pair[1] for name, pair in pairs.items()},
            sizes=(len(old), len(new)),
        )

    def differ(self, name: str, old: Places, new: Places) -> Mask:
        """Where the values of a column differ, for rows that belong together."""
        import pandas as pd

        a, b = self.old[name][old], self.new[name][new]
        unequal: Mask = (a != b) & ~(pd.isna(a) & pd.isna(b))
        return unequal

    def hashes(self) -> tuple[Any, Any]:
        """A hash of each row, over all columns."""
        import pandas as pd

        return tuple(  # type: ignore[return-value]  # one for each side
            pd.util.hash_pandas_object(pd.DataFrame(side), index=False).to_numpy()
            for side in (self.old, self.new)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Pairing:
    """Which rows belong together, and how many were added, removed and changed."""

    sizes: tuple[int, int]
    #: position, `key NAME`, or content where rows have nothing to be known by.
    by: str
    added: int
    removed: int
    changed: int | None
    reordered: bool = False
    #: Row numbers of the same rows, before and after; None if they cannot be told.
    places: tuple[Places, Places] | None = None

    def to_json(self) -> dict[str, Any]:
        """The counts."""
        return {
            "old": self.sizes[0],
            "new": self.sizes[1],
            "added": self.added,
            "removed": self.removed,
            "changed": self.changed,
            "by": self.by,
            "reordered": self.reordered,
        }


def _pair(plain: Plain) -> Pairing:
    """Which rows belong together: by position, else by a key, else there is no telling.

    By position, if that explains the difference as well as their content does and most of them
    is the same there, or if most columns are the same all the way down.
    """
    import numpy as np

    if not plain.old:
        return _by_content(plain.sizes, *plain.sizes)
    first, second = plain.hashes()
    removed, added = _only(first, second)
    short = min(plain.sizes)
    moved = int((first[:short] != second[:short]).sum())
    more = plain.sizes[1] - plain.sizes[0]
    places = np.arange(short)
    equal, columns = _standing(plain, short)
    explains = moved + abs(more) <= max(removed, added) and equal >= 0.5
    if explains or (not more and columns > 0.5):
        return Pairing(
            sizes=plain.sizes,
            by="position",
            added=max(0, more),
            removed=max(0, -more),
            changed=moved,
            places=(places, places),
        )
    if not removed and not added:
        return Pairing(
            sizes=plain.sizes, by="content", added=0, removed=0, changed=0, reordered=True
        )
    return _by_key(plain, first, second) or _by_content(plain.sizes, removed, added)


def _pair_as_told(plain: Plain, key: Sequence[str]) -> Pairing:
    """Which rows belong together: those with one key, or without any those that are the same."""
    import pandas as pd

    first, second = plain.hashes() if plain.old else ((), ())
    if not key:
        removed, added = _only(first, second) if plain.old else plain.sizes
        return _by_content(plain.sizes, removed, added)
    if missing := [name for name in key if name not in plain.old]:
        raise DataError(
            f"not both tables have the key {missing[0]!r}; both have {', '.join(plain.old)}"
        )
    keys = [
        pd.Index(pd.util.hash_pandas_object(pd.DataFrame({n: side[n] for n in key}), index=False))
        for side in (plain.old, plain.new)
    ]
    if not all(one.is_unique for one in keys):
        raise DataError(
            f"several rows have one {' and '.join(key)}, so it is no key; name more columns"
        )
    return _of_key(plain, " and ".join(key), keys[0].get_indexer(keys[1]), first, second)


def _standing(plain: Plain, rows: int) -> tuple[float, float]:
    """Share of the values, and of whole columns, that are the same at the same position.

    Of columns with more than one value: a constant is the same wherever it stands.
    """
    import numpy as np
    import pandas as pd

    places = np.arange(rows)
    varied = [
        name
        for name in plain.old
        if len(pd.unique(plain.old[name])) > 1 or len(pd.unique(plain.new[name])) > 1
    ]
    if not varied or not rows:
        return 1.0, 1.0
    differing = [float(plain.differ(name, places, places).mean()) for name in varied]
    return 1 - float(np.mean(differing)), differing.count(0.0) / len(varied)


def _by_content(sizes: tuple[int, int], removed: int, added: int) -> Pairing:
    return Pairing(sizes=sizes, by="content", added=added, removed=removed, changed=None)


def _by_key(plain: Plain, first: Any, second: Any) -> Pairing | None:
    import pandas as pd

    best: tuple[int, str, Any] = (0, "", None)
    for name in sorted(plain.old):
        keys = pd.Index(plain.old[name]), pd.Index(plain.new[name])
        if any(key.hasnans or not key.is_unique for key in keys):
            continue
        at = keys[0].get_indexer(keys[1])
        if (found := int((at >= 0).sum())) > best[0]:
            best = (found, name, at)
    found, name, at = best
    if found < max(1, min(plain.sizes) // 2):
        return None  # numbers that happen to be unique
    return _of_key(plain, name, at, first, second)


def _of_key(plain: Plain, name: str, at: Places, first: Any, second: Any) -> Pairing:
    """Rows of the second table with the places of theirs in the first, -1 where there is none."""
    import numpy as np

    new = np.flatnonzero(at >= 0)
    old, found = at[new], len(new)
    return Pairing(
        sizes=plain.sizes,
        by=f"key {name}",
        added=plain.sizes[1] - found,
        removed=plain.sizes[0] - found,
        changed=int((first[old] != second[new]).sum()),
        places=(old, new),
    )


def _only(first: Any, second: Any) -> tuple[int, int]:
    """How many rows are only in the first table, and only in the second, as often as they are."""
    import numpy as np

    values, codes = np.unique(np.concatenate([first, second]), return_inverse=True)
    count = [
        np.bincount(part, minlength=len(values))
        for part in (codes[: len(first)], codes[len(first) :])
    ]
    difference = count[1] - count[0]
    return int(-difference[difference < 0].sum()), int(difference[difference > 0].sum())


def _column(
    name: str,
    old: DataFrame,
    new: DataFrame,
    plain: Plain,
    pairing: Pairing,
    where: dict[str, Any] | None,
) -> dict[str, Any] | None:
    """What is said of a column; None if it did not change."""
    changed, rule, there = None, None, None
    if pairing.places is not None:
        before, after = pairing.places
        unequal = plain.differ(name, before, after)
        changed = int(unequal.sum())
        if not changed and not pairing.added and not pairing.removed:
            return None
        if changed:
            rule = moves.rule(old[name].iloc[before[unequal]], new[name].iloc[after[unequal]])
        if changed and where is not None:
            inside = where["inside"]
            there = moves.move(old[name].iloc[before[inside]], new[name].iloc[after[inside]])
    move = moves.move(old[name], new[name])
    if not move["moved"] and not changed:
        return None
    return {"column": str(name), "changed": changed, **move, "rule": rule, "there": there}


def _where(plain: Plain, pairing: Pairing, new: DataFrame) -> dict[str, Any] | None:
    """The value of an unchanged column that holds the changed rows, and few others."""
    import numpy as np
    import pandas as pd

    if pairing.places is None or not pairing.changed:
        return None
    before, after = pairing.places
    masks = {name: plain.differ(name, before, after) for name in plain.new}
    changed = np.logical_or.reduce(list(masks.values()))
    best: dict[str, Any] | None = None
    for name, mask in sorted(masks.items()):
        if mask.any():
            continue
        values = pd.Series(plain.new[name][after])
        if not 2 <= values.nunique() <= PLACES:
            continue
        top = values[changed].mode()
        if top.empty:
            continue
        inside = (values == top.iloc[0]).to_numpy()
        if (inside & changed).sum() < MOSTLY * changed.sum() or inside.sum() > len(values) / 2:
            continue
        if best is None or inside.sum() < best["inside"].sum():
            best = {"column": name, "value": top.iloc[0], "inside": inside}
    if best is None:
        return None
    value = new[best["column"]].iloc[after[np.flatnonzero(best["inside"])[0]]]
    return {
        **best,
        "column": str(best["column"]),
        "value": str(value),
        "rows": int((best["inside"] & changed).sum()),
        "of": int(best["inside"].sum()),
    }


def _schema(old: DataFrame, new: DataFrame, common: list[str]) -> dict[str, Any]:
    types = [(name, str(old[name].dtype), str(new[name].dtype)) for name in common]
    return {
        "added": sorted(str(name) for name in new.columns if name not in common),
        "removed": sorted(str(name) for name in old.columns if name not in common),
        "changed": [
            {"column": str(name), "old": before, "new": after}
            for name, before, after in sorted(types)
            if before != after
        ],
    }


def _alike(old: Series[Any], new: Series[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    import numpy as np

    plain = isinstance(old.dtype, np.dtype) and old.dtype.kind in "iub"
    if plain and old.dtype == new.dtype:
        return old.to_numpy(), new.to_numpy()
    return moves.both_as_numbers(old, new) or (_text(old), _text(new))


def _text(column: Series[Any]) -> npt.NDArray[Any]:
    import numpy as np

    # One kind of missing value, so that equal rows have equal hashes.
    found: npt.NDArray[Any] = column.astype(object).map(str, na_action="ignore").to_numpy(object)
    return np.where(column.isna().to_numpy(), np.nan, found)
