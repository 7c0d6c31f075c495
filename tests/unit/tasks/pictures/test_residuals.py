from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from begat.tasks.pictures import residuals
from begat.tasks.pictures.values import UndefinedPictureError
from support.predictions import SVG, in_words, regression, tree


def test_rows_are_counted_where_they_are() -> None:
    """The grid counts true minus predicted values over predicted ones."""
    said = regression()
    data = residuals.measure(said, "delay")
    expected, _, _ = np.histogram2d(
        said.predicted, said.truth - said.predicted, bins=(data["predicted"], data["residual"])
    )

    assert np.abs(np.array(data["counts"]) - expected).sum() <= 2  # edges have six digits
    assert data["mean"] == pytest.approx((said.truth - said.predicted).mean(), rel=1e-5)
    assert data["quantiles"]["0.5"] == pytest.approx(
        np.median(said.truth - said.predicted), rel=1e-5
    )


def test_no_row_is_lost() -> None:
    """What is on no cell is said to be outside."""
    said = regression(5000)
    predicted = said.predicted.copy()
    predicted[:3] = [np.nan, np.inf, 1e12]
    data = residuals.measure(replace(said, predicted=predicted), "delay")

    assert sum(map(sum, data["counts"])) + data["outside"] == data["rows"] == 5000
    assert 3 <= data["outside"] <= 0.03 * 5000


@pytest.mark.parametrize("rows", [1, 2, 5000])
@pytest.mark.parametrize("scale", [0.0, 1e-9, 1.0, 1e12])
def test_any_scale_can_be_drawn(rows: int, scale: float) -> None:
    """One row, constant predictions, tiny and huge numbers have a picture too."""
    content = residuals.draw(residuals.measure(regression(rows, scale=scale), "delay"))
    cells = [node for node in tree(content).iter(f"{SVG}rect") if node.get("class") == "f0"]

    assert cells
    assert len(content) < 50_000


def test_a_full_grid_is_small_enough() -> None:
    """Rows in every cell stay under 50 kB."""
    random = np.random.default_rng(0)
    said = replace(
        regression(50_000),
        predicted=(predicted := random.random(50_000)),
        truth=predicted + random.random(50_000),
    )

    assert 20_000 < len(residuals.draw(residuals.measure(said, "delay"))) < 50_000


def test_description_says_the_numbers() -> None:
    """Who cannot see the grid is told the middle and the spread."""
    title, words = in_words(residuals.draw(residuals.measure(regression(), "delay")))

    assert title == "Residuals of delay"
    assert "nine in ten lie between -" in words


def test_without_numbers_there_is_none() -> None:
    """Predictions that are no numbers have no residuals."""
    said = replace(regression(3), predicted=np.full(3, np.nan))

    with pytest.raises(UndefinedPictureError, match="no prediction is a finite number"):
        residuals.measure(said, "delay")
