"""Which values of a column are fit: those that people expect, or those that training saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

#: Values of a set that a message lists.
LISTED = 5


class Rule(Protocol):
    """Says of values whether they are fit, and of itself what it asks for."""

    @property
    def seen(self) -> bool:
        """Whether nobody asked for it, and training merely saw nothing else."""
        ...

    def unfit(self, numbers: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Which numbers are not fit; what is missing is no number."""
        ...

    def allows(self, value: Any) -> bool:
        """Whether a single value is fit."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """Numbers from `low` to `high`, both included unless they are `above` and `below`."""

    low: float | None = None
    high: float | None = None
    above: bool = False
    below: bool = False
    seen: bool = False

    def unfit(self, numbers: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Which numbers lie outside."""
        import numpy as np

        out = np.zeros(len(numbers), dtype=bool)
        if self.low is not None:
            out |= numbers <= self.low if self.above else numbers < self.low
        if self.high is not None:
            out |= numbers >= self.high if self.below else numbers > self.high
        return out

    def allows(self, value: Any) -> bool:
        """Whether it is a number that lies inside; one that is no number is not judged."""
        import numpy as np

        if not isinstance(value, (int, float)):
            return True
        return not self.unfit(np.asarray([value]))[0]

    def __str__(self) -> str:
        low = "" if self.low is None else f"{'above' if self.above else 'at least'} {self.low}"
        high = "" if self.high is None else f"{'below' if self.below else 'at most'} {self.high}"
        return " and ".join(filter(None, (low, high))) + _as_seen(self.seen)


@dataclass(frozen=True, kw_only=True, slots=True)
class OneOf:
    """One of some values."""

    values: frozenset[Any]
    seen: bool = False

    def unfit(self, numbers: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Which numbers are none of them."""
        import numpy as np

        known = [value for value in self.values if isinstance(value, (int, float))]
        unfit: npt.NDArray[np.bool_] = ~(np.isin(numbers, known) | np.isnan(numbers))
        return unfit

    def allows(self, value: Any) -> bool:
        """Whether it is one of them."""
        return value in self.values

    def __str__(self) -> str:
        shown = sorted(map(repr, self.values))
        more = f", … ({len(shown)} in all)" if len(shown) > LISTED else ""
        return f"one of {', '.join(shown[:LISTED])}{more}" + _as_seen(self.seen)


def _as_seen(seen: bool) -> str:
    return ", as training saw" if seen else ""


def seen(feature: Mapping[str, Any]) -> tuple[Rule, ...]:
    """What training saw of a column: none where it has no range and no list of values.

    Args:
        feature: the column's entry in a signature.
    """
    if feature.get("values") is not None:
        return (OneOf(values=frozenset(feature["values"]), seen=True),)
    if feature.get("min") is not None:
        return (Range(low=feature["min"], high=feature["max"], seen=True),)
    return ()


def expected(
    assertions: Sequence[Mapping[str, Any]], feature: Mapping[str, Any]
) -> tuple[Rule, ...]:
    """What people expect of a column, of the expectations its data was checked against.

    Expectations are about prepared rows. If what training saw of the column is not as expected,
    featurize has made something else of it, and the expectation is not about the feature.

    Args:
        assertions: items of OpenLineage's `dataQualityAssertions`.
        feature: the column's entry in a signature.
    """
    found = [
        rule
        for one in assertions
        if one.get("column") == feature["name"] and one.get("severity") != "info"
        if (rule := _rule(one.get("assertion"), one.get("params") or {})) is not None
    ]
    known = [*(feature.get("values") or ()), feature.get("min"), feature.get("max")]
    values = [value for value in known if value is not None]
    return tuple(rule for rule in found if all(map(rule.allows, values)))


def _rule(assertion: str | None, params: Mapping[str, Any]) -> Rule | None:
    # Of most rows, or of some, it says nothing about a single one.
    if params.get("mostly", 1) != 1 or params.get("row_condition"):
        return None
    if assertion == "expect_column_values_to_be_between":
        low, high = (params.get(key) for key in ("min_value", "max_value"))
        if any(_is_number(bound) for bound in (low, high)) and not any(
            bound is not None and not _is_number(bound) for bound in (low, high)
        ):
            return Range(
                low=low,
                high=high,
                above=bool(params.get("strict_min")),
                below=bool(params.get("strict_max")),
            )
    values = params.get("value_set")
    if assertion == "expect_column_values_to_be_in_set" and isinstance(values, list) and values:
        plain = (str, int, float)
        if all(isinstance(value, plain) for value in values):
            return OneOf(values=frozenset(values))
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
