"""The server's app in memory, and requests to it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient

from begat.lineage.graph.store import Store
from begat.lineage.registry import access
from begat.lineage.server.app import create_app

LINEAGE, BATCH = "/api/v1/lineage", "/api/v1/lineage/batch"
JSON = {"Content-Type": "application/json"}
LINES = {"Content-Type": "application/x-ndjson"}


class Served:
    """A server in memory, as somebody on this machine asks it.

    Args:
        folder: where its store is.
    """

    def __init__(self, folder: Path, **options: Any) -> None:
        self.url = (
            f"sqlite:///{folder / 'served.db'}"  # not all of it is as the specification has it
        )
        self.app: FastAPI = create_app(self.url, **options)
        self.client = TestClient(
            self.app, base_url="http://127.0.0.1:8080", raise_server_exceptions=False
        )

    @contextmanager
    def running(self) -> Iterator[Served]:
        """Start and stop it."""
        with self.client:
            yield self

    def send(self, body: Any, to: str = LINEAGE, *, packed: bool = False, **headers: str) -> Any:
        """Send events, or bytes as they are."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {**JSON, **{key.replace("_", "-"): value for key, value in headers.items()}}
        if packed:
            data, named["Content-Encoding"] = gzip.compress(data), "gzip"
        return self.client.post(to, content=data, headers=named)

    def hashes(self) -> set[str]:
        """Hashes of what is stored."""
        with self.store() as store, store.read() as db:
            return {row[0] for row in db.execute("SELECT hash FROM event")}

    def bodies(self) -> list[dict[str, Any]]:
        """What is stored."""
        with self.store() as store, store.read() as db:
            return [json.loads(row[0]) for row in db.execute("SELECT body FROM event ORDER BY id")]

    def token(self, *scopes: str, days: int | None = None) -> dict[str, str]:
        """Make a token; the header that has it."""
        with self.store() as store:
            return {"Authorization": f"Bearer {access.create(store, 'test', scopes, days=days)[1]}"}

    @contextmanager
    def store(self) -> Iterator[Store]:
        """A store of one's own beside the server's."""
        store = Store.open(self.url)
        try:
            yield store
        finally:
            store.close()


def lines(events: Sequence[Any]) -> bytes:
    """Events, one a line; bytes as they are."""
    return b"\n".join(
        event if isinstance(event, bytes) else json.dumps(event).encode() for event in events
    )
