"""deployments/kubernetes.json, as Prefect understands it. No cluster has run it."""

from __future__ import annotations

import asyncio
import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.exceptions import PrefectHTTPStatusError
from prefect.workers.base import BaseJobConfiguration

from begat.lineage.capture import image
from begat.lineage.settings import load
from support import images

TEMPLATE = json.loads((images.FOLDER / "kubernetes.json").read_text())
PINNED = f"registry.example/pricing@sha256:{'5' * 64}"


@flow
def nothing() -> None:
    """Does nothing."""


@pytest.fixture
def client(with_prefect: None) -> Iterator[SyncPrefectClient]:
    """Of a server in which there is a pool of this template."""
    with get_client(sync_client=True) as client:
        client.create_work_pool(
            WorkPoolCreate(name="cluster", type="kubernetes", base_job_template=TEMPLATE)
        )
        yield client
        client.delete_work_pool("cluster")


def run(client: SyncPrefectClient, **variables: Any) -> None:
    """Register a deployment in the pool, and ask for a run of it."""
    deployment = client.create_deployment(
        flow_id=client.create_flow(nothing),
        name="training",
        work_pool_name="cluster",
        job_variables=variables,
    )
    client.create_flow_run_from_deployment(deployment)


def job(**values: Any) -> dict[str, Any]:
    """The job that a worker makes, but for what it adds of its own."""

    class Configuration(BaseJobConfiguration):
        job_manifest: dict[str, Any]

    made = asyncio.run(Configuration.from_template_and_values(TEMPLATE, values))
    return made.job_manifest


def test_every_place_is_described() -> None:
    """The job is made of variables that have a description, and no variable is for nothing."""
    places = set(re.findall(r"\{\{ (\w+) \}\}", json.dumps(TEMPLATE["job_configuration"])))
    described = TEMPLATE["variables"]["properties"]

    assert places == set(described)
    assert all(about["description"] and about["title"] for about in described.values())


def test_server_takes_it(client: SyncPrefectClient) -> None:
    """A Prefect server makes a pool of it, and takes runs with a pinned image."""
    run(client, image=PINNED)

    assert client.read_work_pool("cluster").base_job_template == TEMPLATE


def test_pool_has_the_image(client: SyncPrefectClient) -> None:
    """A default of the pool's is an image, too: deployments need not name one."""
    with_default = copy.deepcopy(TEMPLATE)
    with_default["variables"]["properties"]["image"]["default"] = PINNED
    client.update_work_pool("cluster", WorkPoolUpdate(base_job_template=with_default))

    run(client)


@pytest.mark.parametrize("variables", [{}, {"image": "registry.example/pricing:latest"}])
def test_image_is_pinned(client: SyncPrefectClient, variables: dict[str, str]) -> None:
    """Runs in no image, or in one that can change, are refused."""
    with pytest.raises(PrefectHTTPStatusError, match="image"):
        run(client, **variables)


def test_runs_record_their_image() -> None:
    """The image's digest is in the environment, where begat looks for it; a secret has the rest."""
    container = job(image=PINNED)["spec"]["template"]["spec"]["containers"][0]
    variables = {entry["name"]: entry["value"] for entry in container["env"]}

    assert container["image"] == PINNED
    assert image.capture(load(environ=variables)).digest == PINNED.partition("@")[2]
    assert container["envFrom"] == [{"secretRef": {"name": "begat"}}]


def test_nobody_is_root() -> None:
    """Pods run as the image's user, without rights that they could gain, and may write home."""
    pod = job(image=PINNED)["spec"]["template"]["spec"]
    container = pod["containers"][0]
    user = images.stages()["train"].all("USER")[0]
    home = images.stages()["base"].environment()["BEGAT_HOME"]
    context = pod["securityContext"]

    assert f"{context['runAsUser']}:{context['runAsGroup']}" == user
    assert (context["runAsNonRoot"], f":{context['fsGroup']}" in user) == (True, True)
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == [home]


def test_what_prefect_asks_of_a_job() -> None:
    """What Prefect's worker insists on is there."""
    made = job(image=PINNED)
    pod = made["spec"]["template"]["spec"]

    assert (made["apiVersion"], made["kind"]) == ("batch/v1", "Job")
    assert (pod["completions"], pod["parallelism"], pod["restartPolicy"]) == (1, 1, "Never")
    assert [container["name"] for container in pod["containers"]] == ["prefect-job"]
