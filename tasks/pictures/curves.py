"""ROC and precision-recall curves: what each threshold would find, and at which price.

Of two classes, the curve is the positive one's; of more, one curve a class against all
others. The points are scikit-learn's, thinned to `MOST_POINTS` with both ends kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..signature import plain
from ..signature import rounded as exact
from .axes import Axes
from .svg import SERIES, Drawing, clean
from .values import UndefinedPictureError, listed, steady, thin

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ..metrics import Predictions

#: Points of a curve; of several curves in one picture, fewer of each.
MOST_POINTS = 400


def roc(said: Predictions, target: str) -> dict[str, Any]:
    """ROC curves.

    Returns:
        `target`, `rows`, `left_out` (classes that have no curve here) and `curves`, each with
        `class`, `rows` (of that class), `points` (before they were thinned), `auc`,
        `false_positive_rate`, `true_positive_rate` and `threshold`; the first threshold,
        which nothing reaches, is null.

    Raises:
        UndefinedPictureError: there are no scores, or one class only.
    """
    from sklearn.metrics import auc, roc_curve

    found = []
    series, left_out = _series(said)
    for name, positive, scores in series:
        false, true, threshold = roc_curve(positive, scores, drop_intermediate=False)
        kept = thin(false, true, _points(series))
        found.append(
            {
                "class": plain(name),
                "rows": int(positive.sum()),
                "points": len(threshold),
                "auc": exact(float(auc(false, true))),
                "false_positive_rate": listed(false[kept]),
                "true_positive_rate": listed(true[kept]),
                "threshold": listed(threshold[kept]),
            }
        )
    return {"target": target, "rows": len(said.truth), "left_out": left_out, "curves": found}


def pr(said: Predictions, target: str) -> dict[str, Any]:
    """Precision-recall curves.

    Returns:
        `target`, `rows`, `left_out` (classes that have no curve here) and `curves`, each with
        `class`, `rows` (of that class), `points` (before they were thinned),
        `average_precision`, `precision`, `recall` and `threshold`, from the lowest threshold
        up; the last, which nothing reaches, is null.

    Raises:
        UndefinedPictureError: there are no scores, or one class only.
    """
    import numpy as np
    from sklearn.metrics import average_precision_score, precision_recall_curve

    found = []
    series, left_out = _series(said)
    for name, positive, scores in series:
        precision, recall, threshold = precision_recall_curve(positive, scores)
        kept = thin(recall, precision, _points(series))
        found.append(
            {
                "class": plain(name),
                "rows": int(positive.sum()),
                "points": len(recall),
                "average_precision": exact(float(average_precision_score(positive, scores))),
                "precision": listed(precision[kept]),
                "recall": listed(recall[kept]),
                "threshold": listed(np.append(threshold, np.inf)[kept]),
            }
        )
    return {"target": target, "rows": len(said.truth), "left_out": left_out, "curves": found}


def draw_roc(data: dict[str, Any]) -> bytes:
    """The ROC curves, and the diagonal that chance would follow."""
    names = _named(data, "AUC", "auc")
    axes = _axes(data, "roc", "ROC curve", names, _roc_in_words(data))
    axes.draw("false positive rate", "true positive rate")
    axes.rule(0, 0, 1, 1)
    for index, curve in enumerate(data["curves"]):
        points = zip(curve["false_positive_rate"], curve["true_positive_rate"], strict=True)
        axes.curve(points, index)
    axes.column(names)
    return axes.drawing.bytes()


def draw_pr(data: dict[str, Any]) -> bytes:
    """The precision-recall curves; of a single one, also the precision of chance."""
    names = _named(data, "AP", "average_precision")
    axes = _axes(data, "pr", "Precision-recall curve", names, _pr_in_words(data))
    axes.draw("recall", "precision")
    if len(data["curves"]) == 1:
        share = data["curves"][0]["rows"] / data["rows"]
        axes.rule(0, share, 1, share)
    for index, curve in enumerate(data["curves"]):
        # Between two thresholds there is nothing; but stairs of thinned points were too coarse.
        whole = len(curve["recall"]) == curve["points"]
        axes.curve(zip(curve["recall"], curve["precision"], strict=True), index, steps=whole)
    axes.column(names)
    return axes.drawing.bytes()


Series = tuple[object, "npt.NDArray[np.bool_]", "npt.NDArray[np.float64]"]


def _series(said: Predictions) -> tuple[list[Series], int]:
    """Class, which rows are of it, and their scores; and how many classes are left out."""
    if said.task == "binary":
        if said.scores is None:
            raise UndefinedPictureError("the model gives neither probabilities nor scores")
        positive = said.positive
        if positive.all() or not positive.any():
            raise UndefinedPictureError("the rows hold a single class")
        return [(said.classes[1], positive, steady(said.scores))], 0
    found = sorted(_one_against_rest(said), key=lambda one: -int(one[1].sum()))
    if not found:
        raise UndefinedPictureError("the rows hold a single class")
    order = {plain(name): place for place, name in enumerate(said.classes)}
    shown = sorted(found[:SERIES], key=lambda one: order[plain(one[0])])
    return shown, len(said.classes) - len(shown)


def _one_against_rest(said: Predictions) -> Iterator[Series]:
    if said.probabilities is None:
        raise UndefinedPictureError("the model gives no probabilities")
    for place, name in enumerate(said.classes):
        positive = said.truth == name
        if positive.any() and not positive.all():
            yield name, positive, steady(said.probabilities[:, place])


def _points(series: list[Series]) -> int:
    return MOST_POINTS if len(series) == 1 else MOST_POINTS // 2


def _axes(
    data: dict[str, Any], name: str, title: str, names: list[list[str]], description: str
) -> Axes:
    subtitle = f"{data['rows']:,} held-out rows"
    if len(data["curves"]) > 1:
        subtitle += ", each class against all others"
    if data["left_out"]:
        subtitle += f"; {data['left_out']} more classes are not shown"
    drawing = Drawing(
        name=name,
        title=f"{title} of {clean(data['target'], 30)}",
        subtitle=subtitle,
        description=description,
        height=424,
    )
    return Axes(drawing=drawing, left=66, top=64, width=310, height=310, x=(0, 1), y=(0, 1))


def _named(data: dict[str, Any], what: str, key: str) -> list[list[str]]:
    """What is said of each curve; of many, a line less, or they would not fit."""
    few = len(data["curves"]) <= 4
    return [
        [
            f"class {clean(curve['class'])}",
            f"{what} {curve[key]:.4f}",
            *([f"{100 * curve['rows'] / data['rows']:.1f} % of rows"] if few else []),
        ]
        for curve in data["curves"]
    ]


def _roc_in_words(data: dict[str, Any]) -> str:
    said = []
    for curve in data["curves"]:
        pairs = zip(curve["false_positive_rate"], curve["true_positive_rate"], strict=True)
        at = max(true for false, true in pairs if false <= 0.1)
        said.append(
            f"Class {clean(curve['class'], 30)}: area under the curve {curve['auc']:.4f}; with at "
            f"most 10 % false positives, {100 * at:.0f} % of its {curve['rows']:,} rows are found."
        )
    return " ".join(said)


def _pr_in_words(data: dict[str, Any]) -> str:
    said = []
    for curve in data["curves"]:
        pairs = zip(curve["recall"], curve["precision"], strict=True)
        at = max(precision for recall, precision in pairs if recall >= 0.5)
        said.append(
            f"Class {clean(curve['class'], 30)}: average precision "
            f"{curve['average_precision']:.4f}; half of its {curve['rows']:,} rows are found with "
            f"a precision of {100 * at:.0f} %."
        )
    return " ".join(said)
