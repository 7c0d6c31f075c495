"""The learning curve: how good the model was after each step of its training.

What an estimator kept while it was fitted is told as it kept it; one that can predict as
it was after each step is also measured on held-out rows.

    train        train_score_ (gradient boosting), loss_curve_ (neural networks)
    validation   validation_score_, validation_scores_: of rows that fit itself set aside
    holdout      staged_predict_proba, staged_predict: the log loss, or the RMSE, of at most
                 `ROWS` held-out rows, chosen by a seeded generator
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .axes import Axes, spread
from .svg import SERIES, Drawing
from .values import UndefinedPictureError, listed, steady

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from ..metrics import Predictions

#: Held-out rows that are predicted after each step.
ROWS = 2000
#: Steps of a curve that are kept.
MOST_STEPS = 200


def measure(said: Predictions, model: Any, rows: pd.DataFrame, seed: int) -> dict[str, Any]:
    """The curves that there are.

    Args:
        said: the model's predictions of the rows.
        model: it.
        rows: the features.
        seed: which rows are measured after each step.

    Returns:
        `curves`, each with `of` (train, validation, holdout), `measure` (log_loss, rmse, or
        loss and score as the estimator defines them), `steps` and `values`. Step 0 is before
        the first.

    Raises:
        UndefinedPictureError: this estimator has none.
    """
    inner, ahead = _innermost(model)
    found = [*_kept(inner, said.task), *_on_holdout(said, inner, ahead, rows, seed)]
    curves = [curve for curve in found if len(curve["values"]) > 1]
    if not curves:
        raise UndefinedPictureError("this estimator keeps no scores of its steps")
    return {"curves": curves}


def progress(data: dict[str, Any]) -> list[dict[str, float | None]]:
    """The curves as `begat_metrics` has them: one mapping a step."""
    steps: dict[int, dict[str, float | None]] = {}
    for curve in data["curves"]:
        for step, value in zip(curve["steps"], curve["values"], strict=True):
            steps.setdefault(step, {"step": step})[f"{curve['of']}_{curve['measure']}"] = value
    return [steps[step] for step in sorted(steps)]


def draw(data: dict[str, Any]) -> bytes:
    """The curves; those of one measure in one field."""
    measures = list(dict.fromkeys(curve["measure"] for curve in data["curves"]))
    last = max(curve["steps"][-1] for curve in data["curves"])
    drawing = Drawing(
        name="learning",
        title="Learning curve",
        subtitle=f"{last:,} steps of training",
        description=_in_words(data),
        height=74.0 + 250 * len(measures),
    )
    for field, name in enumerate(measures):
        curves = [curve for curve in data["curves"] if curve["measure"] == name][:SERIES]
        values = [value for curve in curves for value in curve["values"] if value is not None]
        axes = Axes(
            drawing=drawing,
            left=92,
            top=64 + 250.0 * field,
            width=314,
            height=210,
            x=(0, last),
            y=spread(values),
        )
        axes.draw("step" if field == len(measures) - 1 else "", name)
        for index, curve in enumerate(curves):
            pairs = zip(curve["steps"], curve["values"], strict=True)
            axes.curve(((x, y) for x, y in pairs if y is not None), index)
        axes.column([[curve["of"], *_ends(curve)] for curve in curves])
    return drawing.bytes()


Curve = dict[str, Any]


def _kept(model: Any, task: str) -> Iterator[Curve]:
    """What the estimator kept while it was fitted."""
    if (losses := getattr(model, "loss_curve_", None)) is not None:
        yield _curve("train", "loss", losses, first=1)
        scores = getattr(model, "validation_scores_", None)
        if scores is not None:
            yield _curve("validation", "accuracy" if task != "regression" else "r2", scores, 1)
        return
    trained = getattr(model, "train_score_", None)
    if trained is None:
        return
    if "HistGradientBoosting" not in type(model).__name__:
        yield _curve("train", "loss", trained, first=1)
        return
    # It keeps scores from before the first step on, and a loss with its sign turned.
    scoring = getattr(model, "scoring", "loss")
    name, sign = str(scoring) if isinstance(scoring, str) else "score", 1
    if scoring == "loss":
        name, sign = "loss" if task == "regression" else "log_loss", -1
    for of, values in (("train", trained), ("validation", model.validation_score_)):
        yield _curve(of, name, [sign * float(value) for value in values], first=0)


def _on_holdout(
    said: Predictions, model: Any, ahead: list[Any], rows: pd.DataFrame, seed: int
) -> Iterator[Curve]:
    """What the held-out rows say after each step."""
    import numpy as np

    method = "staged_predict" if said.task == "regression" else "staged_predict_proba"
    if not hasattr(model, method):
        return
    chosen = np.arange(len(rows))
    if len(chosen) > ROWS:
        random = np.random.default_rng(seed)
        chosen = np.sort(random.choice(chosen, ROWS, replace=False))
    part, table = said.of(chosen), rows.iloc[chosen]
    if said.task != "regression" and len(np.setdiff1d(part.truth, said.classes)):
        return  # a class that the model never saw has no log loss
    for step in ahead:
        table = step.transform(table)
    if said.task == "regression":
        losses = [
            float(np.sqrt(((part.truth - stage) ** 2).mean()))
            for stage in model.staged_predict(table)
        ]
        yield _curve("holdout", "rmse", losses, first=1)
    else:
        places = np.searchsorted(said.classes, part.truth)
        losses = [_log_loss(stage, places) for stage in model.staged_predict_proba(table)]
        yield _curve("holdout", "log_loss", losses, first=1)


def _log_loss(probabilities: npt.NDArray[np.float64], places: npt.NDArray[np.int64]) -> float:
    import numpy as np

    of_truth = probabilities[np.arange(len(places)), places]
    return float(-np.log(np.clip(of_truth, np.finfo(np.float64).eps, 1)).mean())


def _curve(of: str, name: str, values: Any, first: int) -> Curve:
    import numpy as np

    numbers = steady(np.asarray(values, dtype="float64"))
    kept = np.unique(np.linspace(0, max(len(numbers) - 1, 0), MOST_STEPS).round().astype(int))
    kept = kept[: len(numbers)]
    return {
        "of": of,
        "measure": name,
        "steps": [int(place) + first for place in kept],
        "values": listed(numbers[kept]),
    }


def _innermost(model: Any) -> tuple[Any, list[Any]]:
    """The estimator inside pipelines and searches, and what rows go through before it."""
    ahead: list[Any] = []
    while True:
        if steps := getattr(model, "steps", None):
            ahead.append(model[:-1])
            model = steps[-1][1]
        elif hasattr(model, "best_estimator_"):
            model = model.best_estimator_
        else:
            return model, ahead


def _ends(curve: Curve) -> list[str]:
    known = [
        (value, step)
        for step, value in zip(curve["steps"], curve["values"], strict=True)
        if value is not None
    ]
    if not known:
        return ["no finite value"]
    higher = curve["measure"] not in ("loss", "log_loss", "rmse")
    best, at = min(known, key=lambda pair: (-pair[0] if higher else pair[0], pair[1]))
    return [f"last {_number(known[-1][0])}", f"best {_number(best)} at {at:,}"]


def _number(value: float) -> str:
    return f"{value:,.0f}" if 1e3 <= abs(value) < 1e9 else f"{value:.4g}"


def _in_words(data: dict[str, Any]) -> str:
    return " ".join(
        f"{curve['measure']} of {curve['of']} rows: {', '.join(_ends(curve))}."
        for curve in data["curves"]
    )
