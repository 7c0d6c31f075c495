"""Events against OpenLineage's own client: what its classes say, begat's dictionaries say."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from openlineage.client import facet_v2 as ol
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.generated import base
from openlineage.client.serde import Serde

from begat.lineage.events import facets, input_dataset, output_dataset, run_event
from begat.lineage.events.facets import PRODUCER, VERSION
from begat.lineage.records import Caller, Dataset, DatasetVersion, RunRef, State

DIGEST = "blake3:" + "ab" * 32
RUN, FLOW, ROOT = (f"0190b1f0-0000-7000-8000-00000000000{number}" for number in range(3))
TIME = "2025-01-31T12:00:00.000000Z"
PART = DatasetVersion(
    namespace="file",
    name="/lake/raw",
    partition="month=2013-01",
    digest=DIGEST,
    size=10,
    rows=2,
    format="csv",
    kind="TABLE",
)
COLUMN: dict[str, Any] = {
    "count": 2,
    "nullCount": 0,
    "distinctCount": 2,
    "sum": 3.0,
    "min": 1.0,
    "max": 2.0,
}

_metrics = ol.data_quality_metrics_dataset
_input_metrics = ol.data_quality_metrics_input_dataset
_columns = ol.column_lineage_dataset
_assertions = ol.data_quality_assertions_dataset

#: What begat's builders say, and what the client's classes do, by position and key.
FACETS: dict[tuple[str, str], tuple[Any, Callable[[], Any]]] = {
    ("run", "nominalTime"): (
        facets.nominal_time("2025-01-31T06:00:00+00:00"),
        lambda: ol.nominal_time_run.NominalTimeRunFacet("2025-01-31T06:00:00+00:00"),
    ),
    ("run", "executionParameters"): (
        facets.execution_parameters({"window": 7, "model": {"depth": 3}}),
        lambda: ol.execution_parameters_run.ExecutionParametersRunFacet(
            [
                ol.execution_parameters_run.ExecutionParameter("window", value="7"),
                ol.execution_parameters_run.ExecutionParameter("model.depth", value="3"),
            ]
        ),
    ),
    ("run", "errorMessage"): (
        facets.error_message("no such column"),
        lambda: ol.error_message_run.ErrorMessageRunFacet("no such column", "Python"),
    ),
    ("job", "sourceCodeLocation"): (
        facets.source_code_location(
            url="https://host/repo/tree/c0ffee",
            repository="https://host/repo",
            commit="c0ffee",
            branch="main",
        ),
        lambda: ol.source_code_location_job.SourceCodeLocationJobFacet(
            type="git",
            url="https://host/repo/tree/c0ffee",
            repoUrl="https://host/repo",
            version="c0ffee",
            branch="main",
        ),
    ),
    ("job", "documentation"): (
        facets.documentation("Features.", content_type="text/markdown"),
        lambda: ol.documentation_job.DocumentationJobFacet("Features.", "text/markdown"),
    ),
    ("dataset", "documentation"): (
        facets.documentation("Flights.", position="dataset"),
        lambda: ol.documentation_dataset.DocumentationDatasetFacet("Flights."),
    ),
    ("dataset", "schema"): (
        facets.schema([{"name": "late", "type": "int8", "ordinal_position": 1}]),
        lambda: ol.schema_dataset.SchemaDatasetFacet(
            [ol.schema_dataset.SchemaDatasetFacetFields("late", "int8", ordinal_position=1)]
        ),
    ),
    ("dataset", "columnLineage"): (
        facets.column_lineage(
            {"late": [facets.input_field(Dataset(namespace="file", name="/lake"), "delay")]}
        ),
        lambda: _columns.ColumnLineageDatasetFacet(
            {
                "late": _columns.Fields(
                    [
                        _columns.InputField(
                            "file", "/lake", "delay", [_columns.Transformation("DIRECT")]
                        )
                    ]
                )
            }
        ),
    ),
    ("dataset", "dataQualityMetrics"): (
        facets.data_quality_metrics({"rowCount": 2, "columnMetrics": {"delay": COLUMN}}),
        lambda: _metrics.DataQualityMetricsDatasetFacet(
            {"delay": _metrics.ColumnMetrics(**COLUMN)}, rowCount=2
        ),
    ),
    ("input", "dataQualityMetrics"): (
        facets.data_quality_metrics_input({"rowCount": 2, "columnMetrics": {"delay": COLUMN}}),
        lambda: _input_metrics.DataQualityMetricsInputDatasetFacet(
            {"delay": _input_metrics.ColumnMetrics(**COLUMN)}, rowCount=2
        ),
    ),
    ("input", "dataQualityAssertions"): (
        facets.data_quality_assertions(
            [{"assertion": "not_null", "success": False, "column": "delay"}]
        ),
        lambda: _assertions.DataQualityAssertionsDatasetFacet(
            [_assertions.Assertion("not_null", success=False, column="delay")]
        ),
    ),
}


@pytest.fixture(autouse=True)
def producer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client's facets are begat's for a while."""
    monkeypatch.setattr(base, "PRODUCER", PRODUCER)


