"""What runs found out about the columns of raw partitions: also there when the bytes are gone.

prepare records counts, gaps, extremes and quartiles of what it made of a partition, and what
came of its expectations, on the partition that it read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..graph import nodes, queries

if TYPE_CHECKING:
    from ..graph.connection import Connection
    from .pairing import Change

_READINGS = """
SELECT run, node, facets FROM reading
WHERE node IN (SELECT CAST(value AS BIGINT) FROM json_each(:nodes)) ORDER BY run
"""
_KEYS = ("count", "nullCount", "distinctCount", "min", "max", "mean")
#: Between the quartiles of a normal distribution lie so many standard deviations.
_QUARTILES = 1.349


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """Metrics of columns, and expectations with whether they were met, by product."""

    columns: Mapping[int, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    expectations: Mapping[int, Mapping[tuple[str, str], bool]] = field(default_factory=dict)

    def compare(self, old: int, new: int) -> dict[str, Any]:
        """Columns whose metrics differ, and expectations that came out otherwise.

        `columns`, the farthest moved first, and `expectations`; both empty where nothing is
        recorded.
        """
        return {"columns": self._columns(old, new), "expectations": self._expectations(old, new)}

    def moved(self, old: int, new: int) -> float:
        """How far the column moved that moved farthest, in standard deviations."""
        found = self._columns(old, new)
        return abs(found[0]["sd"] or 0.0) if found else 0.0

    def _columns(self, old: int, new: int) -> list[dict[str, Any]]:
        before, after = self.columns.get(old, {}), self.columns.get(new, {})
        found = []
        for name in sorted({*before} & {*after}):
            first, second = _plain(before[name]), _plain(after[name])
            if first != second:
                sd = _standardised(before[name], after[name])
                found.append({"column": name, "sd": sd, "old": first, "new": second})
        return sorted(found, key=lambda column: (-abs(column["sd"] or 0.0), column["column"]))

    def _expectations(self, old: int, new: int) -> list[dict[str, Any]]:
        before, after = self.expectations.get(old, {}), self.expectations.get(new, {})
        return [
            {"assertion": key[0], "column": key[1], "old": before[key], "new": after[key]}
            for key in sorted({*before} & {*after})
            if before[key] != after[key]
        ]


def of(db: Connection, raw: Iterable[Change], runs: frozenset[int]) -> Said:
    """What is recorded of both versions of every partition that changed.

    Args:
        db: the store.
        raw: the partitions.
        runs: nodes of the runs that belong to one of the sides: others may have read the same
            bytes, and made something else of them.
    """
    wanted = [
        nodes.product(row["id"])
        for change in raw
        if change.old is not None and change.new is not None
        for row in (change.old, change.new)
    ]
    columns: dict[int, Mapping[str, Any]] = {}
    expectations: dict[int, dict[tuple[str, str], bool]] = {}
    for row in db.execute(_READINGS, {"nodes": json.dumps(wanted)}):
        if nodes.run(row["run"]) not in runs:
            continue
        facets, product = queries.facets_of(row), row["node"] // 4
        if metrics := facets.get("dataQualityMetrics", {}).get("columnMetrics"):
            columns[product] = metrics
        if assertions := facets.get("dataQualityAssertions", {}).get("assertions"):
            expectations[product] = {
                (one.get("assertion", ""), one.get("column") or ""): bool(one.get("success"))
                for one in assertions
            }
    return Said(columns=columns, expectations=expectations)


def _plain(metrics: Mapping[str, Any]) -> dict[str, Any]:
    known = dict(metrics)
    if "sum" in metrics and metrics.get("count"):
        known["mean"] = float(f"{metrics['sum'] / metrics['count']:.6g}")
    return {key: known[key] for key in _KEYS if key in known} | {
        f"q{float(share) * 100:g}": value
        for share, value in sorted(metrics.get("quantiles", {}).items())
    }


def _standardised(old: Mapping[str, Any], new: Mapping[str, Any]) -> float | None:
    spreads = [_spread(one) for one in (old, new)]
    if any("sum" not in one or not one.get("count") for one in (old, new)):
        return None
    difference = new["sum"] / new["count"] - old["sum"] / old["count"]
    pooled = ((spreads[0] ** 2 + spreads[1] ** 2) / 2) ** 0.5
    return float(f"{difference / pooled:.6g}") if pooled else None


def _spread(metrics: Mapping[str, Any]) -> float:
    quartiles = metrics.get("quantiles", {})
    if "0.25" not in quartiles or "0.75" not in quartiles:
        return 0.0
    return float(quartiles["0.75"] - quartiles["0.25"]) / _QUARTILES
