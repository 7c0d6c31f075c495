"""Numbers as pictures and their data hold them: few, steady, and true to the curve."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

#: Significant digits of a curve's points.
DIGITS = 6
#: Bits that are kept of a score: 12 decimal digits.
_BITS = 40
#: Two points nearer than this part of the curve's extent are one.
_NEAR = 1e-6


class UndefinedPictureError(ValueError):
    """There is no such picture of these rows; the message says why."""


def steady(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Numbers without their last digits, in which threads that add in another order differ.

    Without that, two rows that a forest ranks equal would be in this order today and in
    the other tomorrow.
    """
    import numpy as np

    mantissa, exponent = np.frexp(values)
    kept: npt.NDArray[np.float64] = np.ldexp(np.round(mantissa * 2.0**_BITS) / 2.0**_BITS, exponent)
    return kept


def rounded(value: float) -> float | None:
    """A number of `DIGITS` significant digits; None for one that is not finite."""
    text = f"{float(value):.{DIGITS - 1}e}"
    return None if text[-1] in "fn" else float(text) + 0.0


def listed(values: Iterable[Any]) -> list[float | None]:
    """Numbers of `DIGITS` significant digits."""
    return [rounded(value) for value in values]


def thin(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], most: int
) -> npt.NDArray[np.int64]:
    """Which points of a curve to keep: both ends, and those that say most about its shape.

    From the two ends, the point is added that is farthest from what is drawn so far,
    again and again (Douglas and Peucker 1973, refined best first).

    Args:
        x: of the points, in the curve's order; finite.
        y: of the points.
        most: how many to keep, at least 2.

    Returns:
        Their indices, in order.
    """
    import numpy as np

    if len(x) <= most:
        return np.arange(len(x))
    points = np.column_stack([_unit(x), _unit(y)])
    kept = {0, len(x) - 1}
    waiting: list[tuple[float, int, int, int]] = []

    def look(first: int, last: int) -> None:
        if last - first > 1:
            distance, at = _farthest(points, first, last)
            heapq.heappush(waiting, (-distance, at, first, last))

    look(0, len(x) - 1)
    while waiting and len(kept) < most:
        distance, at, first, last = heapq.heappop(waiting)
        if -distance < _NEAR:
            break
        kept.add(at)
        look(first, at)
        look(at, last)
    return np.array(sorted(kept))


def _unit(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    low, high = float(values.min()), float(values.max())
    moved: npt.NDArray[np.float64] = (values - low) / ((high - low) or 1.0)
    return moved


def _farthest(points: npt.NDArray[np.float64], first: int, last: int) -> tuple[float, int]:
    start, chord = points[first], points[last] - points[first]
    between = points[first + 1 : last] - start
    length = float(chord[0] * chord[0] + chord[1] * chord[1]) ** 0.5
    if length:
        away = abs(between[:, 0] * chord[1] - between[:, 1] * chord[0]) / length
    else:
        away = abs(between[:, 0]) + abs(between[:, 1])
    at = int(away.argmax())
    return float(away[at]), first + 1 + at
