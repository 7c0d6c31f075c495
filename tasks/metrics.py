"""Metrics by name, by `"module:name"` or as a function, from one set of predictions.

By default, and what else has a name:

    binary      roc_auc, average_precision, accuracy, f1, log_loss, brier;
                balanced_accuracy, precision, recall, mcc, ece, recall_at_precision_80,
                precision_at_100, ndcg_at_10
    multiclass  accuracy, f1_macro, log_loss, roc_auc_ovr;
                balanced_accuracy, precision_macro, recall_macro, mcc, ece
    regression  rmse, mae, r2; median_ae, max_error, mape, ndcg_at_10

The number in a name is anybody's: a precision in percent, or how many rows. `ndcg_at_10`
is of all rows, or of each group and their mean: `{"metric": "ndcg_at_10", "parameters":
{"group": "query"}}`, where `query` is a column of the featurized rows.

Of two classes the second in sorted order is the positive one: True, 1, `on_time` of
`late` and `on_time`. A function of the user's own is called with the true values and
what its second parameter's name asks for: `y_score`, `y_proba`, `y_prob`, `scores` or
`probabilities` the probabilities (of the positive class; one column a class if there
are more), any other name the predictions.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from begat.lineage.errors import ParameterError

from . import ranking
from .functions import locate, name_of, one_line

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_NUMBERED_NAME = re.compile(r"(\w+_(?:at|precision))_([1-9]\d{0,8})")
#: What a slice's number of rows is called beside its metrics.
ROWS = "rows"


class UndefinedMetricError(ValueError):
    """These rows have no such metric; the message says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Predictions:
    """What a model said about some rows, and the truth."""

    #: `binary`, `multiclass` or `regression`.
    task: str
    #: The model's classes, in its order; empty for a regressor.
    classes: npt.NDArray[Any]
    truth: npt.NDArray[Any]
    predicted: npt.NDArray[Any]
    #: One column a class; None where the model gives none.
    probabilities: npt.NDArray[np.float64] | None = None
    #: Higher is more likely positive: probabilities of the positive class, or the decision
    #: function; binary only.
    scores: npt.NDArray[np.float64] | None = None
    #: By column that a metric groups by: the number of each row's group.
    groups: Mapping[str, npt.NDArray[np.int64]] = field(default_factory=dict)

    def of(self, rows: npt.NDArray[Any]) -> Predictions:
        """Those about some of the rows."""
        return Predictions(
            task=self.task,
            classes=self.classes,
            truth=self.truth[rows],
            predicted=self.predicted[rows],
            probabilities=None if self.probabilities is None else self.probabilities[rows],
            scores=None if self.scores is None else self.scores[rows],
            groups={name: group[rows] for name, group in self.groups.items()},
        )

    @property
    def positive(self) -> npt.NDArray[np.bool_]:
        """Which rows are truly positive."""
        found: npt.NDArray[np.bool_] = self.truth == self.classes[1]
        return found


