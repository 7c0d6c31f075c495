"""Events from records."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from begat.lineage.content import merkle
from begat.lineage.events import (
    facets,
    input_dataset,
    new_id,
    now,
    output_dataset,
    run_event,
    shifted,
)
from begat.lineage.events.build import INLINE_PARTITIONS
from begat.lineage.records import Caller, DatasetVersion, ModelVersion, RunRef, Snapshot, State
from support.openlineage import Specification

DIGEST = "blake3:" + "ab" * 32
TIME = "2025-01-31T12:00:00.000000Z"
TASK = RunRef(run_id=new_id(), namespace="begat", job="delays.featurize")
FLOW = RunRef(run_id=new_id(), namespace="begat", job="delays")
OUTER = RunRef(run_id=new_id(), namespace="team", job="nightly")
CALLER = Caller(run=TASK, parent=FLOW, root=OUTER, engine="prefect", engine_version="3.8.8")
MODEL = ModelVersion(model="delays", version=3, digest=DIGEST, producer=new_id())
PART = DatasetVersion(
    namespace="begat",
    name="delays/features",
    partition="month=2013-01",
    digest=DIGEST,
    size=10,
    rows=2,
    format="parquet",
    kind="TABLE",
    producer=new_id(),
)


def snapshot(count: int) -> Snapshot:
    """So many partitions of one dataset."""
    return Snapshot(
        versions=tuple(dataclasses.replace(PART, partition=f"n={i:05}") for i in range(count))
    )


@pytest.mark.parametrize("state", ["START", "RUNNING", "COMPLETE", "FAIL", "ABORT"])
@pytest.mark.parametrize("count", [1, 3, INLINE_PARTITIONS + 1])
def test_events_are_what_openlineage_says(
    state: State, count: int, official: Specification
) -> None:
    """A task run's event with every kind of input and output is valid, whatever happened."""
    event = run_event(
        state,
        caller=dataclasses.replace(CALLER, nominal_time="2025-01-31T06:00:00", attempt=2),
        time=now(),
        inputs=[
            input_dataset(PART, "part"),
            input_dataset(snapshot(count), "parts"),
            input_dataset(MODEL, "champion"),
        ],
        outputs=[output_dataset(PART), output_dataset(MODEL)],
        run_facets={"errorMessage": facets.error_message("no"), "team_note": {"text": "x"}},
        job_facets={"documentation": {"description": "Features."}},
    )

    official.validate(event)


def test_a_run_says_who_started_it() -> None:
    """The parent facet names the flow run and the outermost run."""
    parent = run_event("START", caller=CALLER, time=TIME)["run"]["facets"]["parent"]

    assert parent["run"] == {"runId": FLOW.run_id}
    assert parent["job"] == {"namespace": "begat", "name": "delays"}
    assert parent["root"] == {
        "run": {"runId": OUTER.run_id},
        "job": {"namespace": "team", "name": "nightly"},
    }


def test_a_shifted_time_is_one_still() -> None:
    """A time of long ago sorts before one of today, as text."""
    then = shifted(now(), -timedelta(days=600_000))

    assert len(then) == len(now())
    assert then < now()


def test_an_outermost_parent_is_the_root() -> None:
    """Without another root the parent is it."""
    caller = dataclasses.replace(CALLER, root=None)
    parent = run_event("START", caller=caller, time=TIME)["run"]["facets"]["parent"]

    assert parent["root"]["run"] == {"runId": FLOW.run_id}


def test_a_bare_run_says_only_what_is_known() -> None:
    """A run that nobody started has an engine, and neither parent, schedule nor attempt."""
    event = run_event("START", caller=Caller(run=TASK), time=TIME)

    assert set(event["run"]["facets"]) == {"processing_engine"}
    assert event["run"]["facets"]["processing_engine"]["version"]
    assert event["job"]["facets"]["jobType"]["jobType"] == "TASK"


def test_an_attempt_says_which_it_is() -> None:
    """A second try, and the orchestrator's own id, are told."""
    caller = dataclasses.replace(CALLER, attempt=2, engine_run_id="abc")
    found = run_event("START", caller=caller, time=TIME)["run"]["facets"]["begat_attempt"]

    assert (found["attempt"], found["engine"], found["engine_run_id"]) == (2, "prefect", "abc")


def test_not_known_is_not_none() -> None:
    """Inputs that nobody named are absent; that there are none is an empty list."""
    unknown = run_event("START", caller=CALLER, time=TIME)
    none = run_event("START", caller=CALLER, time=TIME, inputs=[], outputs=[])

    assert not {"inputs", "outputs"} & set(unknown)
    assert none["inputs"] == none["outputs"] == []


def test_facets_are_completed() -> None:
    """A body without producer gets one and its schema; an empty one is left out."""
    given = {"begat_metrics": {"metrics": {"auc": float("nan")}}, "begat_image": {}}
    found = run_event("COMPLETE", caller=CALLER, time=TIME, run_facets=given)["run"]["facets"]

    assert found["begat_metrics"] == facets.metrics({"auc": None})
    assert "begat_image" not in found
    assert given == {"begat_metrics": given["begat_metrics"], "begat_image": {}}


