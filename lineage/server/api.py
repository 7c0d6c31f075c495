"""`/api/v2`: begat's own questions."""

from __future__ import annotations

import json
from importlib import metadata
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from .. import graph
from ..graph import stored
from ..graph.answer import LIMIT
from .guard import needs
from .parameters import known
from .problems import problems
from .questions import After, Limit

router = APIRouter(
    prefix="/api/v2",
    tags=["lineage"],
    dependencies=[Depends(needs("read")), Depends(known)],
    responses=problems(400, 401, 403, 422, 503),
)


class Version(BaseModel):
    """Who answers."""

    name: Literal["begat"]
    version: str


class EventSummary(BaseModel):
    """A stored event, without what it says."""

    kind: Literal["event"]
    hash: Annotated[str, Field(description="blake3: and the digest of its canonical form")]
    origin: Literal["recorded", "ingested"]
    event_time: Annotated[str, Field(description="ISO 8601, UTC")]
    run_id: Annotated[str | None, Field(description="Null for events of no run")]
    type: Annotated[str, Field(description="Its eventType, or JOB or DATASET")]


class StoredEvent(EventSummary):
    """A stored event."""

    event: Annotated[dict[str, Any], Field(description="As received, secrets hidden")]


class Events(BaseModel):
    """A page of events."""

    items: list[EventSummary]
    reasons: list[str]
    next: Annotated[str | None, Field(description="Give it as `after` for the next page")]
    truncated: bool


@router.get("/version", summary="Which begat this is", response_model=Version)
def version() -> JSONResponse:
    """Say name and version."""
    return JSONResponse({"name": "begat", "version": metadata.version("begat")})


@router.get(
    "/events",
    summary="List stored events, by event time",
    response_model=Events,
    responses=problems(404),
)
def events(
    request: Request,
    run: Annotated[str, Query(description="Only of this run: its id, or a beginning of it")] = "",
    dataset: Annotated[str, Query(description="Only of what read or wrote it")] = "",
    since: Annotated[str | None, Query(description="Only of this event time or later")] = None,
    until: Annotated[str | None, Query(description="Only before this event time")] = None,
    limit: Limit = LIMIT,
    after: After = None,
) -> JSONResponse:
    """As `begat events`, without what they say: `GET /api/v2/events/{hash}` has that."""
    with request.app.state.stores.reading() as store:
        found = graph.events(
            store,
            run=run,
            dataset=dataset,
            since=since,
            until=until,
            limit=limit,
            after=after,
            bodies=False,
        ).to_json()
    for one in found["items"]:
        del one["body"]
    return JSONResponse(found)


@router.get(
    "/events/{hash}",
    summary="Show one stored event",
    response_model=StoredEvent,
    responses=problems(404),
)
def event(
    request: Request,
    named: Annotated[str, Path(alias="hash", description="Its hash, or a beginning of it")],
) -> Response:
    """The event as it was received, secrets hidden; every digit of its numbers is there."""
    with request.app.state.stores.reading() as store:
        found = stored.one(store, named)
    body = found.pop("body")
    # Spliced as text: a number that no double says would lose digits on its way through one.
    head = json.dumps({"kind": "event", **found}, ensure_ascii=False)[:-1]
    return Response(f'{head}, "event": {body}}}', media_type="application/json")