Compute = Callable[[Predictions], float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """A metric as it is reported."""

    name: str
    compute: Compute

    def __call__(self, predictions: Predictions) -> float:
        """Its value.

        Raises:
            UndefinedMetricError: these rows have none.
        """
        if not len(predictions.truth):
            raise UndefinedMetricError("there are no rows")
        try:
            value = self.compute(predictions)
        except UndefinedMetricError:
            raise
        except ValueError as error:
            raise UndefinedMetricError(one_line(error)) from error
        if not math.isfinite(value):
            raise UndefinedMetricError(f"it is {value} for these rows")
        return value


def resolve(given: Sequence[object], task: str) -> tuple[Metric, ...]:
    """The metrics to report.

    Args:
        given: names, `"module:name"`, functions, or mappings `{"metric": any of these,
            "parameters": {…}, "name": …}`; the task's defaults if empty.
        task: `binary`, `multiclass` or `regression`.

    Raises:
        ParameterError: one is unknown, no function, of another task, or named twice.
    """
    metrics = tuple(_resolve(item, task) for item in given or DEFAULTS[task])
    names = [metric.name for metric in metrics]
    for name in names:
        if name == ROWS or names.count(name) > 1:
            raise ParameterError(
                f"metric name {name!r} is taken; give it another: "
                "{'metric': …, 'name': 'another'}"
            )
    return metrics


def located(given: Sequence[object]) -> tuple[object, ...]:
    """Metrics with each `"module:name"` replaced by the function that it names.

    A recipe follows a function into its code, and a string no further than its letters.

    Args:
        given: see `resolve`.

    Raises:
        ParameterError: one of them names nothing.
    """

    def found(item: object) -> object:
        if isinstance(item, Mapping) and "metric" in item:
            return {**item, "metric": found(item["metric"])}
        return locate(item, what="metric") if isinstance(item, str) and ":" in item else item

    return tuple(map(found, given))


def check(given: Sequence[object], kind: str) -> None:
    """Refuse metrics that no model of this kind has, before one is trained.

    Whether a classifier will know two classes or more is not known yet: what suits either
    passes, and `resolve` has the last word.

    Args:
        given: see `resolve`.
        kind: `classification` or `regression`.

    Raises:
        ParameterError: one is unknown, no function, of another kind, or named twice.
    """
    tasks = _TASKS[kind]
    known = list(dict.fromkeys(name for task in tasks for name in NAMED[task]))
    for item in given:
        name = item.get("metric") if isinstance(item, Mapping) else item
        if not isinstance(name, str) or ":" in name or name in known:
            continue
        if not any(_stem(name) in NUMBERED[task] for task in tasks):
            raise _unknown(name, kind, known)
    refused = []
    for task in tasks:
        try:
            resolve(given, task)
        except ParameterError as error:
            refused.append(error)
    if len(refused) == len(tasks):
        raise refused[0]


def _unknown(name: str, what: str, known: Iterable[str]) -> ParameterError:
    return ParameterError(
        f"metric {name!r} is none of those for {what} ({', '.join(known)}); "
        "name one of them, 'module:name', or give a function"
    )


def _resolve(item: object, task: str) -> Metric:
    name, parameters = "", {}
    if isinstance(item, Mapping):
        unknown = set(item) - {"metric", "parameters", "name"}
        if unknown or "metric" not in item:
            raise ParameterError(
                f"metric {dict(item)!r} is not of the form "
                "{'metric': …, 'parameters': {…}, 'name': …}; mend it"
            )
        name, parameters = str(item.get("name", "")), dict(item.get("parameters") or {})
        item = item["metric"]
    if isinstance(item, str) and ":" not in item:
        known = NAMED[task]
        if numbered := _numbered(item, task, parameters):
            return Metric(name=name or item, compute=numbered)
        if item not in known:
            raise _unknown(item, f"a {task} task", known)
        if parameters:
            raise ParameterError(
                f"metric {item!r} takes no parameters; give the function, as "
                "{'metric': 'module:name', 'parameters': {…}}"
            )
        return Metric(name=name or item, compute=known[item])
    function = locate(item, what="metric") if isinstance(item, str) else item
    if not callable(function):
        raise ParameterError(
            f"metric {item!r} is not a function of (y_true, y_pred); give one, or a metric's name"
        )
    return Metric(
        name=name or name_of(function).rpartition(".")[2],
        compute=_own(function, parameters),
    )


def group_columns(given: Sequence[object]) -> list[str]:
    """The columns that metrics group rows by."""
    found = []
    for item in given:
        if isinstance(item, Mapping) and _stem(str(item.get("metric"))) == "ndcg_at":
            parameters = item.get("parameters")
            found.append(parameters.get("group") if isinstance(parameters, Mapping) else None)
    return [name for name in dict.fromkeys(found) if isinstance(name, str)]


def _stem(name: str) -> str:
    """`precision_at` of `precision_at_100`; empty if the name has no number."""
    found = _NUMBERED_NAME.fullmatch(name)
    return found[1] if found else ""


def _numbered(name: str, task: str, parameters: Mapping[str, Any]) -> Compute | None:
    """The metric whose name ends in a number of the user's choice, `precision_at_100`."""
    found = _NUMBERED_NAME.fullmatch(name)
    compute = found and NUMBERED[task].get(found[1])
    if not found or compute is None:
        return None
    number, group = int(found[2]), parameters.get("group")
    if found[1] == "recall_at_precision" and number > 100:
        raise ParameterError(
            f"metric {name!r} asks for a precision of {number} %; name one up to 100, "
            "recall_at_precision_80"
        )
    if parameters and not (
        found[1] == "ndcg_at" and isinstance(group, str) and len(parameters) == 1
    ):
        raise ParameterError(
            f"metric {name!r} does not take {dict(parameters)!r}; ndcg_at_{number} takes a "
            "column, {'group': 'query'}, and others no parameters"
        )
    return lambda predictions: compute(predictions, number, group)


def _own(function: Callable[..., Any], parameters: Mapping[str, Any]) -> Compute:
    try:
        names = list(inspect.signature(function).parameters)
        second = names[1]
    except (IndexError, TypeError, ValueError):
        raise ParameterError(
            f"metric {name_of(function)} does not take (y_true, y_pred); give a function that does"
        ) from None
    wants_scores = second in _SCORES

    def compute(predictions: Predictions) -> float:
        said: Any = predictions.predicted
        if wants_scores:
            said = predictions.scores if predictions.task == "binary" else predictions.probabilities
        if said is None:
            raise UndefinedMetricError("the model gives no probabilities")
        try:
            return float(function(predictions.truth, said, **parameters))
        except Exception as error:
            raise ParameterError(
                f"metric {name_of(function)} failed: {one_line(error)}; mend it or leave it out"
            ) from error

    return compute


_SCORES = frozenset(
    {"y_score", "y_scores", "y_proba", "y_prob", "score", "scores", "proba", "probabilities"}
)


def _both_classes(p: Predictions) -> npt.NDArray[np.bool_]:
    positive = p.positive
    if positive.all() or not positive.any():
        raise UndefinedMetricError("the rows hold a single class")
    return positive


def _scored(p: Predictions) -> npt.NDArray[np.float64]:
    if p.scores is None:
        raise UndefinedMetricError("the model gives neither probabilities nor scores")
    return p.scores


def _probable(p: Predictions) -> npt.NDArray[np.float64]:
    if p.probabilities is None:
        raise UndefinedMetricError("the model gives no probabilities")
    return p.probabilities


def _known_classes(p: Predictions) -> None:
    import numpy as np

    if len(new := np.setdiff1d(p.truth, p.classes)):
        raise UndefinedMetricError(f"the rows hold a class {new[0]!s} that the model never saw")


def _roc_auc(p: Predictions) -> float:
    from sklearn.metrics import auc, roc_curve

    # What roc_auc_score does once it has looked at its arguments for as long again.
    return float(auc(*roc_curve(_both_classes(p), _scored(p))[:2]))


def _average_precision(p: Predictions) -> float:
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(_both_classes(p), _scored(p)))


