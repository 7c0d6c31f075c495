from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.metrics import accuracy_score

from begat.flows import training
from begat.flows.parameters import assignment
from begat.lineage.errors import ParameterError
from support.delays import Lake


def shaped(frame: pd.DataFrame, a: int = 1, b: float = 2.0, c: list[int] | None = None) -> Any:
    """A function with parameters."""
    return frame.assign(a=a, b=b, c=str(c))


def form(function: Any) -> Any:
    """What a recipe sees of a function: itself, or whose partial it is, in order."""
    if isinstance(function, functools.partial):
        return function.func, function.args, [*function.keywords.items()]
    return function


# Parameters


@pytest.mark.parametrize(
    "given",
    [
        [{"prepare.a": 5, "prepare.b": 3.0}],
        [{"prepare.b": 3.0, "prepare.a": 5}],
        [{"prepare.b": 3.0}, {"prepare.a": 7}, {"prepare.a": 5}],
        [{"prepare.c": [1], "prepare.b": 3}, {"prepare.a": 5, "prepare.b": 3.0, "prepare.c": None}],
    ],
)
def test_parameters_have_one_form(lake: Lake, given: list[dict[str, Any]]) -> None:
    """In what order, how often and over what they are set says nothing about the pipeline."""
    pipeline = lake.pipeline(prepare=shaped)
    for parameters in given:
        pipeline = pipeline.with_parameters(parameters)

    assert form(pipeline.prepare) == (shaped, (), [("a", 5), ("b", 3.0)])


def test_a_default_that_is_named_changes_nothing(lake: Lake) -> None:
    """Neither the function's own default, nor what the pipeline has been given already."""
    plain = lake.pipeline(prepare=shaped, featurize=functools.partial(shaped, b=3.0, a=5))
    named = plain.with_parameters({"prepare.a": 1, "prepare.b": 2.0, "featurize.b": 3.0})

    assert form(named.prepare) is shaped
    assert form(named.featurize) == (shaped, (), [("a", 5), ("b", 3.0)])


def test_what_only_equals_the_default_is_another_value(lake: Lake) -> None:
    """A function can tell 2 from 2.0: its recipe does too."""
    changed = lake.pipeline(prepare=shaped).with_parameters({"prepare.b": 2})

    assert form(changed.prepare) == (shaped, (), [("b", 2)])


# Metrics


def test_metrics_by_module_and_name_are_the_functions(lake: Lake) -> None:
    """A recipe sees the function and its code, and not the letters of its name."""
    pipeline = lake.pipeline(
        metrics=[
            "f1",
            "sklearn.metrics:accuracy_score",
            {"metric": "sklearn.metrics:accuracy_score", "name": "right"},
        ]
    )

    assert pipeline.metrics == (
        "f1",
        accuracy_score,
        {"metric": accuracy_score, "name": "right"},
    )


def test_another_metric_of_the_same_name_is_evaluated_anew(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Changing the function that `module:name` names costs an evaluation, and keeps its name."""
    monkeypatch.syspath_prepend(tmp_path)
    lake.months()
    reports = []
    for value in (0.25, 0.75):
        path = tmp_path / "own_metric.py"
        path.write_text(f"def share(y_true, y_pred):\n    return {value}\n")
        sys.modules.pop("own_metric", None)
        pipeline = lake.pipeline(metrics=["own_metric:share"])
        reports.append(training.run(pipeline, adapter="plain").metrics)
    del sys.modules["own_metric"]

    assert reports == [{"share": 0.25}, {"share": 0.75}]


# The command's KEY=VALUE


@pytest.mark.parametrize("value", ["{[]: 1}", "{{}}", "-" * 100_000 + "1"])
def test_values_that_python_cannot_make_are_refused(value: str) -> None:
    """What is written as a value and is none is refused in one short line."""
    with pytest.raises(ParameterError, match=r"^--set prepare.a takes a number, a word") as caught:
        assignment(f"prepare.a={value}")

    assert len(str(caught.value)) < 250
