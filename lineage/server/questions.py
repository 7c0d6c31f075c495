"""`/api/v2`: questions to the graph, as `begat.lineage.graph` and the commands answer them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Generic, Literal, TypeVar

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from .. import graph
from ..graph.answer import MOST, Answer
from ..graph.finding import KINDS
from ..graph.store import Store
from .guard import needs
from .problems import problems

Item = TypeVar("Item")

router = APIRouter(
    prefix="/api/v2",
    tags=["lineage"],
    dependencies=[Depends(needs("read"))],
    responses=problems(400, 401, 403, 404, 422, 503),
)

Ref = Annotated[str, Query(description="What it is about: a model version, run, dataset, …")]
Limit = Annotated[int, Query(ge=1, le=MOST, description="At most so many on a page")]
After = Annotated[str | None, Query(description="`next` of the page before")]
AsOf = Annotated[str | None, Query(description="Event time: the graph as it was then")]
Since = Annotated[str | None, Query(description="Only of this time or later")]
Until = Annotated[str | None, Query(description="Only before this time")]
Depth = Annotated[
    int | None, Query(ge=0, le=2**31, description="How many runs away; all if not given")
]
StopAt = Annotated[
    tuple[str, ...], Query(description="Datasets and jobs that are shown and not passed")
]
Kinds = Annotated[tuple[str, ...], Query(description=f"Where: {', '.join(KINDS)}")]
Dataset = Annotated[str, Query(description="Its name, or an end of it behind a /")]


class Page(BaseModel, Generic[Item]):
    """Things of one kind, in a fixed order."""

    items: list[Item]
    next: Annotated[str | None, Field(description="Give it as `after`; null on the last page")]
    reasons: Annotated[list[str], Field(description="Why it is not all there is")]
    truncated: bool


class EventHead(BaseModel):
    """A stored event, without what it says."""

    kind: Literal["event"]
    hash: str
    origin: Literal["recorded", "ingested"]
    event_time: str
    type: str
    run_id: str | None


def _answered(request: Request, ask: Callable[[Store], Answer]) -> JSONResponse:
    with request.app.state.stores.reading() as store:
        return JSONResponse(ask(store).to_json())


@router.get("/upstream", summary="What something stands on", response_model=graph.Lineage)
def upstream(
    request: Request,
    ref: Ref,
    depth: Depth = None,
    stop_at: StopAt = (),
    as_of: AsOf = None,
    limit: Limit = 1000,
    after: After = None,
) -> JSONResponse:
    """Runs and dataset versions, the nearest first, and the edges between them."""
    asked: dict[str, Any] = {"depth": depth, "stop_at": stop_at, "as_of": as_of}
    return _answered(
        request, lambda store: graph.upstream(store, ref, limit=limit, after=after, **asked)
    )


@router.get("/downstream", summary="What stands on something", response_model=graph.Lineage)
def downstream(
    request: Request,
    ref: Ref,
    depth: Depth = None,
    stop_at: StopAt = (),
    as_of: AsOf = None,
    limit: Limit = 1000,
    after: After = None,
) -> JSONResponse:
    """Runs, dataset versions and model versions, the nearest first, and the edges between them."""
    asked: dict[str, Any] = {"depth": depth, "stop_at": stop_at, "as_of": as_of}
    return _answered(
        request, lambda store: graph.downstream(store, ref, limit=limit, after=after, **asked)
    )


@router.get("/path", summary="A shortest chain between two things", response_model=graph.Path)
def path(request: Request, a: Ref, b: Ref, as_of: AsOf = None) -> JSONResponse:
    """Nodes from `a` to `b`; `direction` is null where neither stands on the other."""
    return _answered(request, lambda store: graph.path(store, a, b, as_of=as_of))


@router.get("/impact", summary="Which models stand on something", response_model=graph.Impact)
def impact(
    request: Request, ref: Ref, as_of: AsOf = None, limit: Limit = 1000, after: After = None
) -> JSONResponse:
    """Model versions with their stages, of a partition, version, commit, image or package."""
    return _answered(
        request, lambda store: graph.impact(store, ref, as_of=as_of, limit=limit, after=after)
    )


@router.get("/diff", summary="What differs between two things", response_model=dict[str, Any])
def diff(
    request: Request,
    a: Ref,
    b: Ref,
    everything: Annotated[bool, Query(description="Also what does not differ")] = False,
) -> JSONResponse:
    """What `begat diff` prints of two model versions, runs or dataset versions.

    Tables are not read: their schemas, digests and partitions are compared.
    """
    from ..diff import diff as differences

    with request.app.state.stores.reading() as store:
        found = differences(
            store, request.app.state.artifacts, a, b, everything=everything, limit=0
        )
    return JSONResponse(found)


@router.get("/search", summary="What is called so", response_model=Page[graph.Hit])
def search(
    request: Request,
    q: Annotated[str, Query(description="Words that are all in it")],
    kind: Kinds = KINDS[:-1],
    limit: Limit = 50,
    after: After = None,
) -> JSONResponse:
    """Datasets, jobs, models, runs, versions, commits, images, packages and tags by name."""
    return _answered(
        request, lambda store: graph.search(store, q, kinds=kind, limit=limit, after=after)
    )


@router.get("/datasets", summary="List datasets", response_model=Page[graph.DatasetItem])
def datasets(request: Request, limit: Limit = 1000, after: After = None) -> JSONResponse:
    """By namespace and name, with their other names."""
    return _answered(request, lambda store: graph.datasets(store, limit=limit, after=after))


@router.get(
    "/partitions",
    summary="List what is current of a dataset",
    response_model=Page[graph.VersionItem],
)
def partitions(
    request: Request, dataset: Dataset, as_of: AsOf = None, limit: Limit = 1000, after: After = None
) -> JSONResponse:
    """The current version of each partition, by partition."""
    return _answered(
        request,
        lambda store: graph.partitions(store, dataset, as_of=as_of, limit=limit, after=after),
    )


@router.get(
    "/versions", summary="List versions of a dataset", response_model=Page[graph.VersionItem]
)
def versions(
    request: Request, dataset: Dataset, limit: Limit = 1000, after: After = None
) -> JSONResponse:
    """All there ever were, by partition and the time they were made."""
    return _answered(
        request, lambda store: graph.versions(store, dataset, limit=limit, after=after)
    )


@router.get("/jobs", summary="List jobs", response_model=Page[graph.JobItem])
def jobs(request: Request, limit: Limit = 1000, after: After = None) -> JSONResponse:
    """By namespace and name, with their latest runs."""
    return _answered(request, lambda store: graph.jobs(store, limit=limit, after=after))


@router.get("/runs", summary="List runs, the newest first", response_model=Page[graph.RunNode])
def runs(
    request: Request,
    job: Annotated[str, Query(description="Only of this job")] = "",
    state: Annotated[str, Query(description="Only in this state")] = "",
    since: Since = None,
    until: Until = None,
    limit: Limit = 1000,
    after: After = None,
) -> JSONResponse:
    """Those that have started, by when they did."""
    asked: dict[str, Any] = {"job": job, "state": state, "since": since, "until": until}
    return _answered(request, lambda store: graph.runs(store, limit=limit, after=after, **asked))


@router.get("/events", summary="List stored events", response_model=Page[EventHead])
def events(
    request: Request,
    run: Annotated[str, Query(description="Only of this run")] = "",
    dataset: Annotated[str, Query(description="Only of what read or wrote this dataset")] = "",
    since: Since = None,
    until: Until = None,
    limit: Limit = 1000,
    after: After = None,
) -> JSONResponse:
    """By event time. What an event says is at `/api/v2/events/{hash}`."""
    asked: dict[str, Any] = {"run": run, "dataset": dataset, "since": since, "until": until}
    with request.app.state.stores.reading() as store:
        said = graph.events(store, limit=limit, after=after, **asked).to_json()
    for item in said["items"]:
        del item["body"]  # one may have 50 MB
    return JSONResponse(said)


@router.get("/models", summary="List model versions", response_model=Page[graph.ModelNode])
def models(request: Request, limit: Limit = 1000, after: After = None) -> JSONResponse:
    """By model and number, with stages and aliases."""
    return _answered(request, lambda store: graph.models(store, limit=limit, after=after))
