"""How far a column's distribution moved, and by what rule its values changed.

Columns are ranked by `moved`, the Jensen-Shannon distance of their values in shared bins: the
square root of the divergence with base 2 (J. Lin, "Divergence measures based on the Shannon
entropy", 1991; D. Endres and J. Schindelin, "A new metric for probability distributions",
2003). It is 0 for equal distributions and 1 for values that have nothing in common. Numbers
and times are binned at the pooled twentieths, or by value where there are few; anything else
by value; what is missing is a bin of its own. So columns of all kinds have one scale.

Two samples of one distribution differ, too. By `by_chance` they are expected to: the
divergence is to the second order an eighth of the chi-squared distance, so for k bins it comes
to (k - 1) (1/m + 1/n) / (8 ln 2), and the distance to the root of that.

For people numbers also say `sd`, the standardised mean difference (new - old) /
sqrt((s_old² + s_new²) / 2) (J. Cohen, "Statistical power analysis", 1988).
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from pandas import Series

    Floats = npt.NDArray[np.float64]
    Mask = npt.NDArray[np.bool_]

#: Bins of numbers, and how many values get one each.
BINS = 20
VALUES = 50
#: Categories that get a bin each, the most frequent ones; the rest share one.
CATEGORIES = 500
#: Categories whose shares are told.
SHARES = 5
#: Pairs of values that a rule is found from, at least.
PAIRS = 10
#: Beyond this, sums and squares of numbers may no longer be numbers.
HUGE = 1e100
#: (factor, offset): what such a change of units is called.
UNITS: Mapping[tuple[float, float], str] = {
    (1.609344, 0): "miles to kilometres",
    (0.3048, 0): "feet to metres",
    (2.54, 0): "inches to centimetres",
    (0.45359237, 0): "pounds to kilograms",
    (0.44704, 0): "miles per hour to metres per second",
    (0.514444, 0): "knots to metres per second",
    (1.852, 0): "knots to kilometres per hour",
    (1.150779, 0): "knots to miles per hour",
    (5 / 9, -160 / 9): "Fahrenheit to Celsius",
    (1, 273.15): "Celsius to Kelvin",
    (60, 0): "hours to minutes, or minutes to seconds",
    (3600, 0): "hours to seconds",
    (24, 0): "days to hours",
    (10, 0): "ten times as much",
    (100, 0): "a hundred times as much, or shares to per cent",
    (1000, 0): "a thousand times as much",
    (1_000_000, 0): "a million times as much",
    (-1, 0): "the other sign",
}


def move(old: Series[Any], new: Series[Any]) -> dict[str, Any]:
    """How far a column moved: `type, moved, by_chance, sd`, and `old` and `new` in numbers."""
    import numpy as np
    import pandas as pd

    if (numbers := both_as_numbers(old, new)) is not None:
        scale = _scale(*numbers)
        sides = [values[~np.isnan(values)] / scale for values in numbers]
        missing = len(old) - len(sides[0]), len(new) - len(sides[1])
        counts = _count_numbers(sides[0], sides[1])
        about = [_numbers(values, gaps, scale) for values, gaps in zip(sides, missing, strict=True)]
        if all(pd.api.types.is_datetime64_any_dtype(column.dtype) for column in (old, new)):
            about = [_as_times(one) for one in about]
        sd = _standardised(sides[0], sides[1])
    else:
        texts = [_texts(column) for column in (old, new)]
        missing = len(old) - len(texts[0]), len(new) - len(texts[1])
        counts = _count_texts(texts[0], texts[1])
        about = [_categories(values, gaps) for values, gaps in zip(texts, missing, strict=True)]
        sd = None
        _add_shares(about, texts)
    first, second = (np.append(count, gaps) for count, gaps in zip(counts, missing, strict=True))
    return {
        "type": _type(old) if _type(old) == _type(new) else f"{_type(old)} | {_type(new)}",
        "moved": _round(distance(first, second)),
        "by_chance": _round(_by_chance(first, second)),
        "sd": None if sd is None else _round(sd),
        "old": about[0],
        "new": about[1],
    }


def distance(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> float:
    """The Jensen-Shannon distance, with base 2, of two histograms on the same bins."""
    import numpy as np

    if not first.sum() or not second.sum():
        return float(bool(first.sum()) != bool(second.sum()))
    p, q = first / first.sum(), second / second.sum()
    if np.array_equal(p, q):
        return 0.0
    found = _entropy((p + q) / 2) - (_entropy(p) + _entropy(q)) / 2
    return math.sqrt(min(1.0, max(0.0, found)))


def beyond(moved: float, expected: float) -> float:
    """How far a column moved beyond what was to be expected: divergences add up, not distances."""
    return math.sqrt(max(0.0, moved**2 - expected**2))


def rule(old: Series[Any], new: Series[Any]) -> dict[str, Any] | None:
    """The line `new = factor * old + offset` that pairs of numbers lie on, if they do.

    Args:
        old: values before.
        new: of the same rows, after; those that did not change left out.

    Returns:
        `factor`, `offset` and `as`, what such a change of units is called; None if there is no
        such line, or nothing to tell it from.
    """
    import numpy as np

    x, y = as_numbers(old), as_numbers(new)
    if x is None or y is None or _is_time(old) or _is_time(new):
        return None
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    if len(x) < PAIRS or len(np.unique(x)) < 3 or len(np.unique(y)) < 3 or _scale(x, y) > 1:
        return None
    spread = x - x.mean()  # least squares
    factor = float((spread * (y - y.mean())).sum() / (spread * spread).sum())
    offset = float(y.mean() - factor * x.mean())
    unexplained = float(np.abs(y - (factor * x + offset)).max())
    # Converted values have been rounded again: to a hundredth of their spread at the worst.
    if unexplained > 0.01 * float(y.std()) or not abs(factor):
        return None
    if abs(offset) < 0.005 * float(np.abs(y).mean()):
        factor, offset = float((x * y).sum() / (x * x).sum()), 0.0
    return {
        "factor": _round(factor, 4),
        "offset": _round(offset, 4),
        "as": _unit(factor, offset, float(y.std())),
    }


def both_as_numbers(old: Series[Any], new: Series[Any]) -> tuple[Floats, Floats] | None:
    """Two columns as floats, if both hold numbers or times; beside numbers, yes and no are 1 and 0.

    None if one of them holds anything else.
    """
    import pandas as pd

    yes_or_no = [pd.api.types.is_bool_dtype(column.dtype) for column in (old, new)]
    if yes_or_no[0] != yes_or_no[1]:
        old, new = (
            column.astype("Float64") if is_bool else column
            for column, is_bool in zip((old, new), yes_or_no, strict=True)
        )
    a, b = as_numbers(old), as_numbers(new)
    return None if a is None or b is None else (a, b)


def as_numbers(column: Series[Any]) -> Floats | None:
    """Numbers and times as floats, NaN where there is none; None for any other column."""
    import numpy as np
    import pandas as pd

    if _is_time(column):
        counted: Floats = column.dt.as_unit("us").astype("int64").to_numpy(dtype="float64")
        return np.where(column.isna().to_numpy(), np.nan, counted / 1e6)
    if column.dtype == object and pd.api.types.infer_dtype(column, skipna=True) == "decimal":
        column = column.astype("float64")
    if not _is_numeric(column):
        return None
    values = column.to_numpy(dtype="float64", na_value=np.nan)
    return np.where(np.isfinite(values), values, np.nan)


def _is_time(column: Series[Any]) -> bool:
    import pandas as pd

    types = pd.api.types
    return types.is_datetime64_any_dtype(column.dtype) or types.is_timedelta64_dtype(column.dtype)


def _is_numeric(column: Series[Any]) -> bool:
    import pandas as pd

    types = pd.api.types
    return (
        types.is_numeric_dtype(column.dtype)
        and not types.is_bool_dtype(column.dtype)
        and not types.is_complex_dtype(column.dtype)
    )


def _count_numbers(old: Floats, new: Floats) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    import numpy as np

    pooled = np.concatenate([old, new])
    values = np.unique(pooled)
    if len(values) <= VALUES:
        edges = np.append(values, np.inf)
    else:
        inner = np.unique(np.quantile(pooled, np.linspace(0, 1, BINS + 1)[1:-1]))
        edges = np.concatenate([[-np.inf], inner, [np.inf]])
    return np.histogram(old, bins=edges)[0], np.histogram(new, bins=edges)[0]


def _count_texts(old: Series[Any], new: Series[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    import numpy as np

    first, second = old.value_counts(), new.value_counts()
    both = first.add(second, fill_value=0)
    names = sorted(_most_frequent(both))
    counts = []
    for count, total in ((first, len(old)), (second, len(new))):
        kept = count.reindex(names, fill_value=0).to_numpy()
        counts.append(np.append(kept, total - kept.sum()))
    return counts[0], counts[1]


def _most_frequent(counted: Series[Any]) -> list[str]:
    """By frequency, then by name: which ones get a bin must not depend on the order of sides."""
    import numpy as np

    if len(counted) <= CATEGORIES:
        return list(counted.index)
    sizes = counted.to_numpy()
    least = np.partition(sizes, -CATEGORIES)[-CATEGORIES]
    more = list(counted.index[sizes > least])
    # One by one a million names would take longer than all the rest.
    return more + heapq.nsmallest(CATEGORIES - len(more), counted.index[sizes == least])


def _texts(column: Series[Any]) -> Series[Any]:
    return column.dropna().astype(object).map(str)


def _entropy(shares: Floats) -> float:
    import numpy as np

    there = shares[shares > 0]
    return float(-(there * np.log2(there)).sum())


def _by_chance(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> float:
    bins = int(((first + second) > 0).sum())
    rows = first.sum(), second.sum()
    if bins < 2 or not all(rows):
        return 0.0
    divergence = (bins - 1) * (1 / rows[0] + 1 / rows[1]) / (8 * math.log(2))
    return math.sqrt(min(1.0, divergence))


def _standardised(old: Floats, new: Floats) -> float | None:
    if not len(old) or not len(new):
        return None
    difference = float(new.mean() - old.mean())
    spread = math.sqrt((float(old.var()) + float(new.var())) / 2)
    if not difference:
        return 0.0
    # Two constants are no number of deviations apart.
    return difference / spread if spread > 1e-12 * abs(difference) else None


def _scale(old: Floats, new: Floats) -> float:
    """What to divide huge numbers by, to be able to add and square them; 1 for all others."""
    import numpy as np

    largest = max(
        (float(np.nanmax(np.abs(v))) for v in (old, new) if (~np.isnan(v)).any()), default=0
    )
    return largest if largest > HUGE else 1.0


def _numbers(values: Floats, gaps: int, scale: float) -> dict[str, Any]:
    about: dict[str, Any] = {"count": len(values), "nulls": gaps, "distinct": _distinct(values)}
    if len(values):
        about |= {
            "mean": _round(float(values.mean()) * scale, 12),
            "sd": _round(float(values.std()) * scale),
            "min": _round(float(values.min()) * scale, 12),
            "max": _round(float(values.max()) * scale, 12),
        }
    return about


def _distinct(values: Floats) -> int:
    import numpy as np

    return len(np.unique(values))


def _as_times(about: Mapping[str, Any]) -> dict[str, Any]:
    import datetime

    start = datetime.datetime(1970, 1, 1)
    found = dict(about)
    for name in ("mean", "min", "max"):
        if name in about:
            # A year before 1 or after 9999 stays the number of seconds that it is.
            with suppress(OverflowError):
                found[name] = (start + datetime.timedelta(seconds=round(about[name]))).isoformat()
    return found


def _categories(values: Series[Any], gaps: int) -> dict[str, Any]:
    about: dict[str, Any] = {"count": len(values), "nulls": gaps, "distinct": values.nunique()}
    if len(values):
        counts = values.value_counts()
        top = min(counts[counts == counts.iloc[0]].index)
        about |= {"top": top[:100], "top_share": _round(float(counts.iloc[0]) / len(values))}
    return about


def _add_shares(about: list[dict[str, Any]], texts: Sequence[Series[Any]]) -> None:
    """To what is said of both sides, the shares of those values whose share moved farthest."""
    counts = [column.value_counts() for column in texts]
    # Of a million names, most of which are there once, no share is worth telling.
    names = _most_frequent(counts[0].add(counts[1], fill_value=0))
    both = [
        count.reindex(names, fill_value=0) / max(1, len(column))
        for count, column in zip(counts, texts, strict=True)
    ]
    moved = (both[1] - both[0]).abs()
    # By name where they moved as far, whichever side was named first.
    farthest = sorted(names, key=lambda name: (-moved[name], name))
    for one, share in zip(about, both, strict=True):
        one["shares"] = {name[:100]: _round(float(share[name])) for name in farthest[:SHARES]}


def _unit(factor: float, offset: float, spread: float) -> str | None:
    for (known, shift), name in UNITS.items():
        if _near(factor, known) and abs(offset - shift) <= 0.01 * max(spread, abs(shift)):
            return name
        back, shifted = 1 / known, -shift / known
        if _near(factor, back) and abs(offset - shifted) <= 0.01 * max(spread, abs(shifted)):
            return f"the reverse of {name}"
    return None


def _near(value: float, known: float) -> bool:
    return abs(value - known) <= 0.004 * abs(known)


def _type(column: Series[Any]) -> str:
    return str(column.dtype)


def _round(value: float, digits: int = 6) -> float:
    return float(f"{value:.{digits}g}")
