"""What a checked model predicts, and what it says of rows that are not as its signature says."""

from __future__ import annotations

import copy
import logging
import math
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone, is_classifier
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression, Ridge

from begat.lineage.errors import DataError, ParameterError, SignatureError
from begat.lineage.registry.prediction import Model
from begat.tasks.signature import signature
from support.served import (
    BARE,
    COLUMNS,
    LATE,
    ROWS,
    SIGNATURE,
    VERSION,
    WRONG,
    frames,
    model,
    typed,
)

NUMBERS = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [1, 0, 3, 1]})
TARGET = pd.Series([0, 1, 1, 0], name="y")


def of_numbers(estimator: Any, target: pd.Series[Any] = TARGET, **changes: Any) -> Model:
    """A model of two columns of numbers."""
    fitted = estimator.fit(NUMBERS, target)
    return Model(fitted, signature(fitted, NUMBERS, target), version=VERSION, **changes)


# Rows that are as the signature says


@given(frame=frames(), data=st.data())
def test_rows_as_the_signature_says_are_predicted_as_by_the_bare_estimator(
    frame: pd.DataFrame, data: st.DataObject
) -> None:
    """In any order of columns, with more of them, in any type that loses nothing."""
    strict = model(ranges="seen")
    dressed = data.draw(dress(frame))

    assert strict.check(dressed) == []
    assert strict.predict(dressed).tolist() == BARE.predict(frame).tolist()
    assert strict.predict_proba(dressed).tolist() == BARE.predict_proba(frame).tolist()


@st.composite
def dress(draw: st.DrawFn, frame: pd.DataFrame) -> Any:
    """The same rows as callers have them."""
    frame = frame[draw(st.permutations(COLUMNS))].assign(late="on time", id=range(len(frame)))
    types = {
        "distance": ["float64", "Float64", object, "float64[pyarrow]"],
        "wind": ["float64", "Float64"],
        "hour": ["int64", "float64", "Int64", "uint8", object],
        "night": ["bool", "boolean", "int64", "float64", object],
        "carrier": [object, "string", "str", "category"],
        "day": [object, "string", "category"],
        "tail": [object, "str"],
    }
    chosen = {name: draw(st.sampled_from(known), label=name) for name, known in types.items()}
    match draw(st.sampled_from(["frame", "dicts", "lists"])):
        case "dicts":
            return [
                {key: None if pd.isna(value) else value for key, value in row.items()}
                for row in frame.to_dict("records")
            ]
        case "lists":
            return {str(name): frame[name].tolist() for name in frame.columns}
        case _:
            index = draw(st.sampled_from([None, ["x"] * len(frame)]))
            return frame.astype(chosen).set_axis(index or frame.index)


def test_names_decide_for_an_estimator_that_wants_its_order() -> None:
    """Columns are put in the order of training, and those that are no features left out."""
    rows = NUMBERS.assign(y=TARGET)[["y", "b", "a"]]
    checked = of_numbers(LogisticRegression())

    assert checked.predict(rows).tolist() == checked.estimator.predict(NUMBERS).tolist()


class Types:
    """Predicts the types of the columns it is given."""

    def predict(self, rows: pd.DataFrame) -> list[str]:
        """One for each column."""
        return [str(dtype) for dtype in rows.dtypes]


def test_values_come_in_the_types_of_training() -> None:
    """What is whole, 0 or 1 or text in another type is what training saw when it is predicted."""
    rows = ROWS.iloc[:4].astype({"hour": float, "night": int, "wind": "float32", "tail": "string"})
    typed = Model(Types(), SIGNATURE, version=VERSION, ranges="off")

    assert typed.predict(rows) == [str(dtype) for dtype in ROWS.dtypes]


class Carriers:
    """Predicts the carriers that it is given."""

    def predict(self, rows: pd.DataFrame) -> list[object]:
        """As they are, and their type."""
        return [*rows["carrier"], str(rows["carrier"].dtype)]


@pytest.mark.parametrize("dtype", [object, "string", "str"])
def test_missing_text_is_spelled_as_in_training(dtype: Any) -> None:
    """None, NA and NaN are all NaN to the model, whose encoder tells them apart."""
    carriers = pd.Series(["AA", None, pd.NA, np.nan], dtype=dtype)
    said = Model(Carriers(), SIGNATURE, version=VERSION).predict(
        ROWS.iloc[:4].assign(carrier=carriers)
    )

    assert (said[0], [type(one) for one in said[1:-1]]) == ("AA", [float] * 3)
    assert said[-1] == "object"


