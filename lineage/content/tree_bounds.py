"""The nodes of loaded trees stay inside their tree and their features.

scikit-learn follows a node's indices without checking them, so a crafted model
file could make `predict` read memory that is not its own, or never return.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from numbers import Integral
from typing import TYPE_CHECKING, Any

from ..errors import UntrustedModelError

if TYPE_CHECKING:
    import numpy as np

_PLAIN = (str, bytes, bool, int, float, type, type(None))


@dataclass(frozen=True, slots=True)
class _Width:
    """How many columns the trees in some part of a model are asked about."""

    features: int = 0
    #: Set inside an ensemble, which hands its own rows to its members unchecked.
    most: int | None = None


def check(model: object) -> None:
    """Check every decision tree that `model` holds, however deep.

    Raises:
        UntrustedModelError: a node leads out of its tree, back into it, or to no feature.
    """
    seen: dict[tuple[int, _Width], object] = {}
    todo: list[tuple[object, _Width]] = [(model, _Width())]
    while todo:
        value, width = todo.pop()
        if isinstance(value, _PLAIN) or (id(value), width) in seen:
            continue
        seen[id(value), width] = value
        width = _width(value, width)
        _check_one(value, width.features)
        todo.extend((part, width) for part in _parts(value))


def _width(value: object, outer: _Width) -> _Width:
    from sklearn.base import BaseEstimator
    from sklearn.ensemble import BaseEnsemble

    if not isinstance(value, BaseEstimator):
        return outer
    own = getattr(value, "n_features_in_", 0)
    features = int(own) if isinstance(own, Integral) else 0
    if outer.most is not None:
        features = min(features, outer.most)
    return _Width(features, features if isinstance(value, BaseEnsemble) else None)


def _parts(value: Any) -> Iterable[object]:
    """What an object is made of, as far as a loaded model reaches it."""
    import numpy as np

    if isinstance(value, dict):
        return chain(value.keys(), value.values())
    if isinstance(value, list | tuple | set | frozenset):
        return value
    if isinstance(value, np.ndarray):
        return value.ravel().tolist() if value.dtype == object else ()
    return vars(value).values() if hasattr(value, "__dict__") else ()


def _check_one(value: Any, features: int) -> None:
    from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
    from sklearn.tree._tree import Tree

    if isinstance(value, Tree):
        if not 0 < value.node_count <= value.capacity:
            raise _hostile("a decision tree claims more nodes than it has")
        left, right = value.children_left, value.children_right
        inner = left != -1
        _check_nodes(left, right, value.feature, inner, features)
    elif isinstance(value, TreePredictor):
        nodes = value.nodes
        _check_nodes(
            nodes["left"], nodes["right"], nodes["feature_idx"], nodes["is_leaf"] == 0, features
        )
    elif hasattr(value, "_predictors") and hasattr(value, "_bin_mapper"):
        _check_categories(value, features)


def _check_nodes(
    left: np.ndarray[Any, Any],
    right: np.ndarray[Any, Any],
    feature: np.ndarray[Any, Any],
    inner: np.ndarray[Any, Any],
    features: int,
) -> None:
    import numpy as np

    if not left.size:
        raise _hostile("a decision tree has no nodes")
    position = np.arange(left.size)[inner]
    for child in (left[inner], right[inner]):
        # Children come after their parent, so every path ends.
        if np.any(child <= position) or np.any(child >= left.size):
            raise _hostile("a decision tree has a node outside itself")
    if np.any(feature[inner] < 0) or np.any(feature[inner] >= features):
        raise _hostile(f"a decision tree asks for a feature beyond its {features}")


def _check_categories(model: Any, features: int) -> None:
    """Categorical splits look into bit sets: those have to be there."""
    import numpy as np

    categorical = np.asarray(model._bin_mapper.is_categorical_, dtype=bool)
    if categorical.shape != (features,):
        raise _hostile("the bins of a gradient boosting model are not those of its features")
    for predictor in chain.from_iterable(model._predictors):
        nodes = predictor.nodes
        splits = nodes[(nodes["is_leaf"] == 0) & (nodes["is_categorical"] != 0)]
        sets = predictor.raw_left_cat_bitsets
        if splits.size and (
            sets.ndim != 2
            or sets.shape[1] != 8
            or np.any(splits["bitset_idx"] >= sets.shape[0])
            or np.any(splits["feature_idx"] >= features)
            or not np.all(categorical[splits["feature_idx"]])
        ):
            raise _hostile("a gradient boosting model has a split on categories that are not there")


def _hostile(what: str) -> UntrustedModelError:
    return UntrustedModelError(f"the model file was not loaded: {what}; train the model again")