def _brier(p: Predictions) -> float:
    """Mean squared difference of probability and outcome (Brier 1950, two classes)."""
    return float(((_probable(p)[:, 1] - p.positive) ** 2).mean())


def _log_loss(p: Predictions) -> float:
    from sklearn.metrics import log_loss

    _known_classes(p)
    return float(log_loss(p.truth, _probable(p), labels=p.classes))


def _roc_auc_ovr(p: Predictions) -> float:
    import numpy as np
    from sklearn.metrics import roc_auc_score

    _known_classes(p)
    if len(absent := np.setdiff1d(p.classes, p.truth)):
        raise UndefinedMetricError(f"the rows hold none of class {absent[0]!s}")
    return float(roc_auc_score(p.truth, _probable(p), labels=p.classes, multi_class="ovr"))


def _ece(p: Predictions) -> float:
    _probable(p)
    return ranking.expected_calibration_error(*ranking.outcomes(p))


def _recall_at_precision(p: Predictions, number: int, group: str | None) -> float:
    return ranking.recall_at_precision(_both_classes(p), _scored(p), number / 100)


def _precision_at(p: Predictions, number: int, group: str | None) -> float:
    return ranking.precision_at(p.positive, _scored(p), number)


def _ndcg_at(p: Predictions, number: int, group: str | None) -> float:
    import numpy as np

    binary = p.task == "binary"
    gains, scores = (p.positive, _scored(p)) if binary else (p.truth, p.predicted)
    groups = np.zeros(len(gains), dtype=np.int64) if group is None else p.groups[group]
    # Of a slice, some groups are not there at all.
    _, groups = np.unique(groups, return_inverse=True)
    return ranking.ndcg_at(gains.astype("float64"), scores.astype("float64"), number, groups)


