"""What deployments/compose.yaml starts, as processes: they get healthy, and train."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from support.fleet import Fleet, fleet
from support.small import MONTHS, Small
from support.worker import until

__all__ = ["fleet"]

#: In the order in which Compose starts them.
SERVICES = ("objects", "begat", "prefect", "worker", "watcher")
ENDED = {"Completed", "Failed", "Crashed"}
#: The month that comes when all the others have been trained on.
LATER = "2013-04"


def put(fleet: Fleet, month: str, file: Path) -> None:
    """Put a month into the bucket, as whoever has the password can."""
    told = fleet.environment("worker")
    with closing(
        boto3.client(
            "s3",
            endpoint_url=told["AWS_ENDPOINT_URL"],
            region_name=told["AWS_DEFAULT_REGION"],
            aws_access_key_id=told["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=told["AWS_SECRET_ACCESS_KEY"],
        )
    ) as client:
        client.upload_file(str(file), "lake", f"raw/month={month}/rows.csv")


def token(fleet: Fleet, name: str, scope: str) -> str:
    """A new token of the lineage server's."""
    made = fleet.run("begat", "begat", "token", "create", name, "--scope", scope)
    return made.stdout.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def started(fleet: Fleet) -> Fleet:
    """All services, as docs/containers.md starts them, and a deployed pipeline of three months."""
    small = Small.write(fleet.project)
    small.edit("raw/month={month}/rows.csv", fleet.values["SOURCE"])
    refused = fleet.run("begat", "begat", "serve", "--host", "0.0.0.0", "--port", "0")
    assert (refused.returncode, "begat token create" in refused.stderr) == (2, True), refused.stderr
    fleet.values["ARRIVALS_TOKEN"] = token(fleet, "arrivals", "ingest")
    fleet.start("objects", "begat", "prefect")
    fleet.start("worker")
    for month in MONTHS:
        put(fleet, month, small.month(month))
    done = fleet.run("worker", "begat", "deploy", "small.py:pipeline", "--pool", "training")
    assert done.returncode == 0, done.stderr
    fleet.start("watcher")
    return fleet


def states(fleet: Fleet) -> list[str]:
    """How the flow runs stand, as Prefect says, in their order."""
    runs = fleet.ask_prefect("POST", "/flow_runs/filter", {"sort": "EXPECTED_START_TIME_ASC"})
    return [run["state"]["name"] for run in runs]


def trains(fleet: Fleet, runs: int) -> dict[str, Any]:
    """Wait until so many runs are completed, and there are no others; the newest version."""
    until(lambda: len(states(fleet)) >= runs and set(states(fleet)) <= ENDED)
    assert states(fleet) == ["Completed"] * runs, fleet.log("worker")[-4000:]
    shown = fleet.run("begat", "begat", "show", f"small@{runs}", "--json")
    assert shown.returncode == 0, shown.stderr
    found: dict[str, Any] = json.loads(shown.stdout)
    return found


def test_healthy(started: Fleet) -> None:
    """Every service says that it is well, by the check that the file gives it."""
    assert {name: started.is_healthy(name) for name in ("postgres", *SERVICES)} == dict.fromkeys(
        ("postgres", *SERVICES), True
    )


def test_nobody_gets_in_without_a_password(started: Fleet) -> None:
    """Prefect, begat and the object store refuse who has none, and Prefect takes its own."""
    asked = (
        f"{started.url('prefect')}/api/flows/count",
        f"{started.url('begat')}/api/v2/events",
        f"{started.url('objects')}/lake",
    )
    codes = [httpx.post(asked[0], json={}).status_code]
    codes += [httpx.get(address).status_code for address in asked[1:]]

    assert codes == [401, 401, 403]
    assert started.ask_prefect("POST", "/flows/count", {}) >= 0


def test_databases_are_apart(started: Fleet) -> None:
    """Prefect's role gets not into the lineage store, nor the other way round."""
    for service, other in (("prefect", "lineage"), ("begat", "prefect")):
        own = "lineage" if other == "prefect" else "prefect"
        host = str(started.database.folder)
        done = started.run(service, "psql", "-h", host, "-U", own, "-d", other, "-c", "SELECT 1")

        assert (done.returncode, "permission denied" in done.stderr) == (2, True)


def test_what_is_there_is_trained_on(started: Fleet) -> None:
    """Of three months that the watcher finds, one run by the worker makes one version.

    The store on PostgreSQL has it, the artifacts are in the bucket, the image's digest is known.
    """
    version = trains(started, 1)
    reader = {"Authorization": f"Bearer {token(started, 'reader', 'read')}"}
    events = httpx.get(f"{started.url('begat')}/api/v2/events", headers=reader, timeout=30)

    assert started.values["TRAIN_DIGEST"] in json.dumps(version)
    assert "COMPLETE" in {event["type"] for event in events.json()["items"]}
    assert not (Path(started.environment("worker")["BEGAT_HOME"]) / "artifacts").exists()


def test_what_comes_later_is_trained_on(started: Fleet) -> None:
    """A month that is put into the bucket is told of by the bucket, and makes the next version.

    The watcher would list it only later than this test waits.
    """
    trains(started, 1)
    put(started, LATER, Small(started.project).month(MONTHS[0]))
    version = trains(started, 2)

    assert f"month={LATER}" in json.dumps(version)


def test_all_end_when_asked(started: Fleet) -> None:
    """SIGTERM ends all that is begat's; nothing has to be killed."""
    codes = started.stop("watcher", "worker", "begat", "prefect")

    assert {name: codes[name] for name in ("watcher", "begat")} == {"watcher": 0, "begat": 0}
