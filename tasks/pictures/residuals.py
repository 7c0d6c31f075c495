"""Residuals of a regression: how far off, in which direction, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .axes import Axes, spread
from .svg import Drawing, clean
from .values import UndefinedPictureError, listed, rounded, steady

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ..metrics import Predictions

#: Cells of the grid, across and up.
ACROSS, UP = 26, 18
#: The grid leaves out this share of rows at either end, lest one row squeezes all others.
TAIL = 0.005
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def measure(said: Predictions, target: str) -> dict[str, Any]:
    """True minus predicted values, counted on a grid over the predicted ones.

    Returns:
        `target`, `rows`, `outside` (rows that are on no cell of the grid), `predicted` and
        `residual` (the grid's edges), `counts` (a list for each step of `predicted`), `mean`
        and `quantiles` of the residuals by their share.

    Raises:
        UndefinedPictureError: no prediction is a finite number.
    """
    import numpy as np

    predicted = steady(said.predicted.astype("float64"))
    residual = steady(said.truth.astype("float64")) - predicted
    finite = np.isfinite(residual)
    predicted, residual = predicted[finite], residual[finite]
    if not len(residual):
        raise UndefinedPictureError("no prediction is a finite number")
    x, y = _edges(predicted, ACROSS), _edges(residual, UP, around=0.0)
    counts, _, _ = np.histogram2d(predicted, residual, bins=(x, y))
    inside = counts.astype(np.int64)
    shares = np.quantile(residual, _QUANTILES)
    return {
        "target": target,
        "rows": len(said.truth),
        "outside": len(said.truth) - int(inside.sum()),
        "predicted": listed(x),
        "residual": listed(y),
        "counts": inside.tolist(),
        "mean": rounded(float(residual.mean())),
        "quantiles": {
            str(share): rounded(value) for share, value in zip(_QUANTILES, shares, strict=True)
        },
    }


def draw(data: dict[str, Any]) -> bytes:
    """The grid, darker where more rows are, and beside it the rows by residual alone."""
    x, y, counts = data["predicted"], data["residual"], data["counts"]
    low, high = data["quantiles"]["0.05"], data["quantiles"]["0.95"]
    outside = f"; {data['outside']:,} lie outside" if data["outside"] else ""
    drawing = Drawing(
        name="residuals",
        title=f"Residuals of {clean(data['target'], 40)}",
        subtitle=f"{data['rows']:,} held-out rows, nine in ten from {low:.4g} to {high:.4g}"
        + outside,
        description=(
            f"True minus predicted {clean(data['target'], 40)} over the predicted values. The mean "
            f"residual is {data['mean']:.4g}, the median {data['quantiles']['0.5']:.4g}; nine in "
            f"ten lie between {low:.4g} and {high:.4g}."
        ),
    )
    grid = Axes(
        drawing=drawing,
        left=92,
        top=64,
        width=324,
        height=270,
        x=(x[0], x[-1]),
        y=(y[0], y[-1]),
    )
    grid.draw("predicted", "true - predicted")
    most = max(map(max, counts)) or 1
    width, height = grid.width / (len(x) - 1), grid.height / (len(y) - 1)
    for column, cells in enumerate(counts):
        for row, count in enumerate(cells):
            if count:
                # By the root of the count, or cells of few rows would be invisible.
                drawing.box(
                    grid.left + column * width,
                    grid.top + grid.height - (row + 1) * height,
                    width,
                    height,
                    css="f0",
                    opacity=round(0.1 + 0.9 * (count / most) ** 0.5, 2),
                )
    grid.rule(x[0], 0, x[-1], 0)
    _beside(grid, [sum(cells[row] for cells in counts) for row in range(len(y) - 1)], height)
    return drawing.bytes()


def _beside(grid: Axes, rows: list[int], height: float) -> None:
    left, width = grid.left + grid.width + 14, 110.0
    for place, count in enumerate(rows):
        if count:
            top = grid.top + grid.height - (place + 1) * height
            long = max(width * count / max(rows), 0.5)
            grid.drawing.box(left, top + 1, long, height - 2, css="f0")
    bottom = grid.top + grid.height
    grid.drawing.line(left, grid.top, left, bottom, css="axis")
    grid.drawing.text(left, bottom + 16, "rows", css="muted")
    grid.drawing.text(left + width, bottom + 16, f"{max(rows):,}", css="muted end")


def _edges(
    values: npt.NDArray[np.float64], bins: int, *, around: float | None = None
) -> npt.NDArray[np.float64]:
    import numpy as np

    low, high = np.quantile(values, [TAIL, 1 - TAIL])
    return np.linspace(*spread([float(low), float(high)], around=around), bins + 1)