def _accuracy(p: Predictions) -> float:
    return float((p.truth == p.predicted).mean())


def _balanced_accuracy(p: Predictions) -> float:
    """Mean over the classes that occur of the share of their rows that were recognised."""
    import numpy as np

    recalls = [(p.predicted[p.truth == value] == value).mean() for value in np.unique(p.truth)]
    return float(np.mean(recalls))


def _mcc(p: Predictions) -> float:
    from sklearn.metrics import matthews_corrcoef

    return float(matthews_corrcoef(p.truth, p.predicted))


def _of_predictions(name: str, average: str) -> Compute:
    """`f1`, `precision` or `recall`: of the positive class, or averaged over all."""

    def compute(p: Predictions) -> float:
        import numpy as np
        from sklearn import metrics

        function = getattr(metrics, f"{name}_score")
        if average == "binary":
            said = p.predicted == p.classes[1]
            return float(function(p.positive, said, zero_division=np.nan))
        return float(function(p.truth, p.predicted, average=average, zero_division=0))

    return compute


def _of_numbers(name: str) -> Compute:
    def compute(p: Predictions) -> float:
        from sklearn import metrics

        if name == "r2_score" and len(p.truth) < 2:
            raise UndefinedMetricError("it takes two rows")
        return float(getattr(metrics, name)(p.truth, p.predicted))

    return compute


#: By task, what is reported where no metrics are named.
DEFAULTS: Mapping[str, tuple[str, ...]] = {
    "binary": ("roc_auc", "average_precision", "accuracy", "f1", "log_loss", "brier"),
    "multiclass": ("accuracy", "f1_macro", "log_loss", "roc_auc_ovr"),
    "regression": ("rmse", "mae", "r2"),
}
#: What an estimator of a kind can turn out to be.
_TASKS: Mapping[str, tuple[str, ...]] = {
    "classification": ("binary", "multiclass"),
    "regression": ("regression",),
}
_CLASSES: Mapping[str, Compute] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "ece": _ece,
    "log_loss": _log_loss,
    "mcc": _mcc,
}
#: By task, the metrics that have a name here.
NAMED: Mapping[str, Mapping[str, Compute]] = {
    "binary": {
        "roc_auc": _roc_auc,
        "average_precision": _average_precision,
        "f1": _of_predictions("f1", "binary"),
        "precision": _of_predictions("precision", "binary"),
        "recall": _of_predictions("recall", "binary"),
        "brier": _brier,
        **_CLASSES,
    },
    "multiclass": {
        "f1_macro": _of_predictions("f1", "macro"),
        "precision_macro": _of_predictions("precision", "macro"),
        "recall_macro": _of_predictions("recall", "macro"),
        "roc_auc_ovr": _roc_auc_ovr,
        **_CLASSES,
    },
    "regression": {
        "rmse": _of_numbers("root_mean_squared_error"),
        "mae": _of_numbers("mean_absolute_error"),
        "r2": _of_numbers("r2_score"),
        "median_ae": _of_numbers("median_absolute_error"),
        "max_error": _of_numbers("max_error"),
        "mape": _of_numbers("mean_absolute_percentage_error"),
    },
}
#: By task, the metrics whose name ends in a number.
NUMBERED: Mapping[str, Mapping[str, Callable[[Predictions, int, str | None], float]]] = {
    "binary": {
        "recall_at_precision": _recall_at_precision,
        "precision_at": _precision_at,
        "ndcg_at": _ndcg_at,
    },
    "multiclass": {},
    "regression": {"ndcg_at": _ndcg_at},
}
