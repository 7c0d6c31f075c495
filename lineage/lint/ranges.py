"""Columns whose values nothing bounds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from .findings import Finding, found

#: Expectations that say which values a column may have.
BOUNDING = frozenset(
    {
        "expect_column_distinct_values_to_be_in_set",
        "expect_column_max_to_be_between",
        "expect_column_min_to_be_between",
        "expect_column_values_to_be_between",
        "expect_column_values_to_be_in_set",
    }
)
#: Columns that a finding names.
_NAMED = 8


def bounded(expectations: Iterable[Mapping[str, Any]]) -> set[str]:
    """The columns that expectations bound.

    Args:
        expectations: of `type` and `kwargs`.
    """
    return {str(one["kwargs"].get("column", "")) for one in expectations if one["type"] in BOUNDING}


def of_features(
    features: Iterable[Mapping[str, Any]],
    *,
    checked: Collection[str],
    bounds: Collection[str],
    where: str,
) -> Iterator[Finding]:
    """Numeric features that no expectation bounds, and those of which no value was seen.

    Args:
        features: as a signature has them.
        checked: the columns that expectations can be about, for featurize adds others.
        bounds: the columns that are bounded.
        where: what they are features of.
    """
    numbers = [one for one in features if one.get("dtype") in ("int64", "float64")]
    names = [one["name"] for one in numbers]
    if free := [name for name in names if name in checked and name not in bounds]:
        yield found("missing-range", f"no expectation bounds the numeric {listed(free)}", where)
    if unseen := [one["name"] for one in numbers if one.get("min") is None]:
        yield found(
            "missing-range",
            f"training saw no value of the numeric {listed(unseen)}, so there is no range",
            where,
            remedy="leave it out of the features, or mend what should fill it",
        )


def listed(names: list[str]) -> str:
    """Some names, and how many more.

    >>> listed(["temp"])
    'feature temp'
    """
    shown = ", ".join(names[:_NAMED])
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"feature{'s' if len(names) > 1 else ''} {shown}{more}"
