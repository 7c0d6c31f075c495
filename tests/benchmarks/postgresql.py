"""What taking events in costs on PostgreSQL, beside psycopg alone; the server's CPU counts."""

from __future__ import annotations

from collections.abc import Sequence

from support.postgres import serving

from .graph_stores import MIDDLE
from .measure import Cost
from .results import Figure
from .subject import Collector, Tell, in_turn

RECORD, PSYCOPG = "Store.record on PostgreSQL", "bare psycopg"
STORES = MIDDLE[:1]
#: Rounds at most: one takes minutes.
MOST = 1


def measured(rounds: int, chosen: Sequence[str], tell: Tell) -> dict[str, dict[str, Figure]]:
    """CPU seconds of this process and of the server, which is there for nothing else.

    Raises:
        CommandError: a probe failed.
    """
    collector = Collector()
    with serving() as server:
        for store in STORES:
            tell(f"PostgreSQL: {store.name}")
            store.keep()
            for number, who in in_turn(min(rounds, MOST), (RECORD, PSYCOPG)):
                tell(f"PostgreSQL, round {number + 1}: {store.name}, {who}")
                with server.database() as url:
                    if who == RECORD:
                        typed, said = store.fill_server(url, server.pid)
                        cost = Cost(cpu=said["cpu"], wall=said["wall"])
                    else:
                        typed, cost = store.floor_server(url, server.pid)
                typed = typed.replace(f"'{url}'", "URL").replace(url, "URL")
                figure = collector.add(
                    f"{who}, {store.name}", typed.replace(f" {server.pid}", " PID"), cost
                )
                figure.extra["events"] = store.events
    return {"postgresql": collector.figures}
