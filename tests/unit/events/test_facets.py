"""Facets, and the schemas of begat's own."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pytest

from begat.lineage.capture.git import Git
from begat.lineage.events import canonical, facets, new_id
from begat.lineage.records import Dataset, RunRef
from support.openlineage import InvalidEventError, Specification

DIGEST = "blake3:" + "ab" * 32
RUN = new_id()
FLIGHTS = Dataset(namespace="file", name="/lake/flights")
RECIPE = {
    "digest": DIGEST,
    "functions": {"flights.features": DIGEST},
    "packages": {"pandas": "3.0.0"},
    "parameters": {"window": 7, "estimator": {"class": "Ridge", "alpha": 1.0}},
    "environment": {"TZ": DIGEST},
    "inputs": {"part": {"dataset": "flights", "digest": DIGEST}},
    "python": "3.12.4",
    "seed": 7,
    "reusable": False,
    "reasons": ["read /etc/hosts, which is none of its inputs"],
    "result": {"$version": {"digest": DIGEST}},
    "sources": DIGEST,
    "commit": "",
    "dirty": None,
}
METRICS = {
    "rowCount": 3,
    "columnMetrics": {"delay": {"count": 3, "min": -1.0, "quantiles": {"0.5": 2.0}}},
}

#: A facet of every builder: position, key, facet.
EVERY: list[tuple[facets.Position, str, facets.Facet]] = [
    ("run", "parent", facets.parent(RunRef(run_id=RUN, namespace="begat", job="flow"))),
    ("run", "processing_engine", facets.processing_engine("prefect", "3.8.8")),
    ("run", "nominalTime", facets.nominal_time("2025-01-31", end="2025-02-01T00:00:00+01:00")),
    ("run", "executionParameters", facets.execution_parameters({"a": {"b": 1}, "c": "d"})),
    ("run", "errorMessage", facets.error_message(ValueError("no"))),
    ("run", "errorMessage", facets.error_message("no")),
    ("job", "sourceCodeLocation", Git(commit="a" * 40, url="file:///code").to_facet()),
    ("job", "jobType", facets.job_type("prefect", "TASK")),
    ("job", "documentation", facets.documentation("*Trains*.", content_type="text/markdown")),
    ("dataset", "documentation", facets.documentation("Delays.", position="dataset")),
    ("dataset", "version", facets.version(DIGEST)),
    ("dataset", "datasetType", facets.dataset_type("MODEL")),
    ("dataset", "storage", facets.storage("begat", "parquet")),
    ("dataset", "schema", facets.schema([{"name": "delay", "type": "double"}])),
    (
        "dataset",
        "columnLineage",
        facets.column_lineage(
            {"late": [facets.input_field(FLIGHTS, "delay", subtype="TRANSFORMATION")]},
            dataset=[facets.input_field(FLIGHTS, "month", type="INDIRECT")],
        ),
    ),
    ("dataset", "dataQualityMetrics", facets.data_quality_metrics(METRICS)),
    ("input", "dataQualityMetrics", facets.data_quality_metrics_input(METRICS)),
    (
        "input",
        "dataQualityAssertions",
        facets.data_quality_assertions([{"assertion": "not_null", "success": np.bool_(True)}]),
    ),
    ("input", "subset", facets.input_subset(["month=2013-01", "month=2013-02"])),
    ("input", "inputStatistics", facets.input_statistics(size=10)),
    ("output", "subset", facets.output_subset(["month=2013-01/carrier=AA"])),
    ("output", "outputStatistics", facets.output_statistics(size=10, rows=2)),
    ("run", "begat_recipe", facets.recipe(RECIPE)),
    ("run", "begat_reuse", facets.reuse(run=RUN)),
    ("run", "begat_reuse", facets.reuse(executed=0, reused=25, model_version="delays@2")),
    ("run", "begat_image", facets.image(digest="sha256:" + "0" * 64, reference="team/delays:2")),
    ("run", "begat_attempt", facets.attempt(2, engine="prefect", engine_run_id="x")),
    (
        "run",
        "begat_reproduction",
        facets.reproduction(
            {
                "of": "delays@2",
                "verdict": "within tolerance",
                "tolerance": 0.005,
                "worst": 0.001,
                "metrics": {
                    "auc": {"recorded": 1, "made": None, "difference": None, "verdict": "cannot"}
                },
                "outputs": {"identical": 1, "all": 2},
                "different": ["package numpy 2.1: 2.2 here"],
                "missing": [],
                "reasons": [],
            }
        ),
    ),
    ("run", "begat_metrics", facets.metrics({"auc": 0.5, "log_loss": math.nan})),
    (
        "run",
        "begat_metrics",
        facets.metrics(
            {"auc": np.float64(0.5)},
            slices={"carrier": {"AA": {"auc": None, "rows": np.int64(3)}}},
            steps=[{"loss": 1}, {"loss": 0.5}],
        ),
    ),
    ("input", "begat_snapshot", facets.single(argument="part", partition="", producer="")),
    (
        "input",
        "begat_snapshot",
        facets.single(argument="part", partition="m=1", producer=RUN, location="/lake/1.csv"),
    ),
    (
        "input",
        "begat_snapshot",
        facets.snapshot(
            argument="parts",
            content_root=DIGEST,
            lineage_root=DIGEST,
            count=2,
            rows=[("m=1", DIGEST, RUN), ("m=2", DIGEST, "")],
        ),
    ),
    (
        "dataset",
        "begat_arrivals",
        facets.arrivals(
            batch=RUN,
            source="s3://lake/raw/month={month}/x.csv",
            partitions=["month=2013-12"],
            count=1,
            objects=[("month=2013-12", "raw/month=2013-12/x.csv", "v1", "2013-12-31T23:59:59Z")],
        ),
    ),
    (
        "dataset",
        "begat_transition",
        facets.transition(
            {
                "seq": 3,
                "action": "promote",
                "model": "delays",
                "version": 2,
                "before": "Staging",
                "after": "Production",
                "replaced": 1,
                "who": "ada",
                "reason": "better",
                "hash": DIGEST,
            }
        ),
    ),
    ("dataset", "begat_modelVersion", facets.model_version("delays", 1)),
    (
        "dataset",
        "begat_modelVersion",
        facets.model_version(
            "delays",
            2,
            digest=DIGEST,
            stage="Staging",
            registered_by="ci",
            signature=DIGEST,
            training_run=RUN,
        ),
    ),
]


def event_with(position: str, key: str, facet: facets.Facet) -> dict[str, Any]:
    """An event that has nothing but this facet."""
    event: dict[str, Any] = {
        "eventType": "COMPLETE",
        "eventTime": "2025-01-31T12:00:00Z",
        "producer": facets.PRODUCER,
        "schemaURL": f"{facets.CORE}#/$defs/RunEvent",
        "run": {"runId": RUN},
        "job": {"namespace": "begat", "name": "flow.task"},
    }
    if position in ("run", "job"):
        event[position]["facets"] = {key: facet}
        return event
    member = "facets" if position == "dataset" else f"{position}Facets"
    direction = "outputs" if position == "output" else "inputs"
    return event | {direction: [{"namespace": "file", "name": "/lake", member: {key: facet}}]}


@pytest.mark.parametrize(("position", "key", "facet"), EVERY)
def test_every_facet_is_what_its_schema_says(
    position: str, key: str, facet: facets.Facet, official: Specification
) -> None:
    """What a builder returns is valid at its position, and JSON can say it."""
    event = event_with(position, key, facet)

    official.validate(event)
    assert json.loads(canonical(event)) == event


@pytest.mark.parametrize(("position", "key", "facet"), EVERY)
def test_every_facet_names_its_schema(
    position: facets.Position, key: str, facet: facets.Facet, official: Specification
) -> None:
    """`_schemaURL` is the very definition that the facet is validated against."""
    assert facet["_producer"] == facets.PRODUCER
    assert facet["_schemaURL"] == facets.facet(position, key, {})["_schemaURL"]
    assert facet["_schemaURL"] in official.references or not official.official


def test_every_one_of_begats_own_is_built_here() -> None:
    """No facet of begat's is without a case above, but those that capture's tests cover."""
    covered = {key for _, key, _ in EVERY} | {"begat_hardware", "begat_packages", "begat_seeds"}

    assert covered >= set(facets.OURS)


@pytest.mark.parametrize("key", facets.OURS)
def test_every_one_of_begats_own_has_a_schema(key: str) -> None:
    """Its `$id` and definition are what facets of that key name."""
    path = facets.schema_path(key)
    document = json.loads(path.read_text(encoding="utf-8"))
    named = facets.facet(facets.OURS[key], key, {})["_schemaURL"]

    assert document["$id"] == f"urn:begat:facet:{path.stem}:1-0-0"
    assert named == f"{document['$id']}#/$defs/{path.stem}"
    assert document["properties"] == {key: {"$ref": f"#/$defs/{path.stem}"}}
    assert list(document["$defs"]) == [path.stem]


def test_no_schema_is_without_a_facet() -> None:
    """The folder of schemas holds those of begat's facets and nothing else."""
    folder = facets.schema_path("begat_recipe").parent

    assert set(folder.iterdir()) == set(map(facets.schema_path, facets.OURS))