def said(value: Any) -> Any:
    """A facet or event of the client's, or a dictionary, as far as it says anything.

    Without the versions of schemas, of which either side may know newer ones, and without
    the empty objects and lists that the client writes where nothing was given.
    """
    if isinstance(value, str):
        return re.sub(r"/\d+-\d+-\d+/", "/…/", value)
    if isinstance(value, list):
        return [said(item) for item in value]
    if hasattr(value, "__attrs_attrs__"):
        value = Serde.to_dict(value)
    if isinstance(value, dict):
        return {key: said(item) for key, item in value.items() if item not in ({}, [])}
    return value


@pytest.mark.parametrize(("position", "key"), FACETS)
def test_facet(position: str, key: str) -> None:
    """A standard facet is what the client's class of it makes of the same values."""
    ours, theirs = FACETS[position, key]

    assert said(ours) == said(theirs())


def client_event(state: State) -> RunEvent:
    """A task's event as somebody would write it with the client."""
    subset = ol.base_subset_dataset.PartitionSubsetCondition(
        [ol.base_subset_dataset.Partition({"month": "2013-01"}, identifier="month=2013-01")]
    )
    about = {
        "version": ol.dataset_version_dataset.DatasetVersionDatasetFacet(DIGEST),
        "datasetType": ol.dataset_type_dataset.DatasetTypeDatasetFacet("TABLE"),
        "storage": ol.storage_dataset.StorageDatasetFacet("file", "csv"),
    }
    parent = ol.parent_run
    return RunEvent(
        eventType=RunState[state],
        eventTime=TIME,
        producer=PRODUCER,
        run=Run(
            RUN,
            {
                "processing_engine": ol.processing_engine_run.ProcessingEngineRunFacet(
                    version="3.8.8", name="prefect", openlineageAdapterVersion=VERSION
                ),
                "parent": parent.ParentRunFacet(
                    run=parent.Run(FLOW),
                    job=parent.Job("begat", "delays"),
                    root=parent.Root(parent.RootRun(ROOT), parent.RootJob("team", "nightly")),
                ),
            },
        ),
        job=Job(
            "begat",
            "delays.prepare",
            {
                "jobType": ol.job_type_job.JobTypeJobFacet(
                    processingType="BATCH", integration="PREFECT", jobType="TASK"
                )
            },
        ),
        inputs=[
            InputDataset(
                "file",
                "/lake/raw",
                facets=dict(about),
                inputFacets={
                    "inputStatistics": (
                        ol.input_statistics_input_dataset.InputStatisticsInputDatasetFacet(
                            rowCount=2, size=10
                        )
                    ),
                    "subset": ol.base_subset_dataset.InputSubsetInputDatasetFacet(subset),
                },
            )
        ],
        outputs=[
            OutputDataset(
                "file",
                "/lake/raw",
                facets=dict(about),
                outputFacets={
                    "outputStatistics": (
                        ol.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
                            rowCount=2, size=10
                        )
                    ),
                    "subset": ol.base_subset_dataset.OutputSubsetOutputDatasetFacet(subset),
                },
            )
        ],
    )


@pytest.mark.parametrize("state", ["START", "COMPLETE", "FAIL", "ABORT"])
def test_event(state: State) -> None:
    """A run event is what the client makes of the same run, but for begat's own facets."""
    caller = Caller(
        run=RunRef(run_id=RUN, namespace="begat", job="delays.prepare"),
        parent=RunRef(run_id=FLOW, namespace="begat", job="delays"),
        root=RunRef(run_id=ROOT, namespace="team", job="nightly"),
        engine="prefect",
        engine_version="3.8.8",
    )
    read = input_dataset(PART, "part")
    assert read["inputFacets"].pop("begat_snapshot")["argument"] == "part"
    event = run_event(
        state, caller=caller, time=TIME, inputs=[read], outputs=[output_dataset(PART)]
    )

    assert said(event) == said(client_event(state))
