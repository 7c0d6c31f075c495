"""Pipelines as deployments on a real Prefect server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect import __version__
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import FlowRun
from prefect.flows import load_flow_from_entrypoint
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_CLIENT_MAX_RETRIES,
    temporary_settings,
)

from begat.flows.deploy import Deployed, Deployment, deploy, job_variables
from begat.flows.deployed import entrypoint
from begat.flows.load import load
from begat.flows.pipeline import Pipeline
from begat.flows.watch_tell import EVENT as ARRIVED
from begat.lineage.errors import ParameterError, PipelineError, WorldError
from support.markdown import ROOT

pytestmark = pytest.mark.usefixtures("with_prefect")

CODE = """
from sklearn.tree import DecisionTreeClassifier
from begat.flows import Pipeline

def clean(frame, planes):
    return frame.merge(planes, on="plane")

def features(frame):
    return frame

pipeline = Pipeline(
    name="deployed", source="raw/month={month}/x.csv", lookups={"planes": "planes.csv"},
    prepare=clean, featurize=features, estimator=DecisionTreeClassifier(random_state=0),
    target="late",
)
"""


@pytest.fixture
def client() -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as found:
        yield found


@pytest.fixture
def pool(client: SyncPrefectClient) -> str:
    client.create_work_pool(WorkPoolCreate(name="local", type="process"), overwrite=True)
    return "local"


@pytest.fixture
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    (tmp_path / "rides_to_deploy.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    return load("rides_to_deploy.py:pipeline")


def deployed(pipeline: Pipeline, pool: str, tmp_path: Path, **wanted: Any) -> Deployed:
    about = Deployment(pipeline="rides_to_deploy.py:pipeline", pool=pool, folder=tmp_path, **wanted)
    return deploy(pipeline, about)


def test_registered(
    pipeline: Pipeline, pool: str, tmp_path: Path, client: SyncPrefectClient
) -> None:
    """A deployment has the schedule, one run at a time, typed parameters and a flow to load."""
    done = deployed(
        pipeline,
        pool,
        tmp_path,
        cron="0 6 * * *",
        timezone="Europe/Berlin",
        parameters={"parameters": {"train.max_depth": 3}},
        environment={"BEGAT_STORE": "postgresql://db/lineage"},
        job_variables=job_variables(["stream_output=false", "working_dir=/project"]),
        backfill=True,
    )
    found = client.read_deployment_by_name(done.name)
    properties = found.parameter_openapi_schema["properties"]
    other = client.read_deployment_by_name(done.backfill)
    assert found.entrypoint is not None

    assert [schedule.schedule.model_dump()["cron"] for schedule in found.schedules] == ["0 6 * * *"]
    assert found.global_concurrency_limit is not None
    assert found.global_concurrency_limit.limit == 1
    assert properties["partitions"]["type"] == "string"
    assert properties["arrived"]["anyOf"][0] == {"type": "array", "items": {"type": "string"}}
    assert found.job_variables == other.job_variables
    assert found.job_variables == {
        "env": {"BEGAT_STORE": "postgresql://db/lineage"},
        "stream_output": False,
        "working_dir": "/project",
    }
    assert load_flow_from_entrypoint(found.entrypoint).name == "deployed"
    assert load_flow_from_entrypoint(str(other.entrypoint)).name == "deployed-backfill"


def test_deployed_again(
    pipeline: Pipeline, pool: str, tmp_path: Path, client: SyncPrefectClient
) -> None:
    """Deploying again changes the deployment, keeps its schedule and leaves one automation."""
    first = deployed(pipeline, pool, tmp_path, cron="0 6 * * *")
    client.pause_deployment(first.id)
    again = deployed(pipeline, pool, tmp_path)
    name = "deployed/training: data arrives"

    assert (first.id, first.name) == (again.id, again.name)
    there = client.read_deployment(again.id)
    assert ([one.schedule.cron for one in there.schedules], there.paused) == (["0 6 * * *"], False)
    assert again.schedules == ("0 6 * * * UTC",)
    assert deployed(pipeline, pool, tmp_path, cron="").schedules == ()
    assert client.read_deployment(again.id).schedules == []
    assert len(client.read_automations_by_name(name)) == 1


def test_starts_on_arrival(
    pipeline: Pipeline, pool: str, tmp_path: Path, client: SyncPrefectClient
) -> None:
    """The automation matches what `begat watch` emits for the source, and for a lookup."""
    done = deployed(pipeline, pool, tmp_path)
    [automation] = client.read_automations_by_name("deployed/training: data arrives")
    trigger: Any = automation.trigger
    [action] = automation.actions

    assert trigger.expect == {ARRIVED}
    assert list(done.datasets) == sorted(
        f"begat.dataset.file/{tmp_path}/{name}" for name in ("planes.csv", "raw")
    )
    assert trigger.match.model_dump()["prefect.resource.id"] == list(done.datasets)
    assert action.model_dump()["parameters"]["arrived"]["value"]["template"] == (
        "{{ event.payload.partitions | tojson }}"
    )


def test_parameters_are_typed(
    pipeline: Pipeline, pool: str, tmp_path: Path, client: SyncPrefectClient
) -> None:
    """A run whose parameters are of another type is refused when it is asked for."""
    done = deployed(pipeline, pool, tmp_path)
    run: FlowRun = client.create_flow_run_from_deployment(
        done.id,  # type: ignore[arg-type]  # the server takes the text of a UUID
        parameters={"arrived": ["month=1"], "partitions": "month>=1"},
    )

    assert run.parameters == {"arrived": ["month=1"], "partitions": "month>=1"}
    with pytest.raises(Exception, match=r"409|422"):
        client.create_flow_run_from_deployment(
            done.id,  # type: ignore[arg-type]  # as above
            parameters={"arrived": "month=1", "partitions": ["x"]},
        )


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"pool": "none"}, "there is no work pool 'none'; `prefect work-pool create none"),
        ({"cron": "now"}, "--cron 'now' in UTC is no schedule"),
        ({"cron": "0 6 * * *", "timezone": "Mars"}, "in Mars is no schedule"),
        ({"notify": "slack-webhook/none"}, "--notify 'slack-webhook/none' names no block"),
    ],
)
def test_refused(
    pipeline: Pipeline, pool: str, tmp_path: Path, wanted: dict[str, Any], message: str
) -> None:
    """What a deployment cannot have is refused in one line."""
    with pytest.raises(ParameterError, match=message):
        deployed(pipeline, wanted.pop("pool", pool), tmp_path, **wanted)


@pytest.mark.parametrize("given", ["cpu", "=2", "env=1", "c p u=2"])
def test_refused_job_variables(given: str) -> None:
    """What is no KEY=VALUE is refused, and so is what has an option of its own."""
    with pytest.raises(ParameterError, match="--job-variable takes KEY=VALUE"):
        job_variables([given])


def test_server_goes_away(pipeline: Pipeline, tmp_path: Path) -> None:
    """A server that stops answering in between is an error in one line."""

    class Half(BaseHTTPRequestHandler):
        """Says that it is well, and hangs up on everything else."""

        def do_GET(self) -> None:
            if self.path.endswith(("/health", "/version")):
                body = b"true" if self.path.endswith("/health") else f'"{__version__}"'.encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            else:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Half)
    threading.Thread(target=server.serve_forever).start()
    url = f"http://127.0.0.1:{server.server_port}/api"
    try:
        with (
            temporary_settings({PREFECT_API_URL: url, PREFECT_CLIENT_MAX_RETRIES: 0}),
            pytest.raises(WorldError, match="does not answer any more"),
        ):
            deployed(pipeline, "local", tmp_path)
    finally:
        server.shutdown()
        server.server_close()


def test_no_such_pipeline() -> None:
    """A flow whose pipeline is gone says so, and not that a module lacks an attribute."""
    with pytest.raises(PipelineError, match=r"there is no file gone\.py"):
        load_flow_from_entrypoint(entrypoint("gone.py:pipeline"))


def test_written_down() -> None:
    """deployments/prefect.yaml deploys what `begat deploy` does: Prefect's own models take it."""
    from prefect.cli.deploy._models import PrefectYamlModel
    from prefect.events.schemas.deployment_triggers import DeploymentEventTrigger

    text = yaml.safe_load((ROOT / "deployments" / "prefect.yaml").read_text())
    PrefectYamlModel.model_validate(text)
    training, backfill = text["deployments"]
    trigger = DeploymentEventTrigger.model_validate(training["triggers"][0])

    assert trigger.expect == {ARRIVED}
    assert training["entrypoint"] == entrypoint("flights.py:pipeline")
    assert backfill["entrypoint"] == entrypoint("flights.py:pipeline", backfill=True)


def test_automations(client: SyncPrefectClient) -> None:
    """deployments/automations.yaml is what a server takes."""
    from prefect.events.schemas.automations import AutomationCore

    text = yaml.safe_load((ROOT / "deployments" / "automations.yaml").read_text())
    made = [AutomationCore.model_validate(one) for one in text["automations"]]

    assert len({client.create_automation(one) for one in made}) == 2
