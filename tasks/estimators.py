"""Estimators: built from what a user gives, with the preprocessing that their data needs."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from begat.lineage.errors import DataError, ParameterError

from . import frames
from .functions import locate, name_of, one_line

if TYPE_CHECKING:
    import pandas as pd

Task = Literal["classification", "regression"]

#: Modules whose estimators split on order, so that a category's number serves as well as
#: one column a category would, and costs far less.
_TREES = (
    "sklearn.tree",
    "sklearn.ensemble._forest",
    "sklearn.ensemble._gb",
    "sklearn.ensemble._hist_gradient_boosting",
    "lightgbm",
    "xgboost",
    "catboost",
)
#: What a category is numbered that fit never saw, and a missing one.
UNKNOWN, MISSING = -1, -2


def build(estimator: object, parameters: Mapping[str, object] | None = None) -> Any:
    """An unfitted estimator of its own, with these parameters set.

    Args:
        estimator: an estimator, or `"module:Class"` of one.
        parameters: values for its parameters; `step__name` reaches into a pipeline.

    Raises:
        ParameterError: it is no estimator, or a parameter is unknown or unfit for it.
    """
    from sklearn.base import clone

    if isinstance(estimator, str):
        estimator = locate(estimator, what="estimator")
        if isinstance(estimator, type):
            estimator = _made(estimator)
    if isinstance(estimator, type):
        raise ParameterError(
            f"estimator {estimator.__qualname__} is a class; give an instance, "
            f"{estimator.__qualname__}(…)"
        )
    for method in ("fit", "predict", "get_params"):
        if not callable(getattr(estimator, method, None)):
            raise ParameterError(
                f"estimator {name_of(estimator)} has no {method}(); "
                "give a scikit-learn classifier or regressor"
            )
    try:
        own = clone(estimator)
    except (TypeError, RuntimeError) as error:
        raise ParameterError(
            f"estimator {name_of(estimator)} cannot be cloned ({one_line(error)}); "
            "its __init__ must keep its parameters as they are"
        ) from error
    if parameters:
        _set(own, parameters)
    _validate(own)
    task_of(own)
    return own


def task_of(estimator: Any) -> Task:
    """Whether an estimator predicts classes or numbers.

    Raises:
        ParameterError: neither.
    """
    from sklearn.base import is_classifier, is_regressor

    try:
        if is_classifier(estimator):
            return "classification"
        if is_regressor(estimator):
            return "regression"
    except (AttributeError, TypeError):
        pass  # it has none of the tags by which scikit-learn tells
    raise ParameterError(
        f"estimator {name_of(estimator)} is neither a classifier nor a regressor; give one, or "
        "derive it from sklearn's ClassifierMixin or RegressorMixin and BaseEstimator"
    )


def seed_all(estimator: Any, seed: int) -> None:
    """Give every `random_state` that was left open this seed, so that fits can be repeated."""
    open_ones = {
        name: seed
        for name, value in estimator.get_params(deep=True).items()
        if value is None and name.rpartition("__")[2] == "random_state"
    }
    if open_ones:
        estimator.set_params(**open_ones)


def incremental_steps(estimator: Any) -> list[Any]:
    """The parts of an estimator that learn, in the order in which they are fitted in batches.

    Steps of a pipeline that need no fit are left out.

    Raises:
        ParameterError: one of them learns from all rows at once.
    """
    steps = getattr(estimator, "steps", None)
    parts = [part for _, part in steps] if steps else [estimator]
    found = []
    for number, part in enumerate(parts):
        is_last = number == len(parts) - 1
        if callable(getattr(part, "partial_fit", None)):
            found.append(part)
        elif is_last or not _needs_no_fit(part):
            raise ParameterError(
                f"{name_of(part)} has no partial_fit, which incremental=True needs of an estimator "
                "and of the steps before it that are fitted; give one that has "
                "(SGDClassifier, MLPRegressor, StandardScaler), or leave out incremental"
            )
    return found


def _needs_no_fit(part: Any) -> bool:
    from sklearn.utils import get_tags

    if part is None or part == "passthrough":
        return True
    try:
        return not get_tags(part).requires_fit
    except (AttributeError, TypeError):
        return False


def with_preprocessing(estimator: Any, features: pd.DataFrame) -> Any:
    """The estimator behind an encoder for the columns that are not numbers.

    Tree ensembles get an `OrdinalEncoder`, others a `OneHotEncoder`; a category that fit
    never saw is one more for the first and none for the second. An estimator that
    prepares its columns itself, by a pipeline that starts with a `ColumnTransformer` or
    an encoder, is left as it is, and so is one whose columns are all numbers.

    Args:
        estimator: unfitted.
        features: the rows it will be fitted on, as `frames.gather` returns them.

    Raises:
        DataError: a column holds neither numbers nor categories.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    if _prepares_columns(estimator):
        return estimator
    categories = []
    for name in features.columns:
        held = frames.kind(features[name])
        if held in ("string", "category"):
            categories.append(name)
        elif held in ("datetime", "mixed"):
            raise DataError(
                f"feature column {name!r} holds {held} values ({features[name].dtype}); turn it "
                "into numbers or strings in featurize, or leave it out with features=[…]"
            )
    if not categories:
        return estimator
    numbers = [name for name in features.columns if name not in set(categories)]
    columns = ColumnTransformer(
        [
            ("categories", _encoder(estimator), categories),
            ("numbers", "passthrough", numbers),
        ],
        verbose_feature_names_out=False,
    )
    return Pipeline([("columns", columns), ("estimator", estimator)])


