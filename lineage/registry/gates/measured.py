"""The numbers of an evaluation that gates look at, as a whole and by slice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

#: What a slice's number of rows is called beside its metrics.
ROWS = "rows"
_SLICES = "slices"


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """A metric of some rows."""

    #: `roc_auc`, `roc_auc in carrier=AA`.
    what: str
    #: The metric's own name.
    metric: str
    value: float | None
    #: Why there is no value; empty if there is one.
    why: str = ""
    #: Column and value of a slice; None for all rows.
    within: tuple[str, str] | None = None


def whole(body: Mapping[str, Any], metric: str) -> Measured:
    """A metric of all rows, or of one slice: `slices.carrier.AA.roc_auc`.

    Args:
        body: what a version was registered with, or an evaluation.
        metric: its name.
    """
    metrics = body.get("metrics", {})
    if metric in metrics:
        why = body.get("undefined", {}).get(metric, "it is undefined on these rows")
        value = metrics[metric]
        return Measured(what=metric, metric=metric, value=value, why=why if value is None else "")
    for column, value, name in _paths(body, metric):
        return _of_slice(body, name, column, value)
    known = ", ".join(metrics) or "none"
    return Measured(
        what=metric,
        metric=metric.rpartition(".")[2],
        value=None,
        why=f"the evaluation has no such metric (it has {known}); add it to the pipeline's metrics",
    )


def sliced(
    body: Mapping[str, Any], metric: str, column: str, *, min_rows: int
) -> Iterator[Measured]:
    """A metric of every slice of a column that has rows enough."""
    for value, at in body.get(_SLICES, {}).get(column, {}).items():
        if at.get(ROWS, 0) >= min_rows:
            yield _of_slice(body, metric, column, value)


def beside(body: Mapping[str, Any], own: Measured) -> float | None:
    """The same metric of the same rows in another evaluation; None if it has none."""
    value: float | None = _where(body, own).get(own.metric)
    return value


def has(body: Mapping[str, Any], own: Measured) -> bool:
    """Whether an evaluation speaks of the same metric and rows, if only to say it is undefined."""
    return own.metric in _where(body, own)


def _where(body: Mapping[str, Any], own: Measured) -> Mapping[str, Any]:
    if own.within is None:
        found: Mapping[str, Any] = body.get("metrics", {})
        return found
    column, value = own.within
    at: Mapping[str, Any] = body.get(_SLICES, {}).get(column, {}).get(value, {})
    return at


def columns(body: Mapping[str, Any], asked: str | bool) -> list[str]:
    """The columns whose slices are looked at: one by its name, all for True."""
    if isinstance(asked, str):
        return [asked]
    return list(body.get(_SLICES, {})) if asked else []


def no_slices(body: Mapping[str, Any], asked: str | bool, *, min_rows: int) -> str:
    """Why there is no slice to look at."""
    known = body.get(_SLICES, {})
    if asked in known or (asked is True and known):
        return f"no slice has {min_rows:,} rows; ask for fewer by min_rows"
    wanted = "a column" if asked is True else repr(asked)
    return (
        f"the evaluation is sliced by {', '.join(known) or 'nothing'}; add {wanted} to the "
        "pipeline's slices"
    )


def _of_slice(body: Mapping[str, Any], metric: str, column: str, value: str) -> Measured:
    at = body[_SLICES][column][value]
    few = f"it is undefined on its {at.get(ROWS, 0):,} rows; min_rows leaves small slices out"
    if metric not in at:
        few = f"the evaluation has no such metric (it has {', '.join(at) or 'none'})"
    found = at.get(metric)
    return Measured(
        what=f"{metric} in {column}={value}",
        metric=metric,
        value=found,
        why=few if found is None else "",
        within=(column, value),
    )


def _paths(body: Mapping[str, Any], path: str) -> Iterator[tuple[str, str, str]]:
    """Column, value and metric of a path, in which each may have dots of its own."""
    for column, values in body.get(_SLICES, {}).items():
        for value, at in values.items():
            head = f"{_SLICES}.{column}.{value}."
            if path.startswith(head) and path.removeprefix(head) in at:
                yield column, value, path.removeprefix(head)
