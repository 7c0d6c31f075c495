"""Which of two values of a metric is the better one."""

from __future__ import annotations

#: Metrics of which less is better, by how their names begin or end.
LESS = ("loss", "rmse", "mae", "mse", "mape", "brier", "ece", "error", "deviance")


def less_is_better(metric: str) -> bool:
    """Whether a metric counts what is wrong, as its name tells.

    >>> less_is_better("log_loss"), less_is_better("roc_auc")
    (True, False)
    """
    return metric.startswith(LESS) or metric.endswith(LESS)


def worse_by(before: float, now: float, *, less: bool) -> float:
    """How much worse a value is than one before; negative where it is better.

    Metrics have 12 significant digits, and so has their difference.

    >>> worse_by(0.72, 0.71, less=False), worse_by(2.0, 1.5, less=True)
    (0.01, -0.5)
    """
    return float(format(now - before if less else before - now, ".12g"))
