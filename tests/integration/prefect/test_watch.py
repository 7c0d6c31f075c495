"""A batch as a real Prefect server takes it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from prefect._internal.schemas.validators import validate_parameter_size

from begat.flows import watch_tell
from begat.lineage.arrivals.batches import MOST, Batch, Content
from begat.lineage.errors import SettingsError, WorldError
from begat.lineage.records import Dataset

BATCH = Batch(
    dataset=Dataset(namespace="s3://lake", name="raw"),
    source="s3://lake/raw/month={month}/flights.csv",
    contents=(
        Content(
            partition="month=2013-12",
            key="raw/month=2013-12/flights.csv",
            identity="v1",
            version="v1",
            happened="2013-12-31T23:59:59.000000Z",
        ),
    ),
)
#: Of another time, and so another one.
LATER = replace(
    BATCH, contents=(replace(BATCH.contents[0], happened="2014-01-01T00:00:00.000000Z"),)
)


def stored() -> list[dict[str, Any]]:
    """What the server has of such events."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        wanted = {"filter": {"event": {"name": [watch_tell.EVENT]}}}
        answer = client.request("POST", "/events/filter", json=wanted)
    events: list[dict[str, Any]] = answer.json()["events"]
    return events


def test_told_twice() -> None:
    """A batch that is told twice is one event, with the batch's id and what is agreed on."""
    tell = watch_tell.teller()
    for batch in (BATCH, BATCH, LATER):
        tell(batch)
    for _ in range(500):  # the server stores events a little later than it takes them
        found = stored()
        if any(one["id"] == LATER.id for one in found):
            break
    [event] = [one for one in found if one["id"] == BATCH.id]

    assert event["id"] == BATCH.id
    assert event["resource"] == {
        "prefect.resource.id": "begat.dataset.s3://lake/raw",
        "prefect.resource.name": "s3://lake:raw",
        "begat.dataset": "s3://lake/raw",
        "begat.source": "s3://lake/raw/month={month}/flights.csv",
    }
    assert event["payload"] == {
        "dataset": "s3://lake/raw",
        "partitions": ["month=2013-12"],
        "batch": BATCH.id,
        "count": 1,
    }


def test_very_many_partitions() -> None:
    """An event of a batch as large as one can be starts a run: its parameters are small enough."""
    contents = tuple(
        replace(BATCH.contents[0], partition=f"region=münchen/day={number:050}", key=str(number))
        for number in range(MOST)
    )
    payload = watch_tell.prefect_event(replace(BATCH, contents=contents))["payload"]

    validate_parameter_size({"arrived": payload["partitions"]}, 524_288)
    assert len(payload["partitions"]) + payload["more"] == payload["count"] == MOST


def test_server_is_away() -> None:
    """A server that does not answer is an error that says so, and the batch stays untold."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        tell = watch_tell.teller()
        with pytest.raises(WorldError, match="Prefect was not told of batch"):
            tell(BATCH)


def test_no_server() -> None:
    """Without a server there is nobody to tell, which is said at once."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with (
        temporary_settings(restore_defaults={PREFECT_API_URL}),
        pytest.raises(SettingsError, match="--no-prefect"),
    ):
        watch_tell.teller()
