"""Events over HTTP: what is good is stored, what is bad is told, nothing is ever a 500."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from begat.lineage.events import event_hash
from support import foreign
from support.serving import BATCH, LINEAGE, LINES, Served, lines

GOOD = [foreign.event(run, "COMPLETE", run) for run in range(3)]
BAD: list[Any] = [
    *(1, "x", None, [], {}, {"eventTime": "2025-01-01T00:00:00Z"}),
    {**GOOD[0], "run": []},
    {**GOOD[0], "inputs": {}},
    {**GOOD[0], "outputs": "x"},
    {**GOOD[0], "eventTime": "yesterday"},
    {**GOOD[0], "eventTime": 5},
    {**GOOD[0], "job": {"namespace": "n"}},
    {**GOOD[0], "job": "x"},
    {**GOOD[0], "run": {"runId": "me"}},
    {**GOOD[0], "inputs": [1]},
    {**GOOD[0], "inputs": [{"namespace": "n", "name": 1}]},
    {**GOOD[0], "run": {**GOOD[0]["run"], "facets": []}},
    {**GOOD[0], "run": {**GOOD[0]["run"], "facets": {"x": 1}}},
    {**GOOD[0], "inputs": [{"namespace": "n", "name": "x", "facets": [1]}]},
]
#: Bodies that are no JSON, or not what anybody could mean.
UNREADABLE = (
    *(b"", b" \n", b"nonsense", b"{", b'{"a":1', b'{"a":NaN}', b'{"a":Infinity}', b"\xff\xfe"),
    *(b'{"a":"\xff"}', b'{"a":1,"a":2}', b'{"a":"\\ud800"}', b'{"a":"\\u0000"}'),
    *(b"[" * 100_000, b'{"a":' * 100_000, b"[" * 5000 + b"]" * 5000, b"1", b'"x"', b"null"),
    *(b'{"a":' + b"9" * 5000 + b"}", b"[{}", b'[{"a":1},', b"{}{}", b"\x00", b"'"),
)


def test_one_event(served: Served) -> None:
    """An event is stored, under its hash, as ingested; sent again it changes nothing."""
    for _ in range(2):
        answer = served.send(GOOD[0])

        assert answer.status_code == 201
        assert answer.json()["summary"]["successful"] == 1
    found = served.client.get("/api/v2/events").json()["items"]

    assert served.hashes() == {event_hash(GOOD[0])}
    assert [event["origin"] for event in found] == ["ingested"]


@pytest.mark.parametrize("packed", [False, True])
def test_lists_and_lines(served: Served, packed: bool) -> None:
    """A list, and one event a line, come to the same, gzipped or not, to either route."""
    assert served.send(GOOD[:1], packed=packed).status_code == 201
    assert served.send(lines(GOOD[:2]), packed=packed, **LINES).status_code == 201
    assert served.send(GOOD, BATCH, packed=packed).status_code == 204
    assert served.send(lines(GOOD), BATCH, packed=packed, **LINES).status_code == 204
    assert served.hashes() == set(map(event_hash, GOOD))


def test_a_batch_that_is_whole_answers_nothing(served: Served) -> None:
    """204 has no body; an empty list is received too."""
    assert served.send(GOOD, BATCH).content == b""
    assert served.send([], BATCH).status_code == 204


def test_some_of_a_batch(served: Served) -> None:
    """The good ones of a batch are stored; the bad ones are named by index, with the reason."""
    answer = served.send([GOOD[0], 1, GOOD[1], {**GOOD[2], "run": []}], BATCH)
    said = answer.json()

    assert answer.status_code == 200
    assert said["status"] == "partial_success"
    assert said["summary"] == {
        "received": 4,
        "successful": 2,
        "failed": 2,
        "retriable": 0,
        "non_retriable": 2,
    }
    assert [(one["index"], one["retriable"]) for one in said["failed_events"]] == [
        (1, False),
        (3, False),
    ]
    assert "JSON object" in said["failed_events"][0]["reason"]
    assert "run" in said["failed_events"][1]["reason"]
    assert served.hashes() == {event_hash(GOOD[0]), event_hash(GOOD[1])}


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: json.dumps(bad)[-60:])
def test_a_bad_event(served: Served, bad: Any) -> None:
    """Whatever is of a wrong type is refused in one line, alone and among others."""
    alone = served.send(bad)
    among = served.send([GOOD[0], bad, GOOD[1]], BATCH)

    if not isinstance(bad, list):  # an empty list is a list of events
        assert alone.status_code == 400
        assert "\n" not in alone.json()["detail"]
    assert [one["index"] for one in among.json()["failed_events"]] == [1]
    assert served.hashes() == {event_hash(GOOD[0]), event_hash(GOOD[1])}


@pytest.mark.parametrize("body", UNREADABLE, ids=lambda body: repr(body[:20]))
def test_an_unreadable_body(served: Served, body: bytes) -> None:
    """A body that cannot be read is refused in one short line, and nothing is stored."""
    for route in (LINEAGE, BATCH):
        answer = served.send(body, route)

        assert answer.status_code in (400, 200)
        if answer.status_code == 200:  # a list, all of whose events are bad
            assert answer.json()["summary"]["successful"] == 0
        else:
            assert len(answer.json()["detail"]) < 400
    assert served.hashes() == set()


def test_odd_but_good(served: Served) -> None:
    """SQL, HTML, huge integers and long fractions are data like any other, to the last digit."""
    event = foreign.event(1, "COMPLETE", 1, job="'; DROP TABLE event; --")
    event["run"]["facets"]["x"] = {"html": "<script>alert(1)</script>", "n": 10**40}
    body = json.dumps(event).replace(str(10**40), f'{10**40},"f":1.{"3" * 40}')

    assert served.send(body.encode()).status_code == 201
    [hash_] = served.hashes()
    stored = served.client.get(f"/api/v2/events/{hash_[7:15]}").text
    assert "<script>" in stored
    assert f"1{'0' * 40}" in stored
    assert "DROP TABLE" in stored


def test_secrets_are_not_stored(served: Served) -> None:
    """What enters is redacted before it is stored and hashed."""
    event = foreign.event(1, "COMPLETE", 1, inputs=[foreign.dataset(("postgres://u:pw@h:1", "t"))])
    event["run"]["facets"]["x"] = {"api_key": "sesame", "n_tokens": 7}
    served.send(event)
    [stored] = served.bodies()

    assert stored["inputs"][0]["namespace"] == "postgres://u:***@h:1"
    assert stored["run"]["facets"]["x"] == {"api_key": "***", "n_tokens": 7}
    assert served.hashes() == {event_hash(stored)}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "application/json; charset=utf-8"}, 201),
        ({"Content-Type": "application/vnd.openlineage+json"}, 201),
        ({"Content-Encoding": "br"}, 415),
        ({"Content-Encoding": "gzip"}, 400),
        ({"Content-Encoding": "identity"}, 201),
    ],
)
def test_types(served: Served, headers: dict[str, str], status: int) -> None:
    """What is neither JSON nor lines of it is refused by its type, saying what is taken."""
    answer = served.send(GOOD[0], **headers)

    assert answer.status_code == status
    if status == 415:
        assert "send" in answer.json()["detail"]


def test_large_bodies(served: Served) -> None:
    """A body beyond the limit is refused with 413, declared or not, packed or not."""
    large = json.dumps({**GOOD[0], "producer": "x" * (2 << 20)}).encode()
    parts = (large[i : i + 65536] for i in range(0, len(large), 65536))
    answers = [
        served.send(large),
        served.client.post(LINEAGE, content=parts, headers={"Content-Type": "application/json"}),
        served.send(large, packed=True),
        served.send(gzip.compress(b" " * (1 << 30)), Content_Encoding="gzip"),
    ]

    assert [answer.status_code for answer in answers] == [413] * 4
    assert {answer.json()["retriable"] for answer in answers} == {False}
    assert served.send({**GOOD[0], "producer": "x" * 900_000}).status_code == 201


@pytest.mark.parametrize("keep", [1, 10, 20, -1, -8])
def test_gzip_that_breaks_off(served: Served, keep: int) -> None:
    """Half a gzip is refused."""
    packed = gzip.compress(json.dumps(GOOD[0]).encode())

    assert served.send(packed[:keep], Content_Encoding="gzip").status_code == 400
    assert served.hashes() == set()


@pytest.mark.parametrize("path", [LINEAGE, BATCH, "/api/v2/arrivals"])
def test_gzip_that_is_not_said(served: Served, path: str) -> None:
    """A gzip without the header that says so is refused, with the header that is missing."""
    refused = served.send(gzip.compress(json.dumps(GOOD).encode()), path)

    assert refused.status_code == 400
    assert "Content-Encoding: gzip" in refused.json()["detail"]


def test_gzip_of_several_members(served: Served) -> None:
    """Files of gzip put one behind another are one body, as gzip has it."""
    packed = b"".join(gzip.compress(lines([event]) + b"\n") for event in GOOD)

    assert served.send(packed, Content_Encoding="gzip", **LINES).status_code == 201
    assert len(served.hashes()) == 3


def test_a_batch_is_a_list(served: Served) -> None:
    """A single event is no batch, and is told where to go."""
    answer = served.send(GOOD[0], BATCH)

    assert answer.status_code == 400
    assert LINEAGE in answer.json()["detail"]


def test_many_datasets(served: Served) -> None:
    """An event with very many datasets is taken."""
    inputs = [{"namespace": "n", "name": f"d{i}"} for i in range(5_000)]

    assert served.send(foreign.event(1, "COMPLETE", 1, inputs=inputs)).status_code == 201


# --- any JSON at all ----------------------------------------------------------------------

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text("aé\n'"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab"), inner, max_size=3),
    max_leaves=6,
)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    items = enumerate(value) if isinstance(value, list) else value.items()
    for key, item in items:
        if not isinstance(item, (dict, list)):
            found.append((*path, key))
            continue
        found += _paths(item, (*path, key))
    return found


#: Facets that become columns.
OWN = {
    "begat_attempt": {"attempt": 2},
    "begat_recipe": {"digest": "blake3:0", "reusable": True, "result": 1, "inputs": {"a": {}}},
    "begat_reuse": {"run": foreign.run_id(9), "from": foreign.run_id(9)},
    "begat_image": {"digest": "sha256:0"},
    "begat_packages": {"digest": "blake3:1", "packages": {"numpy": "2.0"}},
    "begat_modelVersion": {"model": "m", "version": 1},
    "jobType": {"jobType": "TASK"},
    "tags": {"tags": [{"key": "a", "value": "b"}]},
    "parent": {
        "run": {"runId": foreign.run_id(8)},
        "job": {"namespace": "n", "name": "p"},
        "root": {"run": {"runId": foreign.run_id(7)}, "job": {"namespace": "n", "name": "r"}},
    },
}


@st.composite
def spoiled(draw: st.DrawFn) -> Any:
    """A good event, in some places of which anything at all stands."""
    event = draw(st.one_of(foreign.run_events(), foreign.standing_events()))
    event = json.loads(json.dumps(event))
    if "run" in event and draw(st.booleans()):
        event["run"]["facets"] |= json.loads(json.dumps(OWN))
    for _ in range(draw(st.integers(1, 2))):
        path = draw(st.sampled_from(_paths(event)))
        value = event
        for key in path[:-1]:
            value = value[key]
        value[path[-1]] = draw(_JSON)
    return event


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server for many examples, its store kept from what validates stores."""
    folder: Path = tmp_path_factory.mktemp("any")
    with Served(folder).running() as server:
        yield server


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(st.lists(spoiled(), min_size=1, max_size=3))
def test_anything_in_an_event(lasting: Served, events: list[Any]) -> None:
    """Whatever stands anywhere in an event, it is stored or refused, and its fellows are stored."""
    answer = lasting.send([*events, GOOD[0]], BATCH)

    assert answer.status_code in (200, 204), answer.text
    if answer.status_code == 200:
        failed = {one["index"] for one in answer.json()["failed_events"]}
        assert failed <= set(range(len(events)))