@pytest.mark.parametrize(
    ("key", "body"),
    [
        ("begat_recipe", {"digest": "0" * 64, "reusable": True}),
        ("begat_recipe", {"digest": DIGEST}),
        ("begat_reuse", {}),
        ("begat_reuse", {"run": "the last one"}),
        ("begat_reuse", {"executed": 1}),
        ("begat_image", {}),
        ("begat_image", {"digest": "latest"}),
        ("begat_metrics", {"metrics": {"auc": "high"}}),
        ("begat_metrics", {"metrics": {}, "slices": {"carrier": {"AA": 1}}}),
        ("begat_snapshot", {"argument": "part"}),
        ("begat_snapshot", {"argument": "part", "partition": "", "producer": "somebody"}),
        ("begat_snapshot", facets.single(argument="a", partition="", producer="") | {"count": 0}),
        (
            "begat_snapshot",
            facets.snapshot(
                argument="a",
                content_root=DIGEST,
                lineage_root=DIGEST,
                count=1,
                rows=[("", DIGEST)],
            ),
        ),
        ("begat_modelVersion", {"model": "delays", "version": 1, "stage": "production"}),
        ("begat_modelVersion", {"model": "delays", "version": 0, "stage": None}),
        ("begat_transition", {"seq": 0, "action": "a", "model": "m", "who": "w", "hash": DIGEST}),
        ("begat_transition", {"seq": 1, "action": "promote", "model": "m", "hash": DIGEST}),
        ("begat_seeds", {"seed": 0, "derived": {}, "pythonhashseed": ""}),
        ("begat_attempt", {"attempt": 0}),
        ("begat_reproduction", {"of": "delays@2", "verdict": "maybe", "tolerance": 0.005}),
        ("begat_packages", {"digest": DIGEST}),
        ("begat_hardware", {"cpu": "x", "cores": 2}),
    ],
)
def test_begats_schemas_refuse(key: str, body: dict[str, Any], official: Specification) -> None:
    """A facet that lacks what it is for, or has it in another form, is not valid."""
    position = facets.OURS[key]
    event = event_with(position, key, facets.facet(position, key, body))

    with pytest.raises(InvalidEventError, match=key):
        official.validate(event)


