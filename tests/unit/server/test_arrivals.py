from __future__ import annotations

import json
from typing import Any

import pytest

from support.arriving import message, record, rows
from support.serving import LINES, Served

ARRIVALS = "/api/v2/arrivals"
PLAIN = {"source": "s3://lake", "key": "raw/month=2013-12/flights.csv", "version": "3"}


def arrivals(served: Served) -> list[Any]:
    """What is recorded."""
    with served.store() as store:
        return rows(store, "namespace, key, identity, name, told_by, batch")


def test_recorded_once(served: Served) -> None:
    """What is told is recorded, and acknowledged again when it is told again."""
    body = json.loads(message(record("2013-11"), record("2013-12")))
    first, again = (served.send(body, ARRIVALS) for _ in range(2))

    assert (first.status_code, first.json()) == (201, {"received": 2, "recorded": 2, "known": 0})
    assert (again.status_code, again.json()) == (201, {"received": 2, "recorded": 0, "known": 2})
    assert {row[3:] for row in arrivals(served)} == {("", "webhook", "")}


def test_shapes(served: Served) -> None:
    """A list, lines, and gzipped bodies are taken; what tells of nothing comes to nothing."""
    listed = served.send([PLAIN, {**PLAIN, "version": "4"}], ARRIVALS)
    lined = served.send(
        b"\n".join(json.dumps({**PLAIN, "version": v}).encode() for v in ("4", "5")),
        ARRIVALS,
        **LINES,
    )
    packed = served.send({**PLAIN, "version": "6"}, ARRIVALS, packed=True)
    nothing = served.send({"Service": "Amazon S3", "Event": "s3:TestEvent"}, ARRIVALS)

    assert [answer.status_code for answer in (listed, lined, packed, nothing)] == [201] * 4
    assert lined.json() == {"received": 2, "recorded": 1, "known": 1}
    assert nothing.json() == {"received": 0, "recorded": 0, "known": 0}
    assert [row[2] for row in arrivals(served)] == ["3", "4", "5", "6"]


def test_all_or_nothing(served: Served) -> None:
    """A body of which one message cannot be read is refused as a whole, in one line."""
    answer = served.send([PLAIN, {"a": 1}], ARRIVALS)

    assert answer.status_code == 400
    assert "is of no known shape; send S3's Records" in answer.json()["detail"]
    assert arrivals(served) == []


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 400), (b"{", 400), (b"[7]", 400), (b"\xff", 400), (b" " * (2 << 20), 413)],
    ids=["empty", "broken", "number", "bytes", "large"],
)
def test_refused(served: Served, body: bytes, status: int) -> None:
    """What cannot be read is refused, and what is too large is not read."""
    answer = served.send(body, ARRIVALS)

    assert answer.status_code == status
    assert arrivals(served) == []


def test_scope(served: Served) -> None:
    """A token that may ingest is needed once there are tokens."""
    may, other = served.token("ingest"), served.token("read")
    sent = json.dumps(PLAIN).encode()
    answers = [
        served.client.post(ARRIVALS, content=sent, headers=headers).status_code
        for headers in ({}, other, may)
    ]

    assert answers == [401, 403, 201]
