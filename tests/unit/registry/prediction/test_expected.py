"""What people expect of a model's data is found in its lineage."""

from __future__ import annotations

import logging

import pytest

from begat import lineage
from begat.flows import training
from begat.lineage.errors import SignatureError
from begat.lineage.registry.prediction import expected
from begat.lineage.workspace import workspace
from support.delays import Lake, clean, features, month
from support.recorder import Recorder

pytestmark = pytest.mark.usefixtures("recorder")


def test_expectations_of_the_pipeline_hold_when_predicting(
    recorder: Recorder, tmp_path_factory: pytest.TempPathFactory, caplog: pytest.LogCaptureFixture
) -> None:
    """What `prepare` was expected to return is what features of the same name have to be."""
    lake = Lake(tmp_path_factory.mktemp("lake"))
    lake.months()
    pipeline = lake.pipeline(
        expectations=[
            {
                "type": "expect_column_values_to_be_between",
                "kwargs": {"column": "distance", "min_value": 0, "max_value": 9000},
            },
            {
                "type": "expect_column_values_to_be_in_set",
                "kwargs": {"column": "carrier", "value_set": ["AA", "UA", "DL"]},
            },
        ]
    )
    report = training.run(pipeline, adapter="plain")
    model = lineage.load(report.model_version)
    rows = features(clean(month(7)))[:2]
    with caplog.at_level(logging.WARNING, "begat"):
        model.predict(rows.assign(distance=[0, 9000], far=[3.0, 4.0], carrier="DL"))

    assert (caplog.messages, recorder.store is workspace().store) == ([], True)
    for changed, said in (
        (
            {"distance": [1, 9001]},
            "distance of row 1 is 9001, expected at least 0 and at",
        ),
        ({"carrier": ["ZZ", "AA"]}, "carrier of row 0 is the text 'ZZ', expected one of 'AA'"),
    ):
        with pytest.raises(SignatureError, match=said):
            model.predict(rows.assign(**changed))


def test_without_expectations_there_are_none(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A pipeline that expects nothing has no such rules, nor has a version without lineage."""
    lake = Lake(tmp_path_factory.mktemp("lake"))
    lake.months()
    report = training.run(lake.pipeline(), adapter="plain")
    store = workspace().store
    of = lineage.load(report.model_version).version

    assert expected.assertions(store, of) == []
    assert expected.assertions(store, lineage.ModelVersion(model="x", version=1, digest="")) == []
