"""Types that a model file may hold, beyond those that skops itself trusts.

skops trusts scikit-learn's public estimators and plain values. These are what
fitted models of each family hold besides. Each was reviewed for one question:
does building it from a file run anything but its own constructor and the
setting of its attributes? What a type can do later with hostile numbers in it
is `tree_bounds`' concern. Left out on purpose: `KDTree` and `BallTree`, whose
state is memory offsets that nothing checks.
"""

from __future__ import annotations

from collections.abc import Mapping

_CALIBRATION = "sklearn.calibration."
_HIST = "sklearn.ensemble._hist_gradient_boosting."
_KERNELS = "sklearn.gaussian_process.kernels."
_LINK = "sklearn._loss.link."
_LOSS = "sklearn._loss.loss."
_OPTIMIZERS = "sklearn.neural_network._stochastic_optimizers."
_SCORERS = "sklearn.metrics._scorer."
_SELECTION = "sklearn.feature_selection._univariate_selection."
_SPLITTERS = "sklearn.model_selection._split."

#: Fully qualified names, by the estimators that bring them in.
FAMILIES: Mapping[str, tuple[str, ...]] = {
    # A dtype is read from an empty array; `object` has no state at all.
    "values": ("builtins.object", "numpy.dtype"),
    # Column choice by name and dtype: strings and types.
    "compose": (
        "sklearn.compose._column_transformer._RemainderColsList",
        "sklearn.compose._column_transformer.make_column_selector",
    ),
    # Nodes, whose indices tree_bounds checks; `from_dtype` keeps partial(check_array, …).
    "hist gradient boosting": (
        _HIST + "binning._BinMapper",
        _HIST + "predictor.TreePredictor",
        "functools.partial",
        "sklearn.utils.validation.check_array",
    ),
    # Nodes, whose indices tree_bounds checks.
    "trees, forests, gradient boosting": ("sklearn.tree._tree.Tree",),
    # Stateless formulas with a few floats.
    "losses": (
        *(
            _LINK + name
            for name in (
                "HalfLogitLink",
                "IdentityLink",
                "Interval",
                "LogLink",
                "LogitLink",
                "MultinomialLogit",
            )
        ),
        *(
            _LOSS + name
            for name in (
                "AbsoluteError",
                "ExponentialLoss",
                "HalfBinomialLoss",
                "HalfGammaLoss",
                "HalfMultinomialLoss",
                "HalfPoissonLoss",
                "HalfSquaredError",
                "HalfTweedieLoss",
                "HalfTweedieLossIdentity",
                "HuberLoss",
                "PinballLoss",
            )
        ),
    ),
    # An estimator and the parameters of a curve.
    "calibration": (
        _CALIBRATION + "_CalibratedClassifier",
        _CALIBRATION + "_SigmoidCalibration",
        _CALIBRATION + "_TemperatureScaling",
    ),
    # Numbers and strings.
    "searches": (
        _SCORERS + "_PassthroughScorer",
        _SPLITTERS + "GroupKFold",
        _SPLITTERS + "KFold",
        _SPLITTERS + "ShuffleSplit",
        _SPLITTERS + "StratifiedKFold",
        _SPLITTERS + "StratifiedShuffleSplit",
        _SPLITTERS + "TimeSeriesSplit",
    ),
    # Pure functions of (X, y).
    "feature selection": (
        _SELECTION + "chi2",
        _SELECTION + "f_classif",
        _SELECTION + "f_regression",
    ),
    # Learning rates and moments: floats and arrays.
    "multi-layer perceptrons": (
        _OPTIMIZERS + "AdamOptimizer",
        _OPTIMIZERS + "SGDOptimizer",
    ),
    # Length scales and their bounds.
    "gaussian processes": (
        "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
        _KERNELS + "ConstantKernel",
        _KERNELS + "DotProduct",
        _KERNELS + "Exponentiation",
        _KERNELS + "Matern",
        _KERNELS + "Product",
        _KERNELS + "RBF",
        _KERNELS + "RationalQuadratic",
        _KERNELS + "Sum",
        _KERNELS + "WhiteKernel",
    ),
}

#: All of them.
TYPES: frozenset[str] = frozenset(name for names in FAMILIES.values() for name in names)
