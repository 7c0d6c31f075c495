"""Calibration: whether of the rows given 70 %, seven in ten are what they were said to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import ranking
from ..signature import plain
from ..signature import rounded as exact
from .axes import Axes
from .svg import Drawing, clean
from .values import UndefinedPictureError, rounded

if TYPE_CHECKING:
    from ..metrics import Predictions


def measure(said: Predictions, target: str) -> dict[str, Any]:
    """Said and observed frequency in bins of equal width, as `ranking.reliability` has them.

    Returns:
        `target`, `class` (the positive one; null where the confidence in the predicted class
        is meant), `rows`, `ece` and `bins`, those that hold rows, each with `low`, `high`,
        `rows`, `said` and `observed`.

    Raises:
        UndefinedPictureError: the model gives no probabilities.
    """
    if said.probabilities is None:
        raise UndefinedPictureError("the model gives no probabilities")
    happened, confidence = ranking.outcomes(said)
    bins = ranking.reliability(happened, confidence)
    return {
        "target": target,
        "class": plain(said.classes[1]) if said.task == "binary" else None,
        "rows": len(said.truth),
        "ece": exact(ranking.expected_calibration_error(happened, confidence)),
        "bins": [
            {
                "low": rounded(place.low),
                "high": rounded(place.high),
                "rows": place.rows,
                "said": rounded(place.said),
                "observed": rounded(place.observed),
            }
            for place in bins
        ],
    }


def draw(data: dict[str, Any]) -> bytes:
    """The curve over the diagonal of perfect calibration; below it how many rows a bin has."""
    what = "the predicted class" if data["class"] is None else f"class {clean(data['class'], 24)}"
    drawing = Drawing(
        name="calibration",
        title=f"Calibration of {clean(data['target'], 30)}",
        subtitle=f"{data['rows']:,} held-out rows, probability of {what}",
        description=_in_words(data, what),
        height=520,
    )
    above = Axes(drawing=drawing, left=66, top=64, width=310, height=310, x=(0, 1), y=(0, 1))
    above.draw(y_label="observed frequency")
    above.rule(0, 0, 1, 1)
    points = [(place["said"], place["observed"]) for place in data["bins"]]
    above.curve(points)
    for x, y in points:
        drawing.element("circle", cx=above.across(x), cy=above.up(y), r=3.5, css="f0")
    above.column(
        [[f"ECE {data['ece']:.4f}", "mean distance from", "the diagonal, by rows"]],
        lines=False,
    )
    most = max(place["rows"] for place in data["bins"])
    below = Axes(drawing=drawing, left=66, top=408, width=310, height=62, x=(0, 1), y=(0, most))
    below.draw("probability", "rows", about=(5, 2))
    for place in data["bins"]:
        left, right = below.across(place["low"]), below.across(place["high"])
        top = below.up(place["rows"])
        height = max(below.up(0) - top, 0.5)
        drawing.box(left + 1, top, right - left - 2, height, css="f0")
    return drawing.bytes()


def _in_words(data: dict[str, Any], what: str) -> str:
    widest = max(data["bins"], key=lambda place: abs(place["said"] - place["observed"]))
    return (
        f"Probabilities of {what} in {len(data['bins'])} bins that hold rows. On average they are "
        f"{data['ece']:.4f} off. Farthest off are the {widest['rows']:,} rows that were given "
        f"{100 * widest['said']:.0f} %, of which {100 * widest['observed']:.0f} % were."
    )
