"""Axes: round numbers at even distances, and lines between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from .svg import Drawing, clean

Range = tuple[float, float]


def ticks(low: float, high: float, about: int = 5) -> list[tuple[float, str]]:
    """Round numbers between two others, with their names.

    The steps are 1, 2, 2.5 or 5 times a power of ten (after Heckbert, Nice Numbers for
    Graph Labels, Graphics Gems, 1990).

    Args:
        low: the smallest number on the axis.
        high: the largest; greater than `low`.
        about: how many are wanted, roughly.

    >>> [name for _, name in ticks(0, 1)]
    ['0.0', '0.2', '0.4', '0.6', '0.8', '1.0']
    >>> [name for _, name in ticks(-3500, 9000)]
    ['-2,500', '0', '2,500', '5,000', '7,500']
    """
    # By text, which is exact: a power of ten from the C library may not be.
    mantissa, _, exponent = f"{(high - low) / about:e}".partition("e")
    power = int(exponent)
    leading = next((step for step in ("1", "2", "2.5", "5") if float(step) >= float(mantissa)), "1")
    if leading == "1" and float(mantissa) > 1:
        power += 1
    step = float(f"{leading}e{power}")
    decimals = max(0, -power + (leading == "2.5"))
    first, last = -int(-low / step // 1), int(high / step // 1)
    return [(index * step, _name(index * step, decimals)) for index in range(first, last + 1)]


def spread(values: Sequence[float], *, around: float | None = None) -> Range:
    """A range that holds the values and is never empty.

    Args:
        values: finite numbers, in any order.
        around: a number that is to be in it as well.
    """
    found = [*values, *([] if around is None else [around])] or [0.0]
    low, high = min(found), max(found)
    room = (high - low) * 0.04 or max(abs(low), 1.0) * 0.5
    return low - room, high + room


@dataclass(frozen=True, kw_only=True, slots=True)
class Axes:
    """Two axes in a drawing.

    Args:
        drawing: what they are drawn in.
        left: of the area between the axes, in pixels.
        top: of that area.
        width: of that area.
        height: of that area.
        x: smallest and largest number from left to right.
        y: smallest and largest number from bottom to top.
    """

    drawing: Drawing
    left: float
    top: float
    width: float
    height: float
    x: Range
    y: Range

    def across(self, value: float) -> float:
        """Where a number is, from left to right."""
        low, high = self.x
        return self.left + (value - low) / (high - low) * self.width

    def up(self, value: float) -> float:
        """Where a number is, from bottom to top."""
        low, high = self.y
        return self.top + self.height - (value - low) / (high - low) * self.height

    def draw(
        self, x_label: str = "", y_label: str = "", *, about: tuple[int, int] = (5, 5)
    ) -> None:
        """Draw grid, numbers and labels.

        Args:
            x_label: below the numbers.
            y_label: beside them, upright.
            about: how many numbers are wanted on either axis; 0 for none.
        """
        drawing, bottom = self.drawing, self.top + self.height
        if about[0]:
            for value, name in ticks(*self.x, about[0]):
                at = self.across(value)
                drawing.line(at, self.top, at, bottom, css="grid")
                drawing.text(at, bottom + 16, name, css="muted middle")
        if about[1]:
            for value, name in ticks(*self.y, about[1]):
                at = self.up(value)
                drawing.line(self.left, at, self.left + self.width, at, css="grid")
                drawing.text(self.left - 6, at + 4, name, css="muted end")
            drawing.line(self.left, self.top, self.left, bottom, css="axis")
        drawing.line(self.left, bottom, self.left + self.width, bottom, css="axis")
        drawing.text(
            self.left + self.width / 2,
            bottom + 36,
            clean(x_label, int(self.width / 6.2)),
            css="middle",
        )
        middle = self.top + self.height / 2
        drawing.text(
            16,
            middle,
            clean(y_label, int(self.height / 6.2)),
            css="middle",
            transform=f"rotate(-90 16 {middle:.0f})",
        )

    def curve(
        self, points: Iterable[tuple[float, float]], series: int = 0, *, steps: bool = False
    ) -> None:
        """A line through points, of a series's colour and dashes.

        Args:
            points: in order.
            series: its number.
            steps: stay at a point's height until the next.
        """
        if steps:
            points = _stairs(points)
        self.drawing.path(((self.across(x), self.up(y)) for x, y in points), css=f"s{series}")

    def rule(self, x1: float, y1: float, x2: float, y2: float) -> None:
        """A thin line to compare with."""
        self.drawing.line(self.across(x1), self.up(y1), self.across(x2), self.up(y2), css="rule")

    def column(self, names: Sequence[Sequence[str]], *, lines: bool = True) -> None:
        """What the series are, to the right of the area.

        Args:
            names: of each series, the lines of text about it.
            lines: show how each is drawn.
        """
        left, top = self.left + self.width + 18, self.top + 8
        room = int((self.drawing.width - left - 8) / 6.4)
        for index, texts in enumerate(names):
            if lines:
                self.drawing.path([(left, top), (left + 34, top)], css=f"s{index}")
                top += 18
            for place, text in enumerate(texts):
                self.drawing.text(left, top, clean(text, room), css="muted" if place else "")
                top += 16
            top += 8


def _stairs(points: Iterable[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    height: float | None = None
    for x, y in points:
        if height is not None and height != y:
            yield x, height
        yield x, y
        height = y


def _name(value: float, decimals: int) -> str:
    if abs(value) >= 1e6 or (value and decimals > 4):
        return f"{value:.3g}".replace("e+0", "e").replace("e-0", "e-")
    return f"{value + 0.0:,.{decimals}f}"
