"""Stored events, health, counts, and the description of all that."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from begat.lineage import graph
from begat.lineage.errors import StoreError
from begat.lineage.events import event_hash
from begat.lineage.graph.store import Store
from begat.lineage.server.app import PARTS
from support import foreign
from support.serving import BATCH, Served

EVENTS = [foreign.event(run, "COMPLETE", run) for run in range(7)]
ORDERS = foreign.dataset(0)
WRITING = foreign.event(8, "COMPLETE", 8, outputs=[ORDERS])


def counted(served: Served) -> dict[str, float]:
    """What /metrics says, by name and labels."""
    text = served.client.get("/metrics").text
    return {
        sample.name
        + "".join(f" {value}" for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_pages(served: Served) -> None:
    """Pages hold every event once, by event time, also while others come in."""
    served.send(EVENTS[2:], BATCH)
    found: list[str] = []
    asked: dict[str, Any] = {"limit": 2}
    while "after" not in asked or asked["after"]:
        page = served.client.get("/api/v2/events", params=asked).json()
        found += [event["hash"] for event in page["items"]]
        served.send(EVENTS[:2], BATCH)  # older than all on the first page
        asked["after"] = page["next"]

    assert found == [event_hash(event) for event in EVENTS[2:]]


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"run": foreign.run_id(3)},
        {"dataset": "orders"},
        {"since": foreign.event(3, "COMPLETE", 3)["eventTime"]},
        {"until": foreign.event(3, "COMPLETE", 3)["eventTime"], "limit": 1},
    ],
)
def test_the_same_events_as_in_python(served: Served, asked: dict[str, Any]) -> None:
    """Events are listed as in Python and on the command line, but for what they say."""
    served.send([*EVENTS, WRITING, foreign.dataset_event(9, ORDERS)], BATCH)
    got = served.client.get("/api/v2/events", params=asked).json()
    with served.app.state.stores.reading() as store:
        expected = graph.events(store, **asked).to_json()
    for one in expected["items"]:
        assert one.pop("body")

    assert got == expected
    assert got["items"]


def test_events_of_a_run(served: Served) -> None:
    """The events of one run are listed by its id, in any case."""
    served.send(EVENTS, BATCH)
    run_id = EVENTS[3]["run"]["runId"]
    found = served.client.get("/api/v2/events", params={"run": run_id.upper()}).json()

    assert [event["hash"] for event in found["items"]] == [event_hash(EVENTS[3])]


def test_one_event(served: Served) -> None:
    """An event is shown whole, by its hash or any beginning that is its own."""
    served.send(EVENTS, BATCH)
    hash_ = event_hash(EVENTS[0])

    for named in (hash_, hash_[:30], hash_.removeprefix("blake3:")):
        answer = served.client.get(f"/api/v2/events/{named}").json()
        assert answer["event"] == EVENTS[0]
        assert (answer["hash"], answer["origin"], answer["type"]) == (hash_, "ingested", "COMPLETE")


@pytest.mark.parametrize("named", ["ffffffffffff", "x", "blake3:", "'; --", "%00", "0"])
def test_no_such_event(served: Served, named: str) -> None:
    """A hash that is none is 404, and says how hashes are found."""
    answer = served.client.get(f"/api/v2/events/{named}")

    assert answer.status_code == 404
    assert "/api/v2/events" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=0", 422),
        ("limit=x", 422),
        ("limit=10001", 422),
        ("after=x", 422),
        ("after=[]", 422),
        ("after=[1,2]", 422),
    ],
)
def test_bad_parameters(served: Served, query: str, status: int) -> None:
    """A parameter that makes no sense is named in one line."""
    answer = served.client.get(f"/api/v2/events?{query}")

    assert answer.status_code == status
    assert answer.json()["detail"].startswith(query.partition("=")[0])
    assert answer.json()["retriable"] is False


def test_counts(served: Served) -> None:
    """What was received, stored, known and refused is counted, by reason, and by request."""
    served.send([EVENTS[0], EVENTS[0], EVENTS[1], 1, {**EVENTS[2], "run": []}], BATCH)
    served.send(b"nonsense")
    served.client.get("/nowhere")
    found = counted(served)

    assert found["begat_events_received_total"] == 6
    assert found["begat_events_total stored"] == 2
    assert found["begat_events_total known"] == 1
    assert found["begat_events_total refused"] == 3
    assert found["begat_events_refused_total unreadable"] == 2
    assert found["begat_events_refused_total invalid"] == 1
    assert found["begat_stored_events"] == 2
    assert found["begat_store_errors_total"] == 0
    assert found[f"begat_request_seconds_count POST {BATCH} 200"] == 1
    assert found["begat_request_seconds_count GET none 404"] == 1


def test_the_store_is_away(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its store the server lives, is not ready, and says to try again."""

    def failing(*_: Any, **__: Any) -> Any:
        raise StoreError("the lineage store is away; start it")

    monkeypatch.setattr(Store, "add", failing)
    answer = served.send(EVENTS[0])
    monkeypatch.setattr(Store, "open", failing)
    monkeypatch.setattr(Store, "read", failing)
    ready = served.client.get("/readyz")

    for one in (answer, ready):
        assert one.status_code == 503
        assert int(one.headers["Retry-After"]) > 0
        assert one.json() == {"detail": "the lineage store is away; start it", "retriable": True}
    assert served.client.get("/healthz").status_code == 200
    monkeypatch.undo()
    assert served.client.get("/readyz").status_code == 200
    assert counted(served)["begat_store_errors_total"] == 1


def routes(served: Served) -> list[tuple[str, str, dict[str, Any]]]:
    """Path, method and description of each route."""
    described = served.client.get("/openapi.json").json()
    return [
        (path, method, route)
        for path, methods in described["paths"].items()
        for method, route in methods.items()
    ]


def test_every_route_is_described(served: Served) -> None:
    """Each route says what it does, what it answers, how it refuses and what token it needs."""
    found = routes(served)
    asked = {
        (route.path, method.lower())
        for part in PARTS
        for route in part.router.routes
        for method in getattr(route, "methods", ())
        if getattr(route, "include_in_schema", False)
    }

    assert {(path, method) for path, method, _ in found} == asked
    for path, method, route in found:
        answers = route["responses"]
        assert route["summary"], path
        assert route["description"], path
        for status, answer in answers.items():
            if status != "204":
                assert answer["content"], (path, method, status)
                [content] = answer["content"].values()
                assert content["schema"], (path, method, status)
        if path.startswith("/api") or path == "/metrics":
            assert route["security"] == [{"token": []}], path
            assert {"401", "403", "503"} <= answers.keys(), path
        for parameter in route.get("parameters", ()):
            assert parameter["description"], (path, parameter["name"])


def test_the_page_loads_nothing(served: Served) -> None:
    """/docs has every route, and no script, picture or style from anywhere."""
    page = served.client.get("/docs")

    assert not re.findall(r"<script|<link|<img|@import|url\(|src=|https?://", page.text)
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    for path, method, _ in routes(served):
        assert f"{method.upper()} {path}" in page.text


@pytest.mark.parametrize(("method", "status"), [("GET", 405), ("DELETE", 405), ("POST", 404)])
def test_what_is_not_there(served: Served, method: str, status: int) -> None:
    """An unknown path is 404 and an unknown method 405, in the same form as all refusals."""
    path = "/api/v1/lineage" if status == 405 else "/api/v1/lineage/"
    answer = served.client.request(method, path)

    assert answer.status_code == status
    assert path in answer.json()["detail"]
