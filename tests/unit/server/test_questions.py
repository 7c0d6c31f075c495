"""The questions of the graph over HTTP: the answers of Python, and refusals in one line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from begat.lineage import graph
from begat.lineage.graph.store import Store
from begat.lineage.server import questions
from begat.lineage.server.shapes import model_of
from support import foreign
from support.foreign import dataset, event
from support.serving import BATCH, Served

ORDERS, CUSTOMERS, _, REPORT = range(4)
EVENTS = [
    event(1, "COMPLETE", 1, outputs=[dataset(ORDERS, partition="day=1", written=True)]),
    event(2, "COMPLETE", 2, outputs=[dataset(ORDERS, partition="day=2", written=True)]),
    event(3, "COMPLETE", 3, inputs=[dataset(ORDERS)], outputs=[dataset(REPORT)], job="report"),
]
LAST = foreign.run_id(3)

ASKED: dict[str, tuple[dict[str, Any], Callable[[Store], Any]]] = {
    "upstream": ({"ref": LAST}, lambda store: graph.upstream(store, LAST)),
    "downstream": (
        {"ref": "orders[day=1]", "depth": 1},
        lambda store: graph.downstream(store, "orders[day=1]", depth=1),
    ),
    "path": (
        {"a": LAST, "b": "orders[day=2]"},
        lambda store: graph.path(store, LAST, "orders[day=2]"),
    ),
    "impact": ({"ref": "orders[day=1]"}, lambda store: graph.impact(store, "orders[day=1]")),
    "search": ({"words": "ord"}, lambda store: graph.search(store, "ord")),
    "datasets": ({"limit": 1}, lambda store: graph.datasets(store, limit=1)),
    "partitions": ({"dataset": "orders"}, lambda store: graph.partitions(store, "orders")),
    "versions": ({"dataset": "orders"}, lambda store: graph.versions(store, "orders")),
    "jobs": ({}, graph.jobs),
    "runs": ({"job": "report"}, lambda store: graph.runs(store, job="report")),
    "models": ({}, graph.models),
}


def test_every_question_is_asked() -> None:
    """Every route of the module is asked below; events and differences are tested elsewhere."""
    routes = {route.path.rpartition("/")[2] for route in questions.router.routes}  # type: ignore[attr-defined]  # all have one

    assert routes == {*ASKED, "diff"}


@pytest.mark.parametrize("name", ASKED)
def test_same_answer_as_in_python(served: Served, name: str) -> None:
    """A question over HTTP is answered as in Python, in the shape that is described."""
    served.send(EVENTS, BATCH)
    parameters, ask = ASKED[name]
    got = served.client.get(f"/api/v2/{name}", params=parameters)
    with served.app.state.stores.reading() as store:
        expected = ask(store)

    assert (got.status_code, got.json()) == (200, expected.to_json())
    if not isinstance(expected, graph.Listing):
        model_of(type(expected)).model_validate(got.json())


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("upstream?ref=nothing", 404, "model version; /api/v2/search finds names"),
        ("upstream", 422, "ref is needed: what to start from"),
        ("search", 422, "words is needed: all of them"),
        ("upstream?ref=@latest", 404, "names no model; write MODEL@latest, /api/v2/models lists"),
        ("impact?ref=package:numpy", 404, "package numpy; write package:NAME==VERSION"),
        ("runs?since=yesterday", 422, "since is an ISO 8601 time"),
        ("events?until=tomorrow", 422, "until is an ISO 8601 time"),
        ("upstream?ref=orders&depth=-1", 422, "depth"),
        ("upstream?ref=orders&as_of=yesterday", 422, "yesterday"),
        ("downstream?ref=orders&after=nonsense", 422, "nonsense"),
        ("search?words=", 422, "words"),
        ("search?words=x&kinds=planets", 422, "planets"),
        ("datasets?limit=0", 422, "limit"),
        ("upstream?ref=orders&deph=1", 422, "no parameter 'deph'; it takes after, as_of, depth, "),
        ("datasets?kind=table", 422, "no parameter 'kind'; it takes after, limit"),
        ("events?job=report", 422, "no parameter 'job'; it takes after, dataset, limit, run, "),
        ("version?x", 422, "no parameter 'x'; it takes none"),
        ("runs?state=foo", 422, "'foo'; there are OTHER, START, RUNNING, ABORT, FAIL, COMPLETE"),
        ("partitions?dataset=planets", 404, "'planets'; /api/v2/datasets lists them"),
        ("diff?old=a@1&new=a@2", 404, "no model is named 'a'"),
    ],
)
def test_refusals(served: Served, path: str, status: int, says: str) -> None:
    """What cannot be answered is refused in one line that names it."""
    served.send(EVENTS, BATCH)
    got = served.client.get(f"/api/v2/{path}")

    assert (got.status_code, "\n" in got.json()["detail"]) == (status, False)
    assert says in got.json()["detail"]
