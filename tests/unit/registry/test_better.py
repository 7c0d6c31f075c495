from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from begat.lineage.registry.better import less_is_better, worse_by

NUMBERS = st.floats(-1e6, 1e6)


@pytest.mark.parametrize(
    ("metric", "less"),
    [
        *((name, True) for name in ("log_loss", "rmse", "mean_absolute_error", "brier", "ece")),
        *((name, False) for name in ("roc_auc", "accuracy", "r2", "f1", "pr_auc")),
    ],
)
def test_names(metric: str, less: bool) -> None:
    """A metric's name tells whether it counts what is wrong."""
    assert less_is_better(metric) is less


@given(a=NUMBERS, b=NUMBERS, less=st.booleans())
def test_mirrored(a: float, b: float, less: bool) -> None:
    """What is worse one way is better by as much the other way, and the other way round."""
    assert worse_by(a, b, less=less) == -worse_by(b, a, less=less) == worse_by(b, a, less=not less)


@given(a=NUMBERS, less=st.booleans())
def test_same(a: float, less: bool) -> None:
    """Nothing is worse than itself."""
    assert worse_by(a, a, less=less) == 0


def test_digits() -> None:
    """A difference of metrics is as long as they are, without what binary numbers add."""
    assert worse_by(0.72, 0.71, less=False) == 0.01
    assert worse_by(0.3, 0.1, less=False) == 0.2
