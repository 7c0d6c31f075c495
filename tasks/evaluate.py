"""evaluate: what a model is worth on rows it was not trained on, as a whole and by slice."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from begat import lineage
from begat.lineage.errors import DataError, ParameterError
from begat.lineage.records import DatasetVersion, Snapshot

from . import estimators, frames, signature, split
from . import metrics as measures
from .functions import name_of, one_line
from .labels import as_array, labels_of
from .pictures.album import album

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

VERSION = 3
#: A slice column with more values than this is an identifier, not a slice.
MOST_SLICES = 1000
#: How a slice of rows whose value is missing is called.
NO_VALUE = "(missing)"

log = logging.getLogger("begat")


def evaluate(
    model: DatasetVersion,
    holdout: Snapshot,
    *,
    target: str,
    columns: Sequence[str] | None = None,
    slices: Sequence[str] = (),
    metrics: Sequence[object] = (),
    holdout_fraction: float | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Metrics on the held-out rows, and pictures of them.

    The evaluation is JSON with `task` (binary, multiclass, regression), `target`, `classes` (null
    for a regressor), `rows`, `metrics` by name, `undefined` (why a metric is null), and
    `slices`: {column: {value: {metric: …, "rows": …}}}. Metrics have 12 significant
    digits: threads add the same numbers in another order, and differ beyond that.

    Args:
        model: what train wrote.
        holdout: featurized partitions.
        target: the column that is predicted.
        columns: the feature columns; those the model was fitted on by default.
        slices: columns, features or not, by whose values the metrics are repeated.
        metrics: see `tasks.metrics`; the task's own by default.
        holdout_fraction: as train was given it: only rows that it left out are used.
        seed: as train was given it; also chooses the rows that importances are measured on.

    Returns:
        `evaluation`, written to `{flow}/evaluation`; `pictures`, a list, each written as SVG
        to `{flow}/pictures/roc`, …; and `curves`, written to `{flow}/curves`: JSON of what each
        picture was drawn from. See `tasks.pictures`.

    Raises:
        ParameterError: a metric is unknown or failed.
        DataError: a column is missing or the target has gaps, there is nothing to
            evaluate on, a slice column has too many values, the model refuses the rows.
    """
    fitted = lineage.read(model)
    wanted = _resolve(metrics, fitted)
    features = _columns(fitted, columns)
    roles = {target: "target"} | {name: "slice column" for name in slices if name != target}
    grouping = measures.group_columns(metrics)
    roles |= {name: "group column" for name in grouping if name not in roles}
    frame = frames.gather(
        holdout,
        features,
        roles=roles,
        rows=split.chooser(holdout_fraction, seed=seed, held=True),
    )
    if frame.empty:
        raise DataError(f"{holdout} leaves no rows to evaluate on; hold out more")
    features = features or [name for name in frame.columns if name != target]
    rows = estimators.as_fitted(fitted, frame[features])
    said = _predictions(fitted, rows, frame[target], holdout)
    said = replace(said, groups={name: _codes(frame[name])[0] for name in grouping})
    values, undefined = _computed(wanted, said)
    for name, reason in undefined.items():
        log.warning("%s is null for %s: %s", name, holdout, reason)
    sliced = {name: dict(_sliced(frame[name], wanted, said, holdout)) for name in slices}
    content = {
        "task": said.task,
        "target": target,
        "classes": [signature.plain(value) for value in said.classes] or None,
        "rows": len(frame),
        "metrics": values,
        "undefined": undefined,
        "slices": sliced,
    }
    drawn = album(said, model=fitted, rows=frame[features], target=target, seed=seed)
    _report(content, drawn.steps)
    return {
        "curves": lineage.write(drawn.curves, "curves", format="json"),
        "evaluation": lineage.write(content, "evaluation", format="json"),
        "pictures": [
            lineage.write(svg, f"pictures/{name}", format="svg")
            for name, svg in sorted(drawn.pictures.items())
        ],
    }


def _resolve(given: Sequence[object], fitted: Any) -> tuple[measures.Metric, ...]:
    return measures.resolve(given, signature.task(getattr(fitted, "classes_", None)))


