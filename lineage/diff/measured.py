"""Metrics and slices: what they were, what they are, and by how much they moved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

#: What a slice's number of rows is called beside its metrics.
_ROWS = "rows"


def metrics(
    old: Mapping[str, float | None], new: Mapping[str, float | None], *, all_: bool
) -> dict[str, dict[str, float | None]]:
    """By name `old`, `new` and `delta`, new less old; None where a side has no value."""
    return {
        name: {
            "old": old.get(name),
            "new": new.get(name),
            "delta": delta(old.get(name), new.get(name)),
        }
        for name in sorted({*old, *new})
        if all_ or old.get(name) != new.get(name)
    }


def slices(old: Mapping[str, Any], new: Mapping[str, Any], *, all_: bool) -> list[dict[str, Any]]:
    """One entry a slice and metric, largest moves first; what has no delta comes last."""
    found = [entry for entry in _slices(old, new) if all_ or entry["old"] != entry["new"]]
    return sorted(found, key=_largest)


def delta(old: float | None, new: float | None) -> float | None:
    """What was added to the old value, without digits that neither has."""
    if old is None or new is None:
        return None
    return float(f"{new - old:.12g}")


def _slices(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for column in sorted({*old, *new}):
        before, after = old.get(column, {}), new.get(column, {})
        for value in sorted({*before, *after}):
            first, second = before.get(value, {}), after.get(value, {})
            for metric in sorted({*first, *second} - {_ROWS}):
                yield {
                    "column": column,
                    "value": value,
                    "metric": metric,
                    "old": first.get(metric),
                    "new": second.get(metric),
                    "delta": delta(first.get(metric), second.get(metric)),
                    "rows": {"old": first.get(_ROWS), "new": second.get(_ROWS)},
                }


def _largest(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    moved = entry["delta"]
    size = -1.0 if moved is None else abs(moved)
    return (-size, entry["column"], entry["value"], entry["metric"])
