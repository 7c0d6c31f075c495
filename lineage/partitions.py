"""Partition keys: their natural order, and choosing among them."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from typing import Any

from .errors import ParameterError

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
}


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """A sort key in which `month=2` comes before `month=10`.

    >>> sorted(["m=10", "m=9", "m=9b"], key=natural)
    ['m=9', 'm=9b', 'm=10']
    """
    return tuple(
        (1, int(piece), "") if piece.isdecimal() else (2, 0, piece)
        for piece in re.split(r"(\d+)", text)
        if piece
    )


def values(partition: str) -> dict[str, str]:
    """The keys of a partition and their values.

    >>> values("year=2013/month=01")
    {'year': '2013', 'month': '01'}
    """
    pairs = (part.partition("=") for part in partition.split("/") if part)
    return {key: value for key, _, value in pairs}


def choose(partitions: Iterable[str], expression: str) -> list[str]:
    """Those of `partitions` for which `expression` holds.

    Args:
        partitions: partition keys.
        expression: comparisons joined by commas, all of which must hold:
            `month<=2013-11`, `year=2013,month!=06`. Values compare in natural order.

    Raises:
        ParameterError: the expression is malformed or names an unknown key.

    >>> choose(["month=1", "month=2", "month=10"], "month>=2")
    ['month=2', 'month=10']
    """
    tests = [_comparison(text.strip()) for text in expression.split(",") if text.strip()]
    kept = []
    for partition in partitions:
        found = values(partition)
        for key, _, _ in tests:
            if key not in found:
                raise ParameterError(
                    f"--partitions names the key {key!r}; "
                    f"this source is partitioned by {', '.join(found) or 'nothing'}"
                )
        if all(compare(natural(found[key]), natural(value)) for key, compare, value in tests):
            kept.append(partition)
    return kept


def _comparison(text: str) -> tuple[str, Callable[[Any, Any], bool], str]:
    found = re.fullmatch(r"(\w+)\s*(<=|>=|!=|<|>|==?)\s*([^<>=!].*)", text)
    if found is None:
        raise ParameterError(
            f"--partitions takes comparisons such as 'month<=2013-11'; {text!r} is none"
        )
    key, sign, value = found.groups()
    return key, _OPERATORS["=" if sign == "==" else sign], value.strip("'\"")
