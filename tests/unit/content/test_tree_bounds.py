from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from begat.lineage.content import models, tree_bounds
from begat.lineage.errors import UntrustedModelError
from support import model_zoo


def set_node(tree: Any, node: int, **fields: Any) -> None:
    """Change fields of a decision tree's node, as a crafted file would."""
    state = tree.__getstate__()
    state["nodes"] = state["nodes"].copy()
    for name, value in fields.items():
        state["nodes"][name][node] = value
    tree.__setstate__(state)


def set_split(predictor: Any, **fields: Any) -> None:
    """Change fields of a predictor's first node."""
    predictor.nodes = predictor.nodes.copy()
    for name, value in fields.items():
        predictor.nodes[name][0] = value


@pytest.mark.parametrize("name", model_zoo.ZOO)
def test_genuine(name: str) -> None:
    """What scikit-learn fitted passes."""
    tree_bounds.check(model_zoo.fitted(name))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"left_child": 10**9}, "node outside itself"),
        ({"right_child": 10**9}, "node outside itself"),
        ({"left_child": -2}, "node outside itself"),
        ({"left_child": 0}, "node outside itself"),
        ({"feature": 2}, "feature beyond its 2"),
        ({"feature": -2}, "feature beyond its 2"),
    ],
)
@pytest.mark.parametrize("name", ["forest", "boosting", "calibrated"])
def test_crafted_tree(name: str, fields: dict[str, int], message: str) -> None:
    """A file with a node that leads elsewhere is not loaded."""
    model = model_zoo.fitted(name)
    inner = model.calibrated_classifiers_[0].estimator if name == "calibrated" else model
    set_node(np.ravel(inner.estimators_)[-1].tree_, 0, **fields)

    with pytest.raises(UntrustedModelError, match=message):
        models.load(models.dump(model))


def test_a_tree_that_knows_more_features_than_its_forest() -> None:
    """A forest hands its rows to its trees unchecked, so a tree's own claim does not count."""
    model = model_zoo.fitted("forest")
    tree = model.estimators_[0]
    tree.n_features_in_ = 1000
    set_node(tree.tree_, 0, feature=999)

    with pytest.raises(UntrustedModelError, match="feature beyond its 2"):
        models.load(models.dump(model))


def test_a_forest_without_features() -> None:
    """A forest that does not say how many features it takes would check none."""
    model = model_zoo.fitted("forest")
    del model.n_features_in_

    with pytest.raises(UntrustedModelError, match="feature beyond its 0"):
        models.load(models.dump(model))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"left": 10**9}, "node outside itself"),
        ({"right": 0}, "node outside itself"),
        ({"feature_idx": 2}, "feature beyond its 2"),
        ({"feature_idx": -1}, "feature beyond its 2"),
        ({"is_categorical": 1, "bitset_idx": 5}, "categories that are not there"),
    ],
)
def test_crafted_predictor(fields: dict[str, int], message: str) -> None:
    """So it is for histogram gradient boosting, categorical splits included."""
    model = model_zoo.fitted("hist")
    set_split(model._predictors[0][0], **fields)

    with pytest.raises(UntrustedModelError, match=message):
        models.load(models.dump(model))


def test_crafted_bins() -> None:
    """Bins of fewer features than the model's are refused."""
    model = model_zoo.fitted("hist from_dtype")
    model._bin_mapper.is_categorical_ = model._bin_mapper.is_categorical_[:1]

    with pytest.raises(UntrustedModelError, match="not those of its features"):
        models.load(models.dump(model))


def test_recursive_model() -> None:
    """A model that contains itself is checked once."""
    model = model_zoo.fitted("ridge")
    model.itself_ = [model]

    tree_bounds.check(model)
