"""Which features the model's worth on held-out rows rests on.

Permutation importance (Breiman 2001): a feature's values are shuffled among the rows, and
the importance is what the metric loses. So all models are asked the same question, of the
columns as featurize made them and on rows the model was not trained on. The importances
that some estimators bring along answer another one: they are of encoded columns, of the
training rows, and high for features with many values (Strobl et al. 2007).

Of two features that say the same, each is little missed: both may be low.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..functions import one_line
from ..signature import rounded as exact
from .axes import Axes, spread
from .svg import Drawing, clean
from .values import UndefinedPictureError, rounded, steady

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from ..metrics import Predictions

#: Rows that are shuffled, and how often.
ROWS, REPEATS = 2000, 3
#: With more features than this, there would be as many predictions as in training.
MOST_FEATURES = 200
#: Cells of the frames that are predicted at once.
CELLS = 2_000_000
#: Features that are drawn.
SHOWN = 20


def measure(said: Predictions, model: Any, rows: pd.DataFrame, seed: int) -> dict[str, Any]:
    """What the metric loses when a feature is shuffled.

    The metric is ROC AUC for two classes (on as many rows of either, as far as there are),
    the accuracy for more, and for numbers how much the RMSE grows.

    Args:
        said: the model's predictions of the rows.
        model: it.
        rows: the features.
        seed: which rows are taken and how they are shuffled.

    Returns:
        `metric`, `value` (of the rows as they are), `rows`, `repeats` and `features`, the
        most important first, each with `feature`, `mean` and `std` over the repeats.

    Raises:
        UndefinedPictureError: too few rows or too many features; the model fails.
    """
    import numpy as np

    if len(rows) < 2:
        raise UndefinedPictureError("it takes two rows to shuffle")
    if len(rows.columns) > MOST_FEATURES:
        raise UndefinedPictureError(
            f"there are {len(rows.columns)} features, and at most {MOST_FEATURES} are shuffled"
        )
    random = np.random.default_rng(seed)
    chosen = _sample(said, random)
    part, few = said.of(chosen), rows.iloc[chosen].reset_index(drop=True)
    metric = _metric(part)
    value = _worth(part, metric, _scores(model, few, metric))
    if not np.isfinite(value):
        raise UndefinedPictureError(f"the {metric} of these rows is {value}")
    lost = np.empty((len(few.columns), REPEATS))
    for group in _groups(few):
        orders = {name: [random.permutation(len(few)) for _ in range(REPEATS)] for name in group}
        scores = _scores(model, _shuffled(few, orders), metric)
        pieces = np.split(scores, len(group) * REPEATS)
        for place, name in enumerate(group):
            at = few.columns.get_loc(name)
            for repeat in range(REPEATS):
                worth = _worth(part, metric, pieces[place * REPEATS + repeat])
                lost[at, repeat] = worth - value if metric == "rmse" else value - worth
    lost = steady(lost)
    means = lost.mean(axis=1)
    found = [
        {
            "feature": str(few.columns[at]),
            "mean": rounded(float(means[at])),
            "std": rounded(float(lost[at].std())),
        }
        for at in np.argsort(-means, kind="stable")
    ]
    return {
        "metric": metric,
        "value": exact(value),
        "rows": len(few),
        "repeats": REPEATS,
        "features": found,
    }


def draw(data: dict[str, Any]) -> bytes:
    """Bars, the longest on top, with what the repeats differ by."""
    features = data["features"][:SHOWN]
    more = len(data["features"]) - len(features)
    verb = "gains" if data["metric"] == "rmse" else "loses"
    drawing = Drawing(
        name="importances",
        title="Permutation importance",
        subtitle=f"what {data['metric']} ({data['value']:.4g}) {verb} when a feature is shuffled; "
        f"{data['rows']:,} rows, {data['repeats']} times",
        description=_in_words(data, verb),
        width=600,
        height=128.0 + 22 * len(features) + (18 if more else 0),
    )
    ends = [one["mean"] + sign * one["std"] for one in features for sign in (-1, 1)]
    low, high = spread(ends, around=0.0)
    axes = Axes(
        drawing=drawing,
        left=170,
        top=64,
        width=340,
        height=22.0 * len(features),
        x=(min(low, 0.0) if min(ends) < 0 else 0.0, high),
        y=(0, 1),
    )
    axes.draw(f"{'growth' if verb == 'gains' else 'loss'} of {data['metric']}", about=(4, 0))
    zero = axes.across(0)
    for place, one in enumerate(features):
        top = axes.top + 22 * place + 4
        end = axes.across(one["mean"])
        drawing.text(160, top + 11, clean(one["feature"], 22), css="end")
        drawing.box(min(zero, end), top, max(abs(end - zero), 0.5), 14, css="f0", opacity=0.6)
        spans = [axes.across(one["mean"] + sign * one["std"]) for sign in (-1, 1)]
        if spans[1] - spans[0] > 1:
            drawing.line(spans[0], top + 7, spans[1], top + 7, css="whisker")
        drawing.text(590, top + 11, _number(one["mean"], data["metric"]), css="end muted")
    drawing.line(zero, axes.top, zero, axes.top + axes.height, css="axis")
    if more:
        drawing.text(
            170, axes.top + axes.height + 56, f"and {more} features below these", css="muted"
        )
    return drawing.bytes()


def _sample(said: Predictions, random: np.random.Generator) -> npt.NDArray[np.int64]:
    import numpy as np

    def some(among: npt.NDArray[np.int64], most: int) -> npt.NDArray[np.int64]:
        return among if len(among) <= most else random.choice(among, most, replace=False)

    if said.task == "binary":
        # AUC is the same whatever the classes' shares, and surer when neither is rare.
        positive = said.positive
        sides = [np.flatnonzero(positive), np.flatnonzero(~positive)]
        if all(len(side) for side in sides):
            fewer = min(ROWS // 2, *map(len, sides))
            return np.sort(np.concatenate([some(side, ROWS - fewer) for side in sides]))
    return np.sort(some(np.arange(len(said.truth)), ROWS))


def _metric(said: Predictions) -> str:
    if said.task == "regression":
        return "rmse"
    positive = said.positive if said.task == "binary" else None
    if positive is None or said.scores is None or positive.all() or not positive.any():
        return "accuracy"
    return "roc_auc"


def _groups(rows: pd.DataFrame) -> list[list[str]]:
    """Features whose shuffled rows fit into one frame."""
    names = list(rows.columns)
    at_once = max(1, CELLS // (len(rows) * len(names) * REPEATS))
    return [names[first : first + at_once] for first in range(0, len(names), at_once)]


def _shuffled(rows: pd.DataFrame, orders: dict[str, list[npt.NDArray[np.int64]]]) -> pd.DataFrame:
    """The rows once for each order of each feature, below one another."""
    import numpy as np
    import pandas as pd

    size = len(rows)
    plain = np.tile(np.arange(size), len(orders) * REPEATS)
    taken = {}
    for name in rows.columns:
        places = plain
        if name in orders:
            first = list(orders).index(name) * REPEATS * size
            places = plain.copy()
            places[first : first + REPEATS * size] = np.concatenate(orders[name])
        taken[name] = rows[name].take(places).array
    return pd.DataFrame(taken)


def _scores(model: Any, rows: pd.DataFrame, metric: str) -> npt.NDArray[Any]:
    import numpy as np

    try:
        if metric != "roc_auc":
            return np.asarray(model.predict(rows))
        if hasattr(model, "predict_proba"):
            return np.asarray(model.predict_proba(rows))[:, 1]
        return np.asarray(model.decision_function(rows))
    except Exception as error:
        raise UndefinedPictureError(
            f"the model does not predict shuffled rows: {one_line(error)}"
        ) from error


def _worth(said: Predictions, metric: str, scores: npt.NDArray[Any]) -> float:
    import numpy as np

    if metric == "accuracy":
        return float((said.truth == scores).mean())
    if metric == "rmse":
        return float(np.sqrt(((said.truth - scores) ** 2).mean()))
    from sklearn.metrics import auc, roc_curve

    # What roc_auc_score does once it has looked at its arguments for as long again.
    return float(auc(*roc_curve(said.positive, steady(scores))[:2]))


def _number(value: float, metric: str) -> str:
    # What is between 0 and 1 is compared by its decimals, an RMSE by its size.
    return f"{value:.3g}" if metric == "rmse" else f"{round(value, 4) + 0.0:.4f}"


def _in_words(data: dict[str, Any], verb: str) -> str:
    names = "; ".join(
        f"{clean(one['feature'], 40)} {_number(one['mean'], data['metric'])}"
        for one in data["features"][:10]
    )
    return (
        f"What {data['metric']}, {data['value']:.4g} on {data['rows']:,} held-out rows, {verb} "
        f"when a feature is shuffled, the mean of {data['repeats']} times. The most important "
        f"first: {names}."
    )
