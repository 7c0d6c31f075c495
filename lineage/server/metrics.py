"""Counts and times of one server, as Prometheus reads them."""

from __future__ import annotations

import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..graph import stored
from ..graph.intake import Intake
from .stores import Stores

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """What is counted; in a registry of its own, so that servers in one process do not mix."""

    def __init__(self, stores: Stores) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Stored(stores))
        self.requests = Histogram(
            "begat_request_seconds",
            "Requests by what they asked for and how they ended, in seconds",
            ("method", "route", "status"),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._received = Counter(
            "begat_events_received", "Events that came in", registry=self._registry
        )
        self._outcomes = Counter(
            "begat_events",
            "Events by what became of them: stored, known already, refused",
            ("outcome",),
            registry=self._registry,
        )
        self._refused = Counter(
            "begat_events_refused",
            "Refused events by reason: unreadable as JSON, or invalid as OpenLineage",
            ("reason",),
            registry=self._registry,
        )
        self.store_errors = Counter(
            "begat_store_errors", "Requests that the store failed", registry=self._registry
        )
        for outcome in ("stored", "known", "refused"):
            self._outcomes.labels(outcome)
        for reason in ("unreadable", "invalid"):
            self._refused.labels(reason)

    def took(self, intake: Intake) -> None:
        """Count what became of events."""
        self._received.inc(intake.received)
        self._outcomes.labels("stored").inc(intake.stored)
        self._outcomes.labels("known").inc(intake.known)
        self._outcomes.labels("refused").inc(len(intake.refused))
        for refusal in intake.refused:
            self._refused.labels(refusal.kind).inc()

    def text(self) -> bytes:
        """All of it.

        Raises:
            StoreError: the store failed to say how many events it has.
        """
        return generate_latest(self._registry)


class _Stored(Collector):
    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Nothing that needs the store to be asked."""
        yield GaugeMetricFamily("begat_stored_events", "Events in the store")

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """How many events there are now."""
        with self._stores.reading() as store:
            count = stored.count(store)
        yield GaugeMetricFamily("begat_stored_events", "Events in the store", value=count)


class Timed:
    """Middleware that times requests."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and note how it ended."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, began = 500, time.perf_counter()

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            # The route's pattern, not the path: that would be as many series as there are names.
            route = getattr(scope.get("route"), "path", "none")
            self._metrics.requests.labels(_method(scope["method"]), route, str(status)).observe(
                time.perf_counter() - began
            )


def _method(method: str) -> str:
    known = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    return method if method in known else "other"