def test_parameters_are_told_one_by_one() -> None:
    """Nested parameters have dotted keys; values are JSON, but strings are themselves."""
    found = facets.execution_parameters(
        {"estimator": {"class": "Ridge", "alpha": 1.0}, "columns": ["a"], "none": {}, "x": None}
    )

    assert [(item["key"], item["value"]) for item in found["parameters"]] == [
        ("estimator.class", "Ridge"),
        ("estimator.alpha", "1.0"),
        ("columns", '["a"]'),
        ("none", "{}"),
        ("x", "null"),
    ]


def test_an_error_is_told_with_its_trace() -> None:
    """The facet errorMessage holds the exception's type, message and the end of its stack trace."""
    try:
        raise ValueError("\0 and \udc80 in " + "x" * 100_000)
    except ValueError as error:
        found = facets.error_message(error)

    assert found["message"].startswith("ValueError: \\x00 and \\udc80 in xxx")
    assert len(found["stackTrace"]) <= 16_384
    assert found["programmingLanguage"] == "Python"
    assert canonical(found)


def test_an_error_that_cannot_say_itself_is_told() -> None:
    """An exception whose `__str__` raises still ends its run with a message."""

    class BadError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert "BadError" in facets.error_message(BadError())["message"]


def test_a_metric_without_a_value_is_null() -> None:
    """NaN and the infinities, which JSON does not have, become null."""
    found = facets.metrics({"auc": math.nan, "loss": np.float64("inf"), "accuracy": 1})

    assert found["metrics"] == {"auc": None, "loss": None, "accuracy": 1}