def test_one_row_is_a_dict_or_a_series() -> None:
    """A dict, a row of a table and a list of one dict are one row, and get one prediction."""
    row = ROWS.iloc[5]
    said = [model().predict(one) for one in (row.to_dict(), row, [row.to_dict()])]

    assert [one.tolist() for one in said] == [BARE.predict(ROWS.iloc[5:6]).tolist()] * 3


@pytest.mark.parametrize("empty", [ROWS.iloc[:0], [], {name: [] for name in COLUMNS}])
def test_no_rows_have_no_predictions(empty: Any) -> None:
    """An empty table comes back empty, in the estimator's own type and width."""
    assert model().predict(empty).tolist() == []
    assert model().predict_proba(empty).shape == (0, 2)


def test_columns_that_are_all_missing_are_of_the_trained_type() -> None:
    """Text of which nothing is known reads as numbers, and is text to the model."""
    rows = ROWS.iloc[:3].assign(carrier=np.nan, distance=None)
    bare = rows.assign(carrier=pd.Series([np.nan] * 3, dtype=object), distance=np.nan)

    assert model().predict(rows).tolist() == BARE.predict(bare).tolist()


# What is not


@given(frame=frames(), data=st.data())
def test_a_single_violation_is_named_and_costs_its_row(
    frame: pd.DataFrame, data: st.DataObject
) -> None:
    """Column, row and value are named; with `null` the other rows are predicted all the same."""
    column = data.draw(st.sampled_from(COLUMNS))
    row = data.draw(st.integers(0, len(frame) - 1))
    value, kind = data.draw(st.sampled_from(WRONG[column]))
    rows = broken(frame, column, row, value)
    with pytest.raises(SignatureError) as refused:
        model(ranges="seen").predict(rows)
    bare = BARE.predict(frame).tolist()
    bare[row] = None

    [one] = refused.value.violations
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    assert (one.column, one.row, one.label, one.kind) == (column, row, f"r{row}", kind)
    assert one.value is None if missing else one.value == value
    assert f"{column} of row {row} (index 'r{row}') is " in str(refused.value)
    assert model(ranges="seen", on_violation="null").predict(rows).tolist() == bare


def broken(frame: pd.DataFrame, column: str, row: int, value: object) -> pd.DataFrame:
    """Rows with another value in one place, and labels."""
    values = frame[column].astype(object).tolist()
    values[row] = value
    return frame.assign(**{column: pd.Series(values, dtype=object)}).set_axis(
        [f"r{number}" for number in range(len(frame))]
    )


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (250.0, "wind of row 1 is 250.0, expected at least"),
        ("4", "wind of row 1 is the text '4', expected a number"),
        (None, "wind of row 1 is missing, expected a value, for training saw none missing"),
        (True, "wind of row 1 is the boolean True, expected a number"),
        (np.inf, "wind of row 1 is inf, expected a finite number"),
    ],
)
def test_a_message_says_what_would_be_fit(value: object, said: str) -> None:
    """Each kind of violation has its words."""
    frame = ROWS.iloc[:3]
    rows = frame.assign(wind=pd.Series([1.0, value, 2.0], dtype=object))

    with pytest.raises(SignatureError) as refused:
        model(ranges="seen").predict(rows)

    assert said in str(refused.value)
    assert str(refused.value).startswith("delays@3 does not take these rows: ")


def test_many_violations_are_counted() -> None:
    """A message tells three; the error has all of them, by row."""
    with pytest.raises(SignatureError, match=r"\(and 37 more, in 20 rows\)$") as refused:
        model(ranges="seen").predict(ROWS.iloc[:20].assign(hour="x", day="sun"))

    assert [one.row for one in refused.value.violations] == sorted([*range(20)] * 2)


def test_warned_rows_are_predicted_as_far_as_they_can_be(caplog: pytest.LogCaptureFixture) -> None:
    """`warn` predicts from another range or category; from what is no number it cannot."""
    rows = ROWS.iloc[:3].assign(wind=pd.Series([1.0, 90.0, "x"], dtype=object))
    with caplog.at_level(logging.WARNING, "begat"):
        said = model(ranges="seen", on_violation="warn").predict(rows)
    bare = BARE.predict(ROWS.iloc[:2].assign(wind=[1.0, 90.0])).tolist()

    assert said.tolist() == [*bare, None]
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "delays@3 takes not all of these rows as they are"
    ]


