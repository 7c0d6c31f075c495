"""Questions over HTTP are answered as Python answers them."""

from __future__ import annotations

from typing import Any

import pytest

from begat.lineage import graph
from support import foreign
from support.serving import BATCH, Served

ORDERS, REPORT = foreign.DATASETS[0], foreign.DATASETS[3]
RUN = foreign.run_id(1)
EVENTS = [
    foreign.event(
        1,
        "COMPLETE",
        1,
        job="load",
        inputs=[foreign.dataset(0, version="v1")],
        outputs=[foreign.dataset(1, written=True)],
        job_facets={"sourceCodeLocation": foreign.facet(version="c0ffee1")},
    ),
    foreign.event(
        2,
        "COMPLETE",
        2,
        job="report",
        inputs=[foreign.dataset(1)],
        outputs=[foreign.dataset(3, written=True)],
    ),
]


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("upstream", {"ref": "shop.public.report"}),
        ("upstream", {"ref": "shop.public.report", "depth": 1, "limit": 2}),
        ("upstream", {"ref": "shop.public.report", "stop_at": ["customers"]}),
        ("upstream", {"ref": "customers", "as_of": "2025-01-01T00:01:30Z"}),
        ("downstream", {"ref": "orders"}),
        ("path", {"a": "shop.public.report", "b": "orders"}),
        ("impact", {"ref": "commit:c0ffee1"}),
        ("search", {"q": "shop"}),
        ("search", {"q": "shop", "kind": ["dataset", "job"], "limit": 1}),
        ("datasets", {"limit": 2}),
        ("partitions", {"dataset": "customers"}),
        ("versions", {"dataset": "customers"}),
        ("jobs", {}),
        ("runs", {"job": "load", "state": "COMPLETE"}),
        ("runs", {"since": "2025-01-01T00:02:00Z"}),
        ("models", {}),
    ],
)
def test_answers(served: Served, path: str, given: dict[str, Any]) -> None:
    """Each route answers what the function of its name answers."""
    served.send(EVENTS, BATCH)
    answer = served.client.get(f"/api/v2/{path}", params=given)
    named = {{"q": "words", "kind": "kinds"}.get(key, key): value for key, value in given.items()}
    what = {
        name: named.pop(name) for name in ("ref", "words", "dataset", "a", "b") if name in named
    }

    assert answer.status_code == 200, answer.text
    with served.store() as store:
        assert answer.json() == getattr(graph, path)(store, *what.values(), **named).to_json()


def test_pages(served: Served) -> None:
    """Pages that follow `next` hold everything once."""
    served.send(EVENTS, BATCH)
    found: list[str] = []
    after = None
    while after or not found:
        asked = {"limit": 1} | ({"after": after} if after else {})
        page = served.client.get("/api/v2/events", params=asked).json()
        found += [event["run_id"] for event in page["items"]]
        after = page["next"]

    assert found == [foreign.run_id(1), foreign.run_id(2)]


def test_diff(served: Served) -> None:
    """Two runs are compared as `begat diff` does, without their tables."""
    served.send(EVENTS, BATCH)
    answer = served.client.get("/api/v2/diff", params={"a": RUN, "b": foreign.run_id(2)})

    assert answer.status_code == 200, answer.text
    assert answer.json()["same"] is False


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("upstream?ref=nobody", 404),
        ("upstream?ref=", 404),
        ("upstream", 422),
        ("upstream?ref=orders&depth=-1", 422),
        ("upstream?ref=orders&as_of=yesterday", 400),
        ("upstream?ref=orders&stop_at=nobody", 404),
        ("upstream?ref=orders&after=x", 400),
        ("path?a=orders&b=nobody", 404),
        ("search?q=", 400),
        ("search?q=x&kind=nothing", 400),
        ("partitions?dataset=nobody", 404),
        ("runs?job=nobody", 404),
        ("diff?a=x&b=y", 404),
        ("datasets?after=x", 400),
    ],
)
def test_what_makes_no_sense(served: Served, asked: str, status: int) -> None:
    """References that name nothing are 404, and arguments that make no sense 4xx, in one line."""
    served.send(EVENTS, BATCH)
    answer = served.client.get(f"/api/v2/{asked}")

    assert answer.status_code == status, answer.text
    assert "\n" not in answer.json()["detail"]
