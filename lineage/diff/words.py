"""How differences are said, in one line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def column_line(column: Mapping[str, Any], where: Mapping[str, Any] | None) -> str:
    """One line about a column that moved."""
    there = column.get("there")
    move = there or column
    place = f" where {where['column']} is {where['value']}" if there and where else ""
    said = f"{column['column']} moved{place}"
    if move["sd"] is not None and abs(move["sd"]) >= 0.005:
        said += f" {deviations(move['sd'])} ({_figures(move)})"
    elif "mean" in move["old"] and "mean" in move["new"] and move["sd"] != 0:
        said += f" ({_figures(move)})"
    else:
        said += f" {move['moved']:.2g} of 1" if move["moved"] >= 0.005 else " a little"
    if rule := column.get("rule"):
        said += f", {_rule(rule)}"
    nulls = [move[side]["nulls"] for side in ("old", "new")]
    if nulls[0] != nulls[1]:
        said += f", {nulls[1]:,} values missing, were {nulls[0]:,}"
    return said


def entry_name(entry: Mapping[str, Any]) -> str:
    """`flights[month=2013-07]`, without where the dataset lies."""
    name = last_name(entry["dataset"])
    before = entry.get("partition_before")
    partition = entry["partition"] if before is None else f"{before} → {entry['partition']}"
    return f"{name}[{partition}]" if partition else name


def last_name(dataset: str) -> str:
    """A dataset without where it lies: `flights` of `file:/lake/flights`."""
    return dataset.rpartition("/")[2] if ":" in dataset else dataset


def is_number_type(dtype: str) -> bool:
    """Whether a column of this type, as it is written, holds numbers.

    >>> [is_number_type(name) for name in ("int64", "Float32", "bool", "str", "datetime64[us]")]
    [True, True, True, False, False]
    """
    return dtype.lower().startswith(("int", "uint", "float", "bool"))


def counted(entry: Mapping[str, Any]) -> str:
    """How many rows of a partition changed, were added and removed; its size if it has none."""
    rows = entry["rows"]
    said = [
        f"{rows[kind]:,} rows {kind}" for kind in ("changed", "added", "removed") if rows.get(kind)
    ]
    if rows["new"] is not None:
        said.append(f"of {rows['new']:,}" if said else f"{rows['new']:,} rows")
    if rows.get("reordered"):
        said.append("in another order")
    return " ".join(said) or f"{entry['bytes']['new']:,} bytes"


def _figures(move: Mapping[str, Any]) -> str:
    old, new = move["old"], move["new"]
    if "mean" not in old or "mean" not in new:
        return "no values left" if "mean" in old else "no values before"
    return f"mean {figure(old['mean'])} → {figure(new['mean'])}"


def _rule(rule: Mapping[str, Any]) -> str:
    offset = rule["offset"]
    shift = f" {'+' if offset > 0 else '-'} {abs(offset):g}" if offset else ""
    named = f" ({rule['as']})" if rule["as"] else ""
    times = "" if rule["factor"] == 1 else f"{rule['factor']:g} * "
    return f"new = {times}old{shift}{named}"


def deviations(value: float) -> str:
    """A difference in standard deviations, and which way it went."""
    return (
        f"{abs(value):.1f} sd {'up' if value > 0 else 'down'}"
        if abs(value) >= 0.05
        else (f"{abs(value):.2f} sd {'up' if value > 0 else 'down'}")
    )


def from_to(value: Mapping[str, Any]) -> str:
    """What something was, and what it is."""
    return f"{_shown(value['old'])} → {_shown(value['new'])}"


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def figure(value: float | str) -> str:
    """A number short enough for one line; a time as it is.

    >>> figure(1058.6), figure(0.0313)
    ('1,059', '0.0313')
    """
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e12 else f"{value:.4g}"
