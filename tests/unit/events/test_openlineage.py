"""The validation itself: it accepts the specification's events and refuses wrong ones."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from begat.lineage.events import facets, new_id, output_dataset, run_event
from begat.lineage.records import Caller, DatasetVersion, RunRef
from support import openlineage
from support.openlineage import InvalidEventError, Specification

EVENT = run_event(
    "COMPLETE",
    caller=Caller(run=RunRef(run_id=new_id(), namespace="begat", job="delays.train")),
    time="2025-01-31T12:00:00Z",
    outputs=[
        output_dataset(
            DatasetVersion(namespace="begat", name="a", digest="blake3:" + "0" * 64, size=1)
        )
    ],
    run_facets={"begat_reuse": facets.reuse(executed=1, reused=0)},
)


def put(event: dict[str, Any], path: str, value: object) -> None:
    """Set what lies at a path of keys and indexes."""
    *steps, last = [int(step) if step.isdecimal() else step for step in path.split("/")]
    holder: Any = event
    for step in steps:
        holder = holder[step]
    holder[last] = value


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("run/runId", "1"),
        ("eventTime", "2025-01-31T12:00:00"),
        ("eventTime", "yesterday"),
        ("producer", "begat"),
        ("eventType", "DONE"),
        ("job", {"name": "train"}),
        ("run/facets/processing_engine", {}),
        ("run/facets/processing_engine", facets.facet("run", "processing_engine", {})),
        ("run/facets/dataQualityAssertions", facets.data_quality_assertions([])),
        ("outputs/0/facets/version", facets.facet("dataset", "version", {"datasetVersion": 1})),
        ("outputs/0/outputFacets/subset", facets.input_subset([])),
        ("job/facets/jobType", facets.facet("job", "jobType", {"processingType": "BATCH"})),
    ],
)
def test_an_event_that_breaks_the_specification_is_refused(
    path: str, value: object, official: Specification
) -> None:
    """Formats, core and standard facets are all looked at."""
    event = copy.deepcopy(EVENT)
    official.validate(event)
    put(event, path, value)

    if official.official:
        with pytest.raises(InvalidEventError):
            official.validate(event)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("run/facets/begat_reuse", facets.facet("run", "begat_reuse", {"executed": -1})),
        ("run/facets/begat_reuse", {"executed": 1, "reused": 1}),
        ("run/facets/begat_thing", facets.facet("run", "begat_thing", {})),
        ("job/facets/begat_reuse", facets.reuse(executed=1, reused=0)),
    ],
)
def test_a_wrong_facet_of_begats_is_refused(
    path: str, value: object, official: Specification
) -> None:
    """Begat's own are looked at with and without the official schemas."""
    event = copy.deepcopy(EVENT)
    put(event, path, value)

    with pytest.raises(InvalidEventError, match="begat_"):
        official.validate(event)


def test_begats_facets_are_validated_without_the_specification() -> None:
    """A stand-in for the official schemas is enough to look at begat's own facets."""
    Specification(None).validate(EVENT)


@pytest.mark.parametrize("ci", ["", "true"])
def test_a_missing_specification_fails_in_ci_only(monkeypatch: pytest.MonkeyPatch, ci: str) -> None:
    """Without the schemas the report says so; in CI that is an error."""
    monkeypatch.setenv("OPENLINEAGE_SPEC", "/nowhere")
    monkeypatch.setenv("CI", ci)
    find: Callable[[], Specification] = openlineage.specification

    assert openlineage.pytest_report_header() is not None
    if ci:
        with pytest.raises(openlineage.SpecificationMissingError, match="OPENLINEAGE_SPEC"):
            find()
    else:
        assert not find().official
