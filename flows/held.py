"""Runs that are asked for while their deployment is paused: what an automation starts is held back.

Prefect's pause stops schedules alone; automations go on starting runs.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun

log = logging.getLogger("begat")


def held(flow_run: FlowRun) -> str:
    """Why a flow run is not to work; empty if it is.

    A run that somebody asks for by hand works: they have looked.

    Args:
        flow_run: as Prefect knows it.
    """
    asked_by = flow_run.created_by.type if flow_run.created_by else ""
    if flow_run.deployment_id is None or asked_by != "AUTOMATION":
        return ""
    from prefect.client.orchestration import get_client

    try:
        with get_client(sync_client=True) as client:
            deployment = client.read_deployment(flow_run.deployment_id)
    except Exception as error:  # what cannot be asked holds nothing back
        log.warning("Prefect was not asked whether the deployment is paused: %s", error)
        return ""
    if not deployment.paused:
        return ""
    return (
        f"the deployment {deployment.name} is paused; look at what stopped it, and let it go on by "
        "`begat deploy`, or run it by hand"
    )
