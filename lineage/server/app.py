"""The app: routes, what they share, and how errors are answered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import metadata

import anyio
from fastapi import FastAPI

from . import acts, api, arrivals, health, ingest, page, problems, questions
from .body import MAX_BODY, Held
from .metrics import Metrics, Timed
from .stores import Stores

#: Bodies that are read at once: the store takes one at a time, and the next is being parsed.
READERS = 2
#: Promotions that are judged at once: gates may take minutes, and threads are few.
JUDGES = 4
#: Modules whose `router` has the routes.
PARTS = (ingest, arrivals, acts, questions, api, health, page)
_ABOUT = "An OpenLineage backend: any producer in, exact lineage out."


def create_app(url: str, *, loopback: bool = True, max_body: int = MAX_BODY) -> FastAPI:
    """An app that serves a store, which is closed when the app ends.

    Args:
        url: of the store, in SQLAlchemy's form.
        loopback: whether only this machine can reach it; else tokens are needed in any case.
        max_body: bytes that a body may have, as it comes and inflated.

    Raises:
        StoreError: the store cannot be reached.
    """
    stores = Stores(url)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.readers = anyio.CapacityLimiter(READERS)
        app.state.judges = anyio.CapacityLimiter(JUDGES)
        yield
        stores.close()

    app = FastAPI(
        title="begat",
        version=metadata.version("begat"),
        description=_ABOUT,
        lifespan=lifespan,
        openapi_url=None,  # `page` has both: FastAPI's page loads scripts from elsewhere
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.stores = stores
    app.state.loopback = loopback
    app.state.max_body = max_body
    app.state.held = Held(2 * max_body)
    app.state.metrics = Metrics(stores)
    app.add_middleware(Timed, metrics=app.state.metrics)
    problems.install(app)
    for part in PARTS:
        app.include_router(part.router)
    return app
