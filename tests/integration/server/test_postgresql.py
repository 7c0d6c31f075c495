"""The server over a store on PostgreSQL, which is taken away under it."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from begat.lineage.events import event_hash
from support import foreign
from support.postgres import Server as Postgres
from support.server import BATCH, LINEAGE, Server, serving


def batch_of(producer: int, number: int) -> list[dict[str, Any]]:
    """A few events of one producer's."""
    return [
        foreign.event(
            producer * 100_000 + number * 10 + i,
            "COMPLETE",
            number,
            outputs=[foreign.dataset(("lake", f"out{producer}"), written=True)],
        )
        for i in range(3)
    ]


class Sender:
    """Sends batch after batch until told to stop, again what was not acknowledged."""

    def __init__(self, server: Server, producer: int, stop: threading.Event) -> None:
        self._server = server
        self._producer = producer
        self._stop = stop
        self.taken: set[str] = set()
        #: Batches taken in a row since the last refusal.
        self.row = 0
        self.refused: list[httpx.Response] = []

    def run(self) -> None:
        """Send."""
        number = 0
        while not self._stop.is_set():
            batch = batch_of(self._producer, number)
            answer = self._server.post(BATCH, batch)
            if answer.status_code == 204:
                self.taken |= {event_hash(event) for event in batch}
                self.row += 1
                number += 1
            else:
                self.refused.append(answer)
                self.row = 0


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
def test_restarted_under_load(tmp_path: Path, postgres: Postgres, how: signal.Signals) -> None:
    """PostgreSQL restarted or crashed: 503 meanwhile, nothing lost, and it goes on by itself."""
    stop = threading.Event()
    with (
        postgres.store() as url,
        serving(tmp_path, store=url) as server,
        ThreadPoolExecutor(3) as pool,
    ):
        senders = [Sender(server, producer, stop) for producer in range(3)]
        running = [pool.submit(sender.run) for sender in senders]
        try:
            until(lambda: all(sender.row >= 3 for sender in senders), running)
            postgres.stop(how)
            try:
                until(lambda: all(sender.refused for sender in senders), running)
                ready, lives = server.get("/readyz"), server.get("/healthz")
            finally:
                postgres.start()
            until(lambda: all(sender.row >= 3 for sender in senders), running)
        finally:
            stop.set()
        for one in running:
            one.result()
        taken = set[str]().union(*(sender.taken for sender in senders))
        refused = [answer for sender in senders for answer in sender.refused]

        assert (ready.status_code, lives.status_code) == (503, 200)
        assert {answer.status_code for answer in refused} == {503}
        assert all(answer.json()["retriable"] for answer in refused)
        assert taken <= server.hashes()
        assert server.get("/readyz").status_code == 200


def until(true: Any, running: list[Any]) -> None:
    """Wait for something to be true, unless what makes it true has ended."""
    wait = threading.Event()
    for _ in range(6000):
        if true():
            return
        for one in running:
            assert not one.done(), one.result()
        wait.wait(0.01)
    raise AssertionError("it never came true")


def test_two_servers(tmp_path: Path, postgres: Postgres) -> None:
    """Several servers over one store take the same events at once, each once."""
    with (
        postgres.store() as url,
        serving(tmp_path / "a", store=url) as one,
        serving(tmp_path / "b", store=url) as other,
        ThreadPoolExecutor(4) as pool,
    ):

        def work(client: int) -> None:
            server = (one, other)[client % 2]
            for number in range(5):
                answer = server.post(BATCH, batch_of(client // 2, number))
                assert answer.status_code == 204, answer.text

        list(pool.map(work, range(4)))
        expected = {
            event_hash(event) for p in range(2) for n in range(5) for event in batch_of(p, n)
        }

        assert one.hashes() == expected
        assert one.get("/api/v2/jobs").json() == other.get("/api/v2/jobs").json()


def test_bad_and_good(tmp_path: Path, postgres: Postgres) -> None:
    """What SQLite's server refuses is refused here, and what it takes is taken."""
    good = foreign.event(1, "COMPLETE", 1, job="'; DROP TABLE event; --")
    good["run"]["facets"]["x"] = {"huge": 10**40, "attempt": 2**70, "text": "\u001f é 💾"}
    attempt = {**good, "run": {**good["run"], "facets": {"begat_attempt": {"attempt": 2**70}}}}
    with postgres.store() as url, serving(tmp_path, store=url) as server:
        answer = server.post(BATCH, [good, attempt, b"x".decode(), {**good, "run": {}}])

        assert [one["index"] for one in answer.json()["failed_events"]] == [1, 2, 3]
        assert server.post(LINEAGE, b'{"a":"\\u0000"}').status_code == 400
        assert server.hashes() == {event_hash(good)}
        [event] = server.get("/api/v2/events").json()["items"]
        assert server.get(f"/api/v2/events/{event['hash']}").json()["event"] == good