def as_fitted(model: Any, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows in which a column without any value has the type that the model was fitted on.

    Such a column reads as numbers, and an encoder that knows strings refuses those.

    Args:
        model: fitted.
        rows: its features, as `frames.gather` returns them.
    """
    words = _string_columns(model)
    empty = [name for name in rows.columns if name in words and rows[name].isna().all()]
    return rows.astype(dict.fromkeys(empty, object)) if empty else rows


def _string_columns(model: Any) -> set[str]:
    """Columns in which an encoder anywhere inside a fitted model has seen strings."""
    found: set[str] = set()
    todo, seen = [model], set()
    while todo:
        part = todo.pop()
        if isinstance(part, (list, tuple)):
            todo += part
        elif hasattr(part, "get_params") and not isinstance(part, type) and id(part) not in seen:
            seen.add(id(part))
            inside = vars(part)
            todo += inside.values()
            known = zip(
                inside.get("feature_names_in_", ()), inside.get("categories_", ()), strict=False
            )
            found |= {name for name, values in known if values.dtype.kind in "OUT"}
    return found


def _encoder(estimator: Any) -> Any:
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

    innermost = _innermost(estimator)
    modules = [base.__module__ for base in type(innermost).__mro__]
    if any(module.startswith(_TREES) for module in modules):
        return OrdinalEncoder(
            handle_unknown="use_encoded_value", unknown_value=UNKNOWN, encoded_missing_value=MISSING
        )
    return OneHotEncoder(
        handle_unknown="ignore", sparse_output=innermost is estimator and _takes_sparse(estimator)
    )


def _takes_sparse(estimator: Any) -> bool:
    from sklearn.utils import get_tags

    try:
        return bool(get_tags(estimator).input_tags.sparse)
    except (AttributeError, TypeError):
        return False


def _innermost(estimator: Any) -> Any:
    """The estimator inside pipelines and searches, which decides what columns it can take."""
    while True:
        if steps := getattr(estimator, "steps", None):
            estimator = steps[-1][1]
        elif hasattr(inner := getattr(estimator, "estimator", None), "fit"):
            estimator = inner
        else:
            return estimator


def _prepares_columns(estimator: Any) -> bool:
    while hasattr(inner := getattr(estimator, "estimator", None), "fit"):
        estimator = inner
    steps = getattr(estimator, "steps", None)
    if not steps:
        return False
    module = type(steps[0][1]).__module__
    return module.startswith(("sklearn.compose", "sklearn.preprocessing._encoders")) or (
        _prepares_columns(steps[0][1])
    )


def _made(kind: type) -> Any:
    try:
        return kind()
    except TypeError as error:
        raise ParameterError(
            f"estimator {kind.__qualname__} cannot be made without arguments "
            f"({one_line(error)}); give an instance"
        ) from error


def _set(estimator: Any, parameters: Mapping[str, object]) -> None:
    known = sorted(estimator.get_params(deep=True))
    for name in parameters:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3) or known
            raise ParameterError(
                f"{name_of(estimator)} has no parameter {name!r}; did you mean "
                f"{' or '.join(near[:3])}?"
                if near is not known
                else f"{name_of(estimator)} has no parameter {name!r}; it has {', '.join(known)}"
            )
    try:
        estimator.set_params(**parameters)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"{name_of(estimator)}: {one_line(error)}") from error


def _validate(estimator: Any) -> None:
    # scikit-learn checks parameters in fit; by then every partition has been read.
    for part in (estimator, *estimator.get_params(deep=True).values()):
        # Estimators of others inherit the method, and not what it reads.
        if isinstance(part, type) or not hasattr(part, "_parameter_constraints"):
            continue
        try:
            part._validate_params()
        except ValueError as error:
            raise ParameterError(one_line(error)) from error
