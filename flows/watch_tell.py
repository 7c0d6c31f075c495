"""Telling Prefect that data arrived: one event a batch, sent when it is there."""

from __future__ import annotations

import json
import os
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from begat.lineage.errors import SettingsError, WorldError

if TYPE_CHECKING:
    from begat.lineage.arrivals.batches import Batch
    from begat.lineage.arrivals.watcher import Tell

#: What deployments wait for.
EVENT = "begat.partitions.arrived"


#: Bytes of partitions' names in an event. They become a parameter of the run that it starts, and
#: of parameters that take more than half a megabyte Prefect makes no run.
NAMED = 250_000


def prefect_event(batch: Batch) -> dict[str, Any]:
    """The event of a batch, as Prefect's API takes it; its id is the batch's own.

    Of a batch with very many partitions it names the first, and says how many `more` there are.
    """
    body = batch.to_json()
    sizes = accumulate(len(json.dumps(one)) + 1 for one in body["partitions"])
    named = sum(size <= NAMED for size in sizes)
    if more := len(body["partitions"]) - named:
        body |= {"partitions": body["partitions"][:named], "more": more}
    return {
        "id": batch.id,
        "event": EVENT,
        "resource": {
            "prefect.resource.id": f"begat.dataset.{body['dataset']}",
            "prefect.resource.name": str(batch.dataset),
            "begat.dataset": body["dataset"],
            "begat.source": batch.source,
        },
        "payload": body,
    }


def teller() -> Tell:
    """Tells the Prefect server that is configured, and knows that it has taken it.

    `emit_event` sends in the background and says nothing of what became of it, so the event
    is posted.

    Raises:
        SettingsError: no server is configured.
    """
    os.environ.setdefault("DO_NOT_TRACK", "1")  # Prefect reads it when it is imported
    from prefect.settings import PREFECT_API_URL

    if not PREFECT_API_URL.value():
        raise SettingsError(
            "no Prefect server is configured, which is told what arrives; set PREFECT_API_URL, or "
            "give --no-prefect"
        )
    return _tell


def _tell(batch: Batch) -> None:
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.events import Event
    from prefect.exceptions import PrefectException

    event = Event.model_validate(prefect_event(batch) | {"occurred": _now()})
    try:
        with get_client(sync_client=True) as client:
            client.request("POST", "/events", json=[event.model_dump(mode="json")])
    except (httpx.HTTPError, PrefectException, OSError, RuntimeError) as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise WorldError(
            f"Prefect was not told of batch {batch.id} ({said[:200]}); see that it is up, and "
            "that PREFECT_API_URL names it"
        ) from None


def _now() -> str:
    from datetime import UTC, datetime

    return datetime.now(UTC).isoformat()