def test_column_metrics_without_a_value_are_left_out() -> None:
    """OpenLineage's column metrics are numbers: one that is none is not told."""
    found = facets.data_quality_metrics_input(
        {"columnMetrics": {"delay": {"min": math.nan, "count": 0, "quantiles": {"0.5": math.nan}}}}
    )

    assert found["columnMetrics"] == {"delay": {"count": 0, "quantiles": {}}}


def test_a_nominal_time_without_a_zone_is_utc() -> None:
    """A schedule's naive time is taken for UTC, as RFC 3339 needs a zone."""
    assert facets.nominal_time("2025-01-31T06:00:00")["nominalStartTime"] == (
        "2025-01-31T06:00:00+00:00"
    )


def test_partitions_are_told_by_their_keys() -> None:
    """A subset names each partition, and the value of each of its keys."""
    found = facets.output_subset(["month=2013-01/carrier=A=A"])

    assert found["outputCondition"]["partitions"] == [
        {
            "identifier": "month=2013-01/carrier=A=A",
            "dimensions": {"month": "2013-01", "carrier": "A=A"},
        }
    ]


def test_what_is_not_known_of_the_code_is_left_out() -> None:
    """A commit without remote or branch has no empty strings for them."""
    found = Git(commit="a" * 40, url="file:///code").to_facet()

    assert set(found) == {"_producer", "_schemaURL", "type", "url", "version"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (np.array([1.0, np.nan]), [1.0, None]),
        ((1, {2: PurePosixPath("/a")}), [1, {"2": "/a"}]),
        ({"b", "a"}, ["a", "b"]),
        (True, True),
        (-math.inf, None),
    ],
)
def test_the_nearest_value_that_json_has(value: object, expected: object) -> None:
    """What users put into facets of their own is written, not refused."""
    assert facets.jsonable(value) == expected


@pytest.mark.parametrize("position", ["run", "job", "dataset", "input", "output"])
def test_a_facet_of_another_key_is_a_facet(
    position: facets.Position, official: Specification
) -> None:
    """A user's own key gets the schema that all facets of its position share."""
    official.validate(event_with(position, "team_note", facets.facet(position, "team_note", {})))


def test_a_facet_keeps_who_made_it() -> None:
    """A facet that comes with its own producer and schema keeps them."""
    own = {"_producer": "urn:x:y", "_schemaURL": "urn:x:z", "a": 1}

    assert facets.facet("run", "team_note", own) == own


@pytest.mark.parametrize("builder", [facets.hardware, facets.packages, facets.seeds])
def test_a_builder_does_not_keep_the_body(builder: Callable[[dict[str, Any]], Any]) -> None:
    """A facet is a dictionary of its own."""
    body = {"a": 1}
    builder(body)["a"] = 2

    assert body == {"a": 1}
