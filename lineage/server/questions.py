"""`/api/v2`: the questions of `begat.lineage.graph`, as it answers them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from .. import graph
from ..diff import diff as differences
from ..graph.answer import LIMIT, MOST, Listing, Record
from ..workspace import workspace
from .guard import needs
from .parameters import known
from .problems import problems
from .shapes import model_of

router = APIRouter(
    prefix="/api/v2",
    tags=["lineage"],
    dependencies=[Depends(needs("read")), Depends(known)],
    responses=problems(400, 401, 403, 404, 422, 503),
)

Ref = Annotated[str, Query(description="What to start from: a model version, run, dataset, …")]
Depth = Annotated[int | None, Query(ge=0, description="At most so many runs away")]
StopAt = Annotated[list[str] | None, Query(description="Datasets or jobs not to pass")]
AsOf = Annotated[str | None, Query(description="ISO 8601: as it was then, in event time")]
Limit = Annotated[int, Query(ge=1, le=MOST, description="At most so many on a page")]
After = Annotated[str | None, Query(description="`next` of the page before")]
Dataset = Annotated[str, Query(description="Its name, or a unique tail of it")]


def _listing(items: type[Record]) -> type[BaseModel]:
    return model_of(Listing, items=items)


@router.get("/upstream", summary="What something stands on", response_model=model_of(graph.Lineage))
def upstream(
    request: Request,
    ref: Ref,
    depth: Depth = None,
    stop_at: StopAt = None,
    as_of: AsOf = None,
    limit: Limit = LIMIT,
    after: After = None,
) -> JSONResponse:
    """Runs, versions and columns by their distance, and the edges that lead on from them."""
    with request.app.state.stores.reading() as store:
        found = graph.upstream(
            store,
            ref,
            depth=depth,
            stop_at=stop_at or (),
            as_of=as_of,
            limit=limit,
            after=after,
        )
    return JSONResponse(found.to_json())


@router.get(
    "/downstream", summary="What stands on something", response_model=model_of(graph.Lineage)
)
def downstream(
    request: Request,
    ref: Ref,
    depth: Depth = None,
    stop_at: StopAt = None,
    as_of: AsOf = None,
    limit: Limit = LIMIT,
    after: After = None,
) -> JSONResponse:
    """Runs, versions, model versions and columns, and the edges that lead on from them."""
    with request.app.state.stores.reading() as store:
        found = graph.downstream(
            store,
            ref,
            depth=depth,
            stop_at=stop_at or (),
            as_of=as_of,
            limit=limit,
            after=after,
        )
    return JSONResponse(found.to_json())


@router.get(
    "/path", summary="A shortest chain between two things", response_model=model_of(graph.Path)
)
def path(request: Request, a: Ref, b: Ref, as_of: AsOf = None) -> JSONResponse:
    """Whichever stands on the other; no nodes if neither does."""
    with request.app.state.stores.reading() as store:
        found = graph.path(store, a, b, as_of=as_of)
    return JSONResponse(found.to_json())


@router.get(
    "/impact",
    summary="Model versions that stand on something, and their stages",
    response_model=model_of(graph.Impact),
)
def impact(
    request: Request, ref: Ref, as_of: AsOf = None, limit: Limit = LIMIT, after: After = None
) -> JSONResponse:
    """Of a partition, a version, a commit, an image or a package."""
    with request.app.state.stores.reading() as store:
        found = graph.impact(store, ref, as_of=as_of, limit=limit, after=after)
    return JSONResponse(found.to_json())


@router.get("/diff", summary="What differs between two things", response_model=dict[str, Any])
def diff(
    request: Request,
    old: Ref,
    new: Ref,
    everything: Annotated[bool, Query(alias="all", description="Also what is the same")] = False,
    tables: Annotated[int, Query(ge=0, le=100, description="Tables to read and compare")] = 0,
) -> JSONResponse:
    """As `begat diff --json` says it; tables are read only if asked for."""
    with request.app.state.stores.reading() as store:
        artifacts = workspace().artifacts
        found = differences(store, artifacts, old, new, everything=everything, limit=tables)
    return JSONResponse(found)


@router.get("/search", summary="Find things by name", response_model=_listing(graph.Hit))
def search(
    request: Request,
    words: Annotated[str, Query(min_length=1, description="All of them have to be in it")],
    kinds: Annotated[list[str] | None, Query(description="Where to look")] = None,
    limit: Limit = 50,
    after: After = None,
) -> JSONResponse:
    """Datasets, jobs, models, runs, versions, commits, images, packages, tags; facets if asked."""
    given = {"kinds": kinds} if kinds else {}
    with request.app.state.stores.reading() as store:
        found = graph.search(store, words, limit=limit, after=after, **given)
    return JSONResponse(found.to_json())


@router.get("/datasets", summary="List datasets", response_model=_listing(graph.DatasetItem))
def datasets(request: Request, limit: Limit = LIMIT, after: After = None) -> JSONResponse:
    """By name."""
    with request.app.state.stores.reading() as store:
        found = graph.datasets(store, limit=limit, after=after)
    return JSONResponse(found.to_json())


@router.get(
    "/partitions",
    summary="List what is current of each partition of a dataset",
    response_model=_listing(graph.VersionItem),
)
def partitions(
    request: Request,
    dataset: Dataset,
    as_of: AsOf = None,
    limit: Limit = LIMIT,
    after: After = None,
) -> JSONResponse:
    """By partition."""
    with request.app.state.stores.reading() as store:
        found = graph.partitions(store, dataset, as_of=as_of, limit=limit, after=after)
    return JSONResponse(found.to_json())


@router.get(
    "/versions",
    summary="List all versions of a dataset",
    response_model=_listing(graph.VersionItem),
)
def versions(
    request: Request, dataset: Dataset, limit: Limit = LIMIT, after: After = None
) -> JSONResponse:
    """By partition and the time they were made."""
    with request.app.state.stores.reading() as store:
        found = graph.versions(store, dataset, limit=limit, after=after)
    return JSONResponse(found.to_json())


@router.get("/jobs", summary="List jobs", response_model=_listing(graph.JobItem))
def jobs(request: Request, limit: Limit = LIMIT, after: After = None) -> JSONResponse:
    """By name, with their latest runs."""
    with request.app.state.stores.reading() as store:
        found = graph.jobs(store, limit=limit, after=after)
    return JSONResponse(found.to_json())


@router.get("/runs", summary="List runs", response_model=_listing(graph.RunNode))
def runs(
    request: Request,
    job: Annotated[str, Query(description="Only of this job")] = "",
    state: Annotated[str, Query(description="Only in this state: COMPLETE, FAIL, …")] = "",
    since: Annotated[str | None, Query(description="Only those that started then or later")] = None,
    until: Annotated[str | None, Query(description="Only those that started before")] = None,
    limit: Limit = LIMIT,
    after: After = None,
) -> JSONResponse:
    """The newest first."""
    with request.app.state.stores.reading() as store:
        found = graph.runs(
            store, job=job, state=state, since=since, until=until, limit=limit, after=after
        )
    return JSONResponse(found.to_json())


@router.get("/models", summary="List model versions", response_model=_listing(graph.ModelNode))
def models(request: Request, limit: Limit = LIMIT, after: After = None) -> JSONResponse:
    """By model and number."""
    with request.app.state.stores.reading() as store:
        found = graph.models(store, limit=limit, after=after)
    return JSONResponse(found.to_json())