def test_what_training_merely_never_saw_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    """By default it is predicted from, with a warning; with `off` without one."""
    rows = ROWS.iloc[:2].assign(hour=[24, 5], day=["mon", "sun"])
    with caplog.at_level(logging.WARNING, "begat"):
        quiet = model(ranges="off").predict(rows).tolist()
        before = len(caplog.records)
        told = model().predict(rows).tolist()

    assert (quiet, before) == (told, 0)
    assert [one.seen for one in model().check(rows)] == [True, True]
    assert "hour of row 0 is 24, expected at least 0 and at most 23, as training saw" in caplog.text
    assert "day of row 1 is the text 'sun', expected one of 'mon', 'tue'" in caplog.text


def test_an_expected_range_wins_over_what_was_seen() -> None:
    """What people wrote down is refused outside, and taken inside, whatever training saw."""
    between = {
        "assertion": "expect_column_values_to_be_between",
        "column": "hour",
        "params": {"min_value": 0, "max_value": 30},
    }
    expecting = model(assertions=[between])

    assert expecting.check(ROWS.iloc[:1].assign(hour=30)) == []
    with pytest.raises(SignatureError, match="hour of row 0 is 31, expected at least 0 and at mo"):
        expecting.predict(ROWS.iloc[:1].assign(hour=31))


def test_all_rows_may_have_no_prediction() -> None:
    """Nothing is left to predict from, and each output keeps its width."""
    rows = ROWS.iloc[:2].assign(night="x")
    nothing = model(on_violation="null")

    assert nothing.predict(rows).tolist() == [None, None]
    assert np.isnan(nothing.predict_proba(rows)).tolist() == [[True, True]] * 2


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (ROWS.drop(columns="wind"), "no column 'wind'; they have distance, hour"),
        (ROWS.rename(columns={"wind": "Wind"}), "no column 'wind'; is 'Wind' meant for it"),
        (pd.concat([ROWS, ROWS[["wind"]]], axis=1), "the column 'wind' 2 times"),
        ({"wind": 1.0}, "no column 'distance'; they have wind"),
        (ROWS.to_numpy(), r"ndarray of shape \(1200, 7\) has none; .*columns=model.columns"),
        ([[1, 2]], "a list has none"),
        (7, "a int has none"),
        (None, "a NoneType has none"),
    ],
)
@pytest.mark.parametrize("on_violation", ["raise", "warn", "null"])
def test_columns_have_to_be_there(rows: Any, said: str, on_violation: Any) -> None:
    """No policy predicts without one of the columns, or from rows whose columns have no names."""
    with pytest.raises(SignatureError, match=said):
        model(on_violation=on_violation).predict(rows)


# Estimators


def test_numbers_have_no_prediction_as_nan() -> None:
    """A regressor's predictions stay floats; a classifier's whole numbers become objects."""
    rows = NUMBERS.assign(a=[0.0, None, 1.0, 2.0])
    numbers = of_numbers(Ridge(), TARGET.astype(float), on_violation="null").predict(rows)
    classes = of_numbers(LogisticRegression(), on_violation="null")

    assert (numbers.dtype, np.isnan(numbers).tolist()) == (np.float64, [False, True, False, False])
    assert [type(one) for one in classes.predict(rows).tolist()] == [int, type(None), int, int]
    assert np.isnan(classes.decision_function(rows)).tolist() == [False, True, False, False]
    assert np.isnan(classes.predict_log_proba(rows)).any(axis=1).tolist() == [0, 1, 0, 0]


def test_transform_looks_at_rows_too() -> None:
    """An estimator that transforms has an empty row for each that violates, as a table too."""
    discriminant = of_numbers(LinearDiscriminantAnalysis(), on_violation="null")
    rows = NUMBERS.assign(b=[1, 0, "x", 1])
    array = discriminant.transform(rows)
    discriminant.estimator.set_output(transform="pandas")

    assert np.isnan(array).tolist() == [[False], [False], [True], [False]]
    assert discriminant.transform(rows).isna().to_numpy().tolist() == np.isnan(array).tolist()


def test_what_the_estimator_refuses_after_a_warning_is_explained() -> None:
    """A missing value that was only warned of can be more than an estimator takes."""
    warned = of_numbers(LogisticRegression(), on_violation="warn")

    with pytest.raises(DataError, match=r"estimator of delays@3 refuses.*NaN.*a of row 1 is miss"):
        warned.predict(NUMBERS.assign(a=[0.0, None, 1.0, 2.0]))