def test_an_input_says_all_that_identifies_it() -> None:
    """Digest, partition, producer, format and sizes of one version can be read back."""
    found = input_dataset(PART, "part", input_facets={"dataQualityMetrics": {"columnMetrics": {}}})
    reading, about = found["inputFacets"], found["facets"]

    assert (found["namespace"], found["name"]) == ("begat", "delays/features")
    assert about["version"]["datasetVersion"] == DIGEST
    assert about["datasetType"]["datasetType"] == "TABLE"
    assert (about["storage"]["storageLayer"], about["storage"]["fileFormat"]) == (
        "begat",
        "parquet",
    )
    assert reading["begat_snapshot"] == facets.single(
        argument="part", partition="month=2013-01", producer=PART.producer
    )
    assert reading["subset"] == facets.input_subset(["month=2013-01"])
    assert (reading["inputStatistics"]["size"], reading["inputStatistics"]["rowCount"]) == (10, 2)
    assert reading["dataQualityMetrics"]["_schemaURL"].endswith("InputDatasetFacet")


def test_raw_data_has_a_place_and_no_producer() -> None:
    """A file from outside is told with its location; storage is where its namespace says."""
    raw = dataclasses.replace(
        PART, namespace="s3://lake", producer="", location="s3://lake/1.csv", rows=None
    )
    found = input_dataset(raw, "part")

    assert found["inputFacets"]["begat_snapshot"]["producer"] == ""
    assert found["inputFacets"]["begat_snapshot"]["location"] == "s3://lake/1.csv"
    assert found["facets"]["storage"]["storageLayer"] == "s3"
    assert "rowCount" not in found["inputFacets"]["inputStatistics"]


def test_an_unpartitioned_dataset_has_no_subset() -> None:
    """The empty partition is no partition."""
    whole = dataclasses.replace(PART, partition="")

    assert "subset" not in input_dataset(whole, "part")["inputFacets"]
    assert "subset" not in output_dataset(whole)["outputFacets"]


def test_a_snapshot_says_its_roots_and_rows() -> None:
    """A snapshot is its Merkle roots, and up to a thousand partitions one by one."""
    many = snapshot(3)
    roots = merkle.roots(many)
    found = input_dataset(many, "parts")
    told = found["inputFacets"]["begat_snapshot"]

    assert found["facets"]["version"]["datasetVersion"] == roots.content
    assert (told["content_root"], told["lineage_root"], told["count"]) == (
        roots.content,
        roots.lineage,
        3,
    )
    assert told["rows"] == [[v.partition, v.digest, v.producer] for v in many.versions]
    assert found["inputFacets"]["subset"] == facets.input_subset(["n=00000", "n=00001", "n=00002"])
    assert found["inputFacets"]["inputStatistics"] == facets.input_statistics(size=30, rows=6)


@pytest.mark.parametrize(
    ("count", "rows"), [(3, False), (INLINE_PARTITIONS + 1, True), (INLINE_PARTITIONS + 1, False)]
)
def test_a_large_or_starting_snapshot_says_only_its_roots(count: int, rows: bool) -> None:
    """Above a thousand partitions, and where asked to, no partition is told by itself."""
    found = input_dataset(snapshot(count), "parts", rows=rows)["inputFacets"]

    assert "rows" not in found["begat_snapshot"]
    assert found["begat_snapshot"]["count"] == count
    assert "subset" not in found


def test_a_thousand_partitions_are_told() -> None:
    """The last snapshot that is told row by row has a thousand."""
    found = input_dataset(snapshot(INLINE_PARTITIONS), "parts")["inputFacets"]

    assert len(found["begat_snapshot"]["rows"]) == INLINE_PARTITIONS


def test_an_output_says_all_that_identifies_it() -> None:
    """Digest, partition, format and sizes of what was written can be read back."""
    found = output_dataset(PART, facets={"schema": facets.schema([])})

    assert found["facets"]["version"]["datasetVersion"] == DIGEST
    assert found["outputFacets"]["subset"] == facets.output_subset(["month=2013-01"])
    assert found["outputFacets"]["outputStatistics"] == facets.output_statistics(size=10, rows=2)
    assert "schema" in found["facets"]


def test_a_model_version_is_the_model_file() -> None:
    """A registered model is the dataset of the pipeline's model, by digest, as a MODEL."""
    found = output_dataset(MODEL)

    assert (found["namespace"], found["name"]) == ("begat", "delays/model")
    assert found["facets"]["version"]["datasetVersion"] == DIGEST
    assert found["facets"]["datasetType"]["datasetType"] == "MODEL"
    assert found["facets"]["begat_modelVersion"]["version"] == 3


def test_a_model_that_was_read_names_who_registered_it() -> None:
    """Reading a model version points to its register run."""
    found = input_dataset(MODEL, "champion")["inputFacets"]["begat_snapshot"]

    assert found["producer"] == MODEL.producer


def test_the_time_is_utc() -> None:
    """Events' times say their zone and the microsecond."""
    found = now()

    assert found.endswith("Z")
    assert datetime.fromisoformat(found).tzinfo == UTC
