"""Registering a pipeline with a Prefect server: when it runs, on which workers, with what."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from begat.lineage.content import sources
from begat.lineage.errors import ParameterError, SettingsError, WorldError
from begat.lineage.records import Dataset

from . import backfill, inputs
from .deployed import entrypoint
from .signals import WORSE
from .watch_tell import EVENT as ARRIVED

if TYPE_CHECKING:
    from uuid import UUID

    from prefect import Flow
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.events.schemas.automations import AutomationCore

    from .pipeline import Pipeline

_FLOW_ENDED_BADLY = {"prefect.flow-run.Failed", "prefect.flow-run.Crashed"}
#: The parameter of a flow that is given what the event names, as a list and not as text.
_ARRIVED = {
    "__prefect_kind": "json",
    "value": {"__prefect_kind": "jinja", "template": "{{ event.payload.partitions | tojson }}"},
}


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """How a pipeline is to be run.

    Args:
        pipeline: `FILE.py:NAME`, relative to `folder`, or `PACKAGE.MODULE:NAME`.
        name: of the deployment.
        pool: the work pool whose workers run it.
        folder: where workers find the pipeline's file.
        cron: when it runs; empty for no schedule, None for the one that it has.
        timezone: of the schedule.
        on_arrival: whether it runs when `begat watch` tells that data has come.
        parameters: of its runs.
        environment: variables of its runs' processes.
        job_variables: what else the work pool lets a deployment say of where its runs work.
        backfill: whether the flow that trains for each partition of a range is deployed too.
        notify: a notification block, `slack-webhook/ops`, that is told when a run fails or
            a model is worse than the one before; empty for nobody.
    """

    pipeline: str
    name: str = "training"
    pool: str
    folder: Path
    cron: str | None = None
    timezone: str = "UTC"
    on_arrival: bool = True
    parameters: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    job_variables: Mapping[str, Any] = field(default_factory=dict)
    backfill: bool = False
    notify: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployed:
    """What was registered."""

    #: `flight-delays/training`
    name: str
    id: str
    #: Datasets whose arrival starts a run.
    datasets: tuple[str, ...]
    #: The same as people write them.
    waits_for: tuple[str, ...]
    #: `flight-delays-backfill/training`; empty if it was not asked for.
    backfill: str
    automations: tuple[str, ...]
    #: When it runs: `0 6 * * * UTC`, …
    schedules: tuple[str, ...]


def deploy(pipeline: Pipeline, wanted: Deployment) -> Deployed:
    """Register a deployment, or change the one of this name; one run at a time, the others wait.

    Raises:
        ParameterError: the schedule, the pool or the block is none.
        WorldError: no Prefect server answers.
    """
    from prefect.client.orchestration import get_client

    _check_server()
    with get_client(sync_client=True) as client, _translated():
        _check_pool(client, wanted.pool)
        payload = _payload(client, pipeline, wanted)
        id_ = client.create_deployment(**payload)
        if wanted.backfill:
            client.create_deployment(**_backfill(client, pipeline, wanted))
        owner = f"prefect.deployment.{id_}"
        client.delete_resource_owned_automations(owner)
        made = _automations(client, pipeline, wanted, id_)
        for automation in made:
            automation.owner_resource = owner
            client.create_automation(automation)
    return Deployed(
        name=f"{pipeline.name}/{wanted.name}",
        id=str(id_),
        datasets=tuple(arrivals_of(pipeline)) if wanted.on_arrival else (),
        waits_for=tuple(map(str, _arriving(pipeline))) if wanted.on_arrival else (),
        backfill=f"{pipeline.name}-backfill/{wanted.name}" if wanted.backfill else "",
        automations=tuple(automation.name for automation in made),
        schedules=tuple(_said(one.schedule) for one in payload["schedules"]),
    )


def arrivals_of(pipeline: Pipeline) -> list[str]:
    """The resources that `begat watch` tells Prefect of when data of the pipeline comes."""
    return [f"begat.dataset.{found.namespace}/{found.name}" for found in _arriving(pipeline)]


def _arriving(pipeline: Pipeline) -> list[Dataset]:
    """Each dataset that new data may come to, once."""
    patterns = inputs.patterns(pipeline)
    return sorted({sources.dataset_of(pattern, folder=pipeline.folder) for pattern in patterns})


def _payload(client: SyncPrefectClient, pipeline: Pipeline, wanted: Deployment) -> dict[str, Any]:
    return {
        **_anyhow(client, pipeline.flow(), wanted),
        "description": f"Trains {pipeline.name}; whatever starts a run, only what is stale runs.",
        "entrypoint": entrypoint(wanted.pipeline),
        "schedules": _schedules(wanted)
        if wanted.cron is not None
        else _had(client, f"{pipeline.name}/{wanted.name}"),
        "paused": False,
        "parameters": dict(wanted.parameters),
    }


def _backfill(client: SyncPrefectClient, pipeline: Pipeline, wanted: Deployment) -> dict[str, Any]:
    return {
        **_anyhow(client, backfill.flow(pipeline), wanted),
        "description": f"Trains {pipeline.name} for each partition of a range.",
        "entrypoint": entrypoint(wanted.pipeline, backfill=True),
        "parameters": {
            name: value for name, value in wanted.parameters.items() if name == "parameters"
        },
    }


def _anyhow(client: SyncPrefectClient, flow: Flow[..., Any], wanted: Deployment) -> dict[str, Any]:
    """What both flows of a pipeline are deployed with."""
    from prefect.client.schemas.objects import ConcurrencyLimitStrategy, ConcurrencyOptions
    from prefect.utilities.callables import parameter_schema

    work_there = {"directory": str(wanted.folder)}
    return {
        "flow_id": client.create_flow(flow),
        "name": wanted.name,
        "pull_steps": [{"prefect.deployments.steps.set_working_directory": work_there}],
        "work_pool_name": wanted.pool,
        "concurrency_limit": 1,
        "concurrency_options": ConcurrencyOptions(
            collision_strategy=ConcurrencyLimitStrategy.ENQUEUE
        ),
        "parameter_openapi_schema": parameter_schema(flow).model_dump(),
        "enforce_parameter_schema": True,
        "job_variables": dict(wanted.job_variables)
        | ({"env": dict(wanted.environment)} if wanted.environment else {}),
        "tags": ["begat"],
    }


def _schedules(wanted: Deployment) -> list[Any]:
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.client.schemas.schedules import CronSchedule
    from pydantic import ValidationError

    if not wanted.cron:
        return []
    try:
        schedule = CronSchedule(cron=wanted.cron, timezone=wanted.timezone)
    except ValidationError as error:
        said = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise ParameterError(
            f"--cron {wanted.cron!r} in {wanted.timezone} is no schedule ({said}); "
            "write one as '0 6 * * *', and a time zone as Europe/Berlin"
        ) from None
    return [DeploymentScheduleCreate(schedule=schedule)]


def _had(client: SyncPrefectClient, name: str) -> list[Any]:
    """The schedules that a deployment has: deploying it again would delete them."""
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.exceptions import ObjectNotFound

    try:
        there = client.read_deployment_by_name(name).schedules
    except ObjectNotFound:
        return []
    return [DeploymentScheduleCreate(schedule=one.schedule, active=one.active) for one in there]


def _said(schedule: Any) -> str:
    cron = getattr(schedule, "cron", "")
    return f"{cron} {schedule.timezone}" if cron else str(schedule)


def _automations(
    client: SyncPrefectClient, pipeline: Pipeline, wanted: Deployment, deployment: UUID
) -> list[AutomationCore]:
    from prefect.events.actions import RunDeployment
    from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

    name = f"{pipeline.name}/{wanted.name}"
    made = []
    if wanted.on_arrival and (resources := arrivals_of(pipeline)):
        made.append(
            AutomationCore(
                name=f"{name}: data arrives",
                trigger=EventTrigger(
                    expect={ARRIVED},
                    match={"prefect.resource.id": resources},
                    posture=Posture.Reactive,
                    threshold=1,
                    within=timedelta(0),
                ),
                actions=[
                    RunDeployment(
                        source="selected",
                        deployment_id=deployment,
                        job_variables=None,
                        parameters={**wanted.parameters, "arrived": _ARRIVED},
                    )
                ],
            )
        )
    if wanted.notify:
        made += _notices(client, pipeline, wanted.notify, name, deployment)
    return made


def _notices(
    client: SyncPrefectClient, pipeline: Pipeline, block: str, name: str, deployment: UUID
) -> list[AutomationCore]:
    from prefect.events.actions import SendNotification
    from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

    told = _block(client, block)

    def told_when(what: str, body: str, **trigger: Any) -> AutomationCore:
        return AutomationCore(
            name=f"{name}: {what}",
            trigger=EventTrigger(
                posture=Posture.Reactive, threshold=1, within=timedelta(0), **trigger
            ),
            actions=[
                SendNotification(block_document_id=told, subject=f"{name}: {what}", body=body)
            ],
        )

    return [
        told_when(
            "a run fails",
            "{{ flow_run.name }} is {{ flow_run.state.name }}: {{ flow_run.state.message }}",
            expect=_FLOW_ENDED_BADLY,
            match={"prefect.resource.id": "prefect.flow-run.*"},
            match_related={
                "prefect.resource.id": f"prefect.deployment.{deployment}",
                "prefect.resource.role": "deployment",
            },
        ),
        told_when(
            "a model is worse than the one before",
            "{{ event.payload.model }}@{{ event.payload.version }} has "
            "{{ event.payload.metrics }}, the version before it {{ event.payload.before }}; "
            "`begat diff` tells what changed",
            expect={WORSE},
            match={"prefect.resource.id": f"begat.model.{pipeline.name}"},
        ),
    ]


def _block(client: SyncPrefectClient, block: str) -> UUID:
    from prefect.exceptions import ObjectNotFound

    kind, _, name = block.partition("/")
    try:
        return client.read_block_document_by_name(name, kind).id
    except ObjectNotFound:
        raise ParameterError(
            f"--notify {block!r} names no block; `prefect block ls` lists them, "
            "name one as slack-webhook/NAME"
        ) from None


def _check_pool(client: SyncPrefectClient, pool: str) -> None:
    from prefect.exceptions import ObjectNotFound

    try:
        client.read_work_pool(pool)
    except ObjectNotFound:
        raise ParameterError(
            f"there is no work pool {pool!r}; `prefect work-pool create {quote(pool)} --type "
            "process` makes one, `prefect work-pool ls` lists them"
        ) from None


def _check_server() -> None:
    from prefect.settings import PREFECT_API_URL

    from begat.tasks.server import check

    if not PREFECT_API_URL.value():
        raise SettingsError(
            "a deployment is registered with a Prefect server, and PREFECT_API_URL names none; "
            "start one (`prefect server start`) and set it, to http://127.0.0.1:4200/api"
        )
    check(PREFECT_API_URL.value())


def environment(given: Sequence[str]) -> dict[str, str]:
    """Variables that were given as NAME=VALUE.

    Raises:
        ParameterError: one is none.
    """
    pairs = [text.partition("=") for text in given]
    for name, separator, _ in pairs:
        if not separator or not name.isidentifier():
            raise ParameterError(f"--env takes NAME=VALUE; got {name!r}")
    return {name: value for name, _, value in pairs}


def job_variables(given: Sequence[str]) -> dict[str, Any]:
    """Job variables that were given as KEY=VALUE; a value that is JSON is what it says.

    Raises:
        ParameterError: one is none, or `env`, which is given otherwise.

    >>> job_variables(["cpu=2", "namespace=training"])
    {'cpu': 2, 'namespace': 'training'}
    """
    found: dict[str, Any] = {}
    for text in given:
        name, separator, value = text.partition("=")
        if not separator or not name.isidentifier() or name == "env":
            raise ParameterError(
                f"--job-variable takes KEY=VALUE, and --env what is in `env`; got {name!r}"
            )
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what Prefect's client raises into one line."""
    import httpx
    from prefect.exceptions import PrefectHTTPStatusError

    try:
        yield
    except PrefectHTTPStatusError as error:
        said = " ".join(error.response.text.split())[:300]
        raise WorldError(
            f"the Prefect server refused the deployment ({said}); mend what it names"
        ) from error
    except httpx.HTTPError as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise WorldError(
            f"the Prefect server does not answer any more ({said}); deploy again when it does"
        ) from error