def test_booleans_with_gaps_are_numbers_to_training() -> None:
    """A column of them was 0.0, 1.0 and missing; booleans are taken for that again."""
    rows = pd.DataFrame({"a": [0.0, 1.0, np.nan, 1.0]})
    forest = RandomForestClassifier(3, random_state=0).fit(rows, TARGET)
    checked = Model(forest, signature(forest, rows, TARGET), version=VERSION, ranges="seen")

    assert (
        checked.predict([{"a": False}, {"a": True}, {"a": None}, {"a": 1}]).tolist()
        == forest.predict(rows).tolist()
    )


def test_categories_of_numbers_are_taken() -> None:
    """A category need not be text; of those seen, each is fit."""
    rows = pd.DataFrame({"store": pd.Categorical([1, 2, 1, 2]), "a": [1.0, 2.0, 3.0, 4.0]})
    from begat.tasks import estimators

    fitted = estimators.with_preprocessing(LogisticRegression(), rows).fit(rows, TARGET)
    checked = Model(fitted, signature(fitted, rows, TARGET), version=VERSION, ranges="seen")

    assert checked.predict(rows).tolist() == fitted.predict(rows).tolist()
    assert [one.column for one in checked.check({"store": [3, "1"], "a": [1.0, 1.0]})] == [
        "store",
        "store",
    ]


def test_everything_else_is_the_estimators() -> None:
    """It can be asked, scored, cloned and inspected as what it stands for."""
    checked = model()

    assert (checked.ref, checked.version, checked.columns) == ("delays@3", VERSION, COLUMNS)
    assert checked.classes_ is BARE.classes_
    assert checked.estimator is BARE
    assert checked.signature == SIGNATURE
    assert is_classifier(checked)
    assert checked.score(ROWS, LATE) == BARE.score(ROWS, LATE)
    assert type(clone(checked)) is type(BARE)
    assert {"predict", "predict_proba", "steps"} <= {*dir(checked)}
    assert not hasattr(checked, "transform")
    assert not hasattr(checked, "decision_function")
    assert repr(checked).startswith("<delays@3: Pipeline of distance, wind, ")
    importance = permutation_importance(checked, ROWS[:50], LATE[:50], n_repeats=1, random_state=0)
    assert len(importance.importances_mean) == len(COLUMNS)


@pytest.mark.parametrize("copied", [lambda one: pickle.loads(pickle.dumps(one)), copy.deepcopy])
def test_a_model_can_be_sent_elsewhere(copied: Any) -> None:
    """What was pickled or copied predicts and refuses as before."""
    again = copied(model(ranges="seen", on_violation="null"))

    assert again.predict(ROWS).tolist() == BARE.predict(ROWS).tolist()
    assert again.predict(ROWS[:1].assign(hour=99)).tolist() == [None]
    assert again.ref == "delays@3"


def test_threads_share_a_model() -> None:
    """Calls at the same time do not see each other's rows."""
    shared = model(ranges="seen", on_violation="null")
    tables = [ROWS.iloc[at : at + 3].assign(hour=[5, 99, at % 24]) for at in range(40)]
    with ThreadPoolExecutor(8) as pool:
        said = [one.tolist() for one in pool.map(shared.predict, tables)]

    assert said == [shared.predict(table).tolist() for table in tables]
    assert [one[1] for one in said] == [None] * 40


def test_rows_that_were_given_stay_as_they_are() -> None:
    """No value and no type of the caller's table is changed."""
    rows = ROWS.iloc[:4].astype({"hour": float, "night": int})
    before = rows.copy(deep=True)
    model(on_violation="null").predict(rows.assign(wind=["x", 1, 2, 3]))
    model().predict(rows)

    pd.testing.assert_frame_equal(rows, before)


def test_without_a_signature_nothing_is_looked_at() -> None:
    """A version that was registered without one predicts from whatever it is given."""
    bare = Ridge().fit([[0], [1]], [0, 1])
    plain = Model(bare, {}, version=VERSION)

    assert plain.predict([[0.5]]).tolist() == bare.predict([[0.5]]).tolist()
    assert (plain.columns, plain.check([[0.5]])) == ([], [])


@pytest.mark.parametrize("wrong", [{"on_violation": "ignore"}, {"ranges": True}])
def test_unknown_rules_are_refused(wrong: dict[str, Any]) -> None:
    """What nobody defined is no rule."""
    with pytest.raises(ParameterError, match=f"{next(iter(wrong))} is one of "):
        model(**wrong)


def test_typed_rows_are_those_of_training() -> None:
    """The rows drawn here have the types that the model was fitted on."""
    assert (
        typed(ROWS.head().to_numpy(object).tolist()).dtypes.tolist()[:4]
        == (ROWS.dtypes.tolist()[:4])
    )
