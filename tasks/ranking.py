"""Measures of ranked and of probable rows: what the top is worth, and what a percentage is.

Rows with equal scores are in no order: each place that they share gets their mean. So no
value depends on the order in which rows were read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from .metrics import Predictions

    Floats = npt.NDArray[np.float64]
    Whether = npt.NDArray[np.bool_]

#: Bins of equal width in which probabilities are compared with what happened.
BINS = 15


def recall_at_precision(positive: Whether, scores: Floats, precision: float) -> float:
    """The largest share of positive rows that any threshold finds with this precision.

    Args:
        positive: which rows are; some are and some are not.
        scores: higher is more likely positive.
        precision: that share at least of the rows found is positive, between 0 and 1.

    Returns:
        Between 0 and 1; 0 where no threshold is as precise as that.
    """
    from sklearn.metrics import precision_recall_curve

    precisions, recalls, _ = precision_recall_curve(positive, scores)
    return float(recalls[precisions >= precision].max())


def precision_at(positive: Whether, scores: Floats, k: int) -> float:
    """The share of positive rows among the `k` with the highest scores.

    Args:
        positive: which rows are.
        scores: higher is more likely positive.
        k: how many rows are looked at.

    Raises:
        ValueError: there are fewer rows than that, or a score is no number.
    """
    import numpy as np

    if len(scores) < k:
        raise ValueError(f"there are {len(scores)} rows, fewer than {k}")
    one_group = np.zeros(len(scores), dtype=np.int64)
    # Divided at the end, so that of whole numbers nothing is rounded before.
    return float(_top(positive.astype("float64"), scores, one_group, np.ones(k))[0] / k)


def ndcg_at(gains: Floats, scores: Floats, k: int, groups: npt.NDArray[np.int64]) -> float:
    """Normalised discounted cumulative gain of the first `k` places, the mean over groups.

    Gains count as they are, divided by log2(place + 1) (Järvelin and Kekäläinen 2002), as
    scikit-learn's `ndcg_score` has it. Groups without any gain have no best order and are
    left out.

    Args:
        gains: what a row is worth; none is negative.
        scores: what rows of a group are ordered by.
        k: how many places count.
        groups: each row's, counted from 0.

    Raises:
        ValueError: a gain is negative or not finite, no group has any, or a score is no number.
    """
    import numpy as np

    if (gains < 0).any():
        raise ValueError("a gain is negative")
    if not np.isfinite(gains).all():
        raise ValueError("a gain is not a finite number")
    weights = 1 / np.log2(np.arange(2, min(k, len(gains)) + 2))
    best = _top(gains, gains, groups, weights)
    if not (best > 0).any():
        raise ValueError("no row has a gain")
    found = _top(gains, scores, groups, weights)
    return float((found[best > 0] / best[best > 0]).mean())


@dataclass(frozen=True, kw_only=True, slots=True)
class Bin:
    """Rows whose probability lies between `low` and `high`."""

    low: float
    high: float
    rows: int
    #: Mean probability.
    said: float
    #: Share of the rows for which it happened.
    observed: float


def outcomes(said: Predictions) -> tuple[Whether, Floats]:
    """What happened, and how probable it was said to be.

    Of two classes: that the row is positive. Of more: that it is of the predicted class.
    """
    import numpy as np

    assert said.probabilities is not None
    if said.task == "binary":
        return said.positive, said.probabilities[:, 1]
    best = said.probabilities.argmax(axis=1)
    happened: Whether = said.truth == said.classes[best]
    return happened, said.probabilities[np.arange(len(best)), best]


def reliability(happened: Whether, probability: Floats) -> list[Bin]:
    """Rows in `BINS` bins of equal width, (low, high], 0 in the first; empty bins left out.

    Raises:
        ValueError: a probability is not between 0 and 1.
    """
    import numpy as np

    if not ((probability >= 0) & (probability <= 1)).all():
        raise ValueError("a probability is not between 0 and 1")
    # Where the edges of a bin are as the division gives them, so that 0.2 is in (…, 3/15].
    edges = np.arange(1, BINS) / BINS
    places = np.searchsorted(edges, probability, side="left")
    rows = np.bincount(places, minlength=BINS)
    said = np.bincount(places, weights=probability, minlength=BINS)
    observed = np.bincount(places, weights=happened, minlength=BINS)
    return [
        Bin(
            low=place / BINS,
            high=(place + 1) / BINS,
            rows=int(rows[place]),
            said=float(said[place] / rows[place]),
            observed=float(observed[place] / rows[place]),
        )
        for place in range(BINS)
        if rows[place]
    ]


def expected_calibration_error(happened: Whether, probability: Floats) -> float:
    """Mean distance of said and observed frequency over the rows of `BINS` equal bins.

    Of two classes that of the positive one (Naeini et al. 2015), of more that of the
    predicted one (Guo et al. 2017, with 15 bins).

    Raises:
        ValueError: a probability is not between 0 and 1.
    """
    bins = reliability(happened, probability)
    off = sum(place.rows * abs(place.said - place.observed) for place in bins)
    return off / sum(place.rows for place in bins)


def _top(gains: Floats, scores: Floats, groups: npt.NDArray[np.int64], weights: Floats) -> Floats:
    """By group: the gains of its first places, times the weight of each place."""
    import numpy as np

    if np.isnan(scores).any():
        raise ValueError("a score is not a number")
    order = np.lexsort((-scores, groups))
    gains, scores, groups = gains[order], scores[order], groups[order]
    new_group = np.diff(groups, prepend=-1) != 0
    starts = np.flatnonzero(new_group)
    place = np.arange(len(groups)) - np.repeat(starts, np.diff(starts, append=len(groups)))
    weight = np.zeros(len(groups))
    near = place < len(weights)
    weight[near] = weights[place[near]]
    new_group[1:] |= scores[1:] != scores[:-1]
    ties = np.cumsum(new_group) - 1
    mean = np.bincount(ties, weights=gains) / np.bincount(ties)
    return np.bincount(groups, weights=weight * mean[ties]).astype(np.float64)