def _columns(fitted: Any, columns: Sequence[str] | None) -> list[str] | None:
    if columns is not None:
        return list(dict.fromkeys(columns))
    known = getattr(fitted, "feature_names_in_", None)
    return None if known is None else [str(name) for name in known]


def _predictions(
    fitted: Any, rows: pd.DataFrame, labels: pd.Series[Any], holdout: Snapshot
) -> measures.Predictions:
    import numpy as np

    classes = np.asarray(getattr(fitted, "classes_", ()))
    task = signature.task(classes if len(classes) else None)
    kind: estimators.Task = "regression" if task == "regression" else "classification"
    truth = as_array(labels_of(labels, kind, holdout))
    if task == "binary" and len(new := sorted(set(truth.tolist()) - set(classes.tolist()))):
        raise DataError(
            f"target {labels.name!r} holds {new[0]!r} in {holdout}, and the model knows only "
            f"{classes[0]!s} and {classes[1]!s}; mend the target, or train on partitions that "
            "hold all classes"
        )
    try:
        predicted = np.asarray(fitted.predict(rows))
        probabilities = (
            np.asarray(fitted.predict_proba(rows)) if hasattr(fitted, "predict_proba") else None
        )
        scores = None
        if task == "binary" and probabilities is not None:
            scores = probabilities[:, 1]
        elif task == "binary" and hasattr(fitted, "decision_function"):
            scores = np.asarray(fitted.decision_function(rows))
    except Exception as error:
        innermost = fitted.steps[-1][1] if hasattr(fitted, "steps") else fitted
        raise DataError(
            f"{name_of(innermost)} cannot predict the rows of {holdout}: {one_line(error)}"
        ) from error
    return measures.Predictions(
        task=task,
        classes=classes,
        truth=truth,
        predicted=predicted,
        probabilities=probabilities,
        scores=scores,
    )


def _computed(
    wanted: Sequence[measures.Metric], said: measures.Predictions
) -> tuple[dict[str, float | None], dict[str, str]]:
    values: dict[str, float | None] = {}
    undefined: dict[str, str] = {}
    for metric in wanted:
        try:
            values[metric.name] = signature.rounded(metric(said))
        except measures.UndefinedMetricError as error:
            values[metric.name] = None
            undefined[metric.name] = str(error)
    return values, undefined


def _sliced(
    column: pd.Series[Any],
    wanted: Sequence[measures.Metric],
    said: measures.Predictions,
    holdout: Snapshot,
) -> Iterator[tuple[str, Mapping[str, float | int | None]]]:
    import numpy as np

    codes, names = _codes(column)
    if len(names) > MOST_SLICES:
        raise DataError(
            f"slice column {column.name!r} has {len(names)} values in {holdout}, and at most "
            f"{MOST_SLICES} can be reported; group them in featurize, or slice by another column"
        )
    for place, name in enumerate(names):
        rows = np.flatnonzero(codes == place)
        part = said.of(rows)
        measured: dict[str, float | int | None] = {measures.ROWS: len(rows)}
        for metric in wanted:
            try:
                measured[metric.name] = signature.rounded(metric(part))
            except (measures.UndefinedMetricError, ParameterError):
                # A slice may hold one class or one row; the whole has been computed already.
                measured[metric.name] = None
        yield name, measured


def _codes(column: pd.Series[Any]) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Each row's value as a number, and what the numbers stand for."""
    import numpy as np

    codes, values = column.factorize(use_na_sentinel=True)
    names = [_sayable(str(value)) for value in values]
    if column.isna().any():
        names.append(NO_VALUE)
        codes = np.where(codes < 0, len(values), codes)
    return codes, names


def _sayable(text: str) -> str:
    """A slice's name without what JSON's readers refuse: U+0000 and halves of characters."""
    return re.sub("[\0\ud800-\udfff]", lambda found: ascii(found[0])[1:-1], text)


def _report(content: Mapping[str, Any], steps: Sequence[Mapping[str, Any]]) -> None:
    from begat.lineage.events import facets

    lineage.current().run_facet(
        "begat_metrics", facets.metrics(content["metrics"], slices=content["slices"], steps=steps)
    )
