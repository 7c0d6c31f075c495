"""All pictures of an evaluation, and the numbers they are drawn from."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..functions import one_line
from . import calibration, confusion, curves, importances, learning, residuals
from .values import UndefinedPictureError

if TYPE_CHECKING:
    import pandas as pd

    from ..metrics import Predictions

log = logging.getLogger("begat")

#: A measure and what draws it.
Recipe = tuple[Callable[[], dict[str, Any]], Callable[[dict[str, Any]], bytes]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Album:
    """The pictures of an evaluation."""

    #: SVG by the picture's name.
    pictures: dict[str, bytes]
    #: What each was drawn from, as JSON has it, by the picture's name; under `left_out`, why
    #: there is no picture of that name.
    curves: dict[str, Any]
    #: The learning curve, one mapping a step.
    steps: list[dict[str, float | None]]


def album(said: Predictions, *, model: Any, rows: pd.DataFrame, target: str, seed: int) -> Album:
    """Draw what there is to draw; a picture that cannot be drawn stops nothing.

    Args:
        said: the model's predictions of the rows.
        model: it.
        rows: the features.
        target: the column that is predicted.
        seed: for the rows that importances and learning curve are measured on.
    """
    found: dict[str, Any] = {}
    drawn: dict[str, bytes] = {}
    left_out: dict[str, str] = {}
    for name, (measure, draw) in _recipes(said, model, rows, target, seed):
        try:
            data = measure()
            drawn[name], found[name] = draw(data), data
        except UndefinedPictureError as error:
            left_out[name] = str(error)
        except MemoryError:
            raise
        except Exception as error:
            # The metrics are known by now, and worth more than a picture of them.
            log.warning("picture %s was not drawn: %s", name, one_line(error))
            log.debug("picture %s", name, exc_info=True)
            left_out[name] = one_line(error)
    return Album(
        pictures=drawn,
        curves={**found, "left_out": left_out},
        steps=learning.progress(found["learning"]) if "learning" in found else [],
    )


def _recipes(
    said: Predictions, model: Any, rows: pd.DataFrame, target: str, seed: int
) -> Iterator[tuple[str, Recipe]]:
    if said.task == "regression":
        yield "residuals", (lambda: residuals.measure(said, target), residuals.draw)
    else:
        yield "confusion", (lambda: confusion.measure(said, target), confusion.draw)
        yield "roc", (lambda: curves.roc(said, target), curves.draw_roc)
        yield "pr", (lambda: curves.pr(said, target), curves.draw_pr)
        yield "calibration", (lambda: calibration.measure(said, target), calibration.draw)
    yield (
        "importances",
        (lambda: importances.measure(said, model, rows, seed), importances.draw),
    )
    yield "learning", (lambda: learning.measure(said, model, rows, seed), learning.draw)
