"""The five tasks of a training pipeline as Prefect tasks."""

from __future__ import annotations

from . import evaluate as _evaluate
from . import featurize as _featurize
from . import prepare as _prepare
from . import register as _register
from . import train as _train
from .adapter import task

prepare = task(recipe_version=_prepare.VERSION)(_prepare.prepare)
featurize = task(recipe_version=_featurize.VERSION)(_featurize.featurize)
train = task(recipe_version=_train.VERSION)(_train.train)
evaluate = task(recipe_version=_evaluate.VERSION)(_evaluate.evaluate)
register = task(recipe_version=_register.VERSION)(_register.register)

__all__ = ["evaluate", "featurize", "prepare", "register", "train"]
