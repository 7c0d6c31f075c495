"""What deployments/compose.yaml starts, as processes: they get healthy, and train."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.fleet import Fleet, fleet
from support.postgres import postgres
from support.small import MONTHS, Small
from support.worker import until

__all__ = ["fleet", "postgres"]

#: In the order in which Compose starts them.
SERVICES = ("objects", "begat", "prefect", "worker")


@pytest.fixture(scope="module")
def started(fleet: Fleet) -> Fleet:
    """All services, and a pipeline in the bucket and in the worker's folder."""
    Small.write(fleet.project).edit('"raw/month={month}/rows.csv"', f'"{fleet.values["SOURCE"]}"')
    fleet.start("objects")
    refused = fleet.run("begat", "begat", "serve", "--host", "0.0.0.0", "--port", "0")
    assert (refused.returncode, "begat token create" in refused.stderr) == (2, True), refused.stderr
    made = fleet.run("begat", "begat", "token", "create", "reader", "--scope", "read")
    fleet.values["READER"] = made.stdout.strip().splitlines()[-1]
    fleet.start(*SERVICES[1:])
    put = "import boto3, sys; boto3.client('s3').upload_file(*sys.argv[1:])"
    for month in MONTHS:
        key = f"raw/month={month}/rows.csv"
        put_it = ("python", "-c", put, str(fleet.project / key), "lake", key)
        assert fleet.run("worker", *put_it).returncode == 0
    return fleet


def deploy(fleet: Fleet) -> str:
    """Register the pipeline's flow with Prefect; the deployment's id."""
    file = fleet.project / "small.py"
    file.write_text(file.read_text() + "\nflow = pipeline.flow()\n")
    flow = fleet.ask_prefect("POST", "/flows/", {"name": "small"})
    step = {"prefect.deployments.steps.set_working_directory": {"directory": str(fleet.project)}}
    about = {
        "name": "training",
        "flow_id": flow["id"],
        "entrypoint": "small.py:flow",
        "work_pool_name": "training",
        "pull_steps": [step],
    }
    return str(fleet.ask_prefect("POST", "/deployments/", about)["id"])


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


def test_worker_trains(started: Fleet) -> None:
    """A run that Prefect gives the worker reads the bucket, and registers a model.

    The store on PostgreSQL has it, the artifacts are in the bucket, the image's digest is known.
    """
    run = started.ask_prefect("POST", f"/deployments/{deploy(started)}/create_flow_run", {})
    until(lambda: state(started, run["id"]) in ("Completed", "Failed", "Crashed"))
    assert state(started, run["id"]) == "Completed", started.log("worker")[-4000:]
    token = {"Authorization": f"Bearer {started.values['READER']}"}
    events = httpx.get(f"{started.url('begat')}/api/v2/events", headers=token, timeout=30)
    shown = json.loads(started.run("begat", "begat", "show", "small@1", "--json").stdout)

    assert events.status_code == 200
    assert started.values["TRAIN_DIGEST"] in json.dumps(shown)
    assert "s3://lake" in json.dumps(shown)
    assert not list(Path(started.environment("worker")["BEGAT_HOME"]).glob("artifacts/*"))


def state(fleet: Fleet, run: str) -> Any:
    """How a run stands, as Prefect says."""
    return fleet.ask_prefect("GET", f"/flow_runs/{run}")["state"]["name"]


def test_all_end_when_asked(started: Fleet) -> None:
    """SIGTERM ends servers and worker; nothing has to be killed."""
    codes = started.stop("worker", "begat", "prefect")

    assert codes["begat"] == 0
    assert set(codes.values()) <= {0, -15, 143}
