"""Backends from the standard client configuration."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from begat.lineage.errors import SettingsError
from begat.lineage.events import canonical, facets, ids, now, run_event
from begat.lineage.events.forward import destinations as module
from begat.lineage.events.forward.destinations import (
    Answer,
    FirstOf,
    Http,
    backends,
    without_secrets,
)
from begat.lineage.records import Caller, RunRef
from support.receiver import receiver

URL = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration file lies about."""
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.chdir(tmp_path)


def set_all(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    """Set OPENLINEAGE_ variables by the rest of their names."""
    for name, value in variables.items():
        monkeypatch.setenv(f"OPENLINEAGE_{name}", value)


def names() -> list[str]:
    """The backends that are configured."""
    return [destination.name for destination in backends().destinations]


def event(job: str = "delays") -> dict[str, Any]:
    """An event as begat makes them."""
    run = RunRef(run_id=ids.new_id(), namespace="begat", job=job)
    parent = RunRef(run_id=ids.new_id(), namespace="begat", job="outer")
    root = RunRef(run_id=ids.new_id(), namespace="begat", job="outermost")
    return run_event(
        "COMPLETE",
        caller=Caller(run=run, parent=parent, root=root),
        time=now(),
        inputs=[{"namespace": "file", "name": "/lake", "inputFacets": {}}],
        outputs=[],
        run_facets={"begat_reuse": facets.reuse(executed=1, reused=2)},
    )


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"URL": URL}, [f"{URL}/api/v1/lineage"]),
        ({"URL": URL, "ENDPOINT": "lineage"}, [f"{URL}/lineage"]),
        (
            {"_TRANSPORT__TYPE": "http", "_TRANSPORT__URL": URL, "URL": "http://other"},
            [f"{URL}/api/v1/lineage"],
        ),
        ({"_TRANSPORT__TYPE": "async_http", "URL": URL}, [f"{URL}/api/v1/lineage"]),
        (
            {
                "_TRANSPORT__TYPE": "composite",
                "_TRANSPORT__TRANSPORTS__ONE": json.dumps({"type": "http", "url": f"{URL}1"}),
                "_TRANSPORT__TRANSPORTS__TWO__TYPE": "noop",
                "URL": URL,
            },
            [
                f"one ({URL}1/api/v1/lineage)",
                f"default_http ({URL}/api/v1/lineage)",
            ],
        ),
        ({"_TRANSPORT": json.dumps({"type": "file", "log_file_path": "x.jsonl"})}, ["file"]),
    ],
)
def test_by_variables(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: list[str]
) -> None:
    """The client's variables mean what they mean to the client."""
    set_all(monkeypatch, **variables)

    assert sorted(names()) == sorted(expected)


def test_by_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file wins over OPENLINEAGE_URL."""
    (tmp_path / "openlineage.yml").write_text(f"transport: {{type: http, url: '{URL}'}}\n")
    set_all(monkeypatch, URL="http://other")

    assert names() == [f"{URL}/api/v1/lineage"]


def test_the_first_that_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A composite that stops at the first success is one backend."""
    children = [{"type": "http", "url": f"{URL}{n}", "name": f"n{n}"} for n in (1, 2)]
    given = {"type": "composite", "transports": children, "continue_on_success": False}
    set_all(monkeypatch, _TRANSPORT=json.dumps(given))
    [found] = backends().destinations

    assert isinstance(found, FirstOf)
    assert found.name.startswith("first of n1 (")


class Fake:
    """A backend that always says the same."""

    def __init__(self, state: Any) -> None:
        self.name, self.answer, self.asked = state, Answer(state=state), 0

    def send(self, data: bytes) -> Answer:
        """Say it."""
        self.asked += 1
        return self.answer

    def close(self) -> None:
        """Nothing is open."""


def test_the_second_where_the_first_is_away() -> None:
    """Such a backend takes what any of its parts takes, and asks no further."""
    parts = Fake("away"), Fake("taken"), Fake("taken")

    assert FirstOf(parts).send(b"{}").state == "taken"
    assert [part.asked for part in parts] == [1, 1, 0]
    assert FirstOf(parts[:1]).send(b"{}").state == "away"


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"_TRANSPORT__TYPE": "http"}, "url"),
        ({"_TRANSPORT__TYPE": "pigeon"}, "pigeon"),
        ({"_TRANSPORT__TYPE": "composite"}, "has no transports"),
        ({"_TRANSPORT__URL": URL}, "names no transport"),
        ({"_TRANSPORT__TYPE": "noop"}, "names no backend"),
        ({"_TRANSPORT": json.dumps({"type": "http", "url": "https://me:sesame@"})}, "valid url"),
    ],
)
def test_a_configuration_that_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], said: str
) -> None:
    """It is refused in one line, without secrets."""
    set_all(monkeypatch, **variables)

    with pytest.raises(SettingsError, match=said) as caught:
        backends()
    assert "\n" not in str(caught.value)
    assert "sesame" not in str(caught.value)


def test_the_environment_stays_as_it_was(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The API key is neither copied into other variables nor logged, at any level."""
    caplog.set_level("DEBUG")
    headers = json.dumps({"X-Key": "open"})
    set_all(
        monkeypatch, URL=URL, API_KEY="sesame", _TRANSPORT__TRANSPORTS__X__CUSTOM_HEADERS=headers
    )
    before = dict(os.environ)
    backends()

    assert dict(os.environ) == before
    assert "sesame" not in caplog.text
    assert "open" not in caplog.text.replace("openlineage", "").replace("OpenLineage", "")


def test_the_environment_is_never_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even meanwhile: other threads copy it, and libraries read it without a lock."""
    set_all(monkeypatch, URL=URL, API_KEY="sesame", _TRANSPORT__TYPE="async_http")

    def touched(*arguments: object) -> None:
        raise AssertionError(arguments)

    with monkeypatch.context() as patched:
        patched.setattr(os, "putenv", touched)
        patched.setattr(os, "unsetenv", touched)
        (found,) = backends().destinations

    assert isinstance(found, Http)
    assert (found.name, found.transport.config.auth.get_bearer()) == (
        f"{URL}/api/v1/lineage",
        "Bearer sesame",
    )


def test_a_key_that_looks_like_json_is_not_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The client would say which value it cannot read."""
    set_all(
        monkeypatch,
        _TRANSPORT__TYPE="http",
        _TRANSPORT__URL=URL,
        _TRANSPORT__AUTH__TYPE="api_key",
        _TRANSPORT__AUTH__APIKEY="ses[ame",
    )
    (found,) = backends().destinations

    assert isinstance(found, Http)
    assert found.transport.config.auth.get_bearer() == "Bearer ses[ame"
    assert "ses[ame" not in caplog.text


def test_a_key_that_is_no_header_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key with a line's end, as it comes from a file, is refused without being shown."""
    set_all(monkeypatch, URL=URL, API_KEY="sesame\n")
    (found,) = backends().destinations
    answer = found.send(b"{}")

    assert (answer.state, "header" in answer.reason) == ("away", True)
    assert "sesame" not in answer.reason


def test_custom_headers_are_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key in a header of the configuration's own is cut out of what a backend says."""
    backend = receiver()
    backend.answer = lambda event, number: (400, {}, "no key open-sesame here")
    given = {"type": "http", "url": backend.url, "custom_headers": {"X-Key": "open-sesame"}}
    set_all(monkeypatch, _TRANSPORT=json.dumps(given))
    (found,) = backends().destinations
    with backend.listening():
        answer = found.send(b"{}")
        found.close()

    assert answer.reason == "answered 400 Bad Request: no key … here"


@pytest.mark.parametrize(
    ("header", "wait"),
    [("7", 7), ("0.5", 0.5), ("1e9", 300), ("-1", 0), ("nan", 0), ("soon", 0), ("", 0)],
)
def test_how_long_a_backend_asks_to_be_left_alone(header: str, wait: float) -> None:
    """Retry-After is seconds, five minutes at most; what is no time is none."""
    assert module._asked_to_wait(header) == wait


def test_where_a_redirect_leads(monkeypatch: pytest.MonkeyPatch) -> None:
    """A redirect is named with its whole address, also where it is relative, without secrets."""
    backend = receiver()
    backend.answer = lambda event, number: (301, {"Location": "/login?key=sesame"}, "")
    set_all(monkeypatch, URL=backend.url)
    (found,) = backends().destinations
    with backend.listening():
        answer = found.send(b"{}")
        found.close()

    assert answer.reason == (f"answered 301 Moved Permanently (to {backend.url}/login): name that")


def test_filters_are_respected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs that the configuration's filters name are not wanted."""
    (tmp_path / "openlineage.yml").write_text("filters: [{type: exact, match: secret}]\n")
    set_all(monkeypatch, URL=URL)
    wanted = backends().wanted

    assert [wanted(json.dumps(event(job)).encode()) for job in ("secret", "delays")] == [
        False,
        True,
    ]


def test_other_transports_get_the_clients_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file gets what was stored, by way of the client's own event and serializer."""
    path = tmp_path / "events.jsonl"
    given = {"type": "file", "log_file_path": str(path), "append": True}
    set_all(monkeypatch, _TRANSPORT=json.dumps(given))
    sent = event()
    [file] = backends().destinations
    answer = file.send(canonical(sent).encode())

    assert answer.state == "taken"
    assert json.loads(path.read_text()) == sent


def test_a_transport_that_fails_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another transport raises is a reason, not an error of the run."""
    given = {"type": "file", "log_file_path": str(tmp_path / "none" / "x"), "append": True}
    set_all(monkeypatch, _TRANSPORT=json.dumps(given))
    [file] = backends().destinations
    answer = file.send(json.dumps(event()).encode())

    assert (answer.state, "No such file" in answer.reason) == ("away", True)


def test_kafka_finds_its_key() -> None:
    """Runs of one root go to one partition of Kafka, which keeps them in order."""
    from openlineage.client.transport import KafkaTransport

    transport = KafkaTransport.__new__(KafkaTransport)
    typed = module._typed(json.dumps(event()).encode())

    assert transport._get_message_key(typed) == "run:begat/outermost"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("at https://me:sesame@host:1/a?key=sesame&b now", "at https://host:1/a now"),
        ("plain", "plain"),
        ("two\nlines", "two lines"),
    ],
)
def test_without_secrets(text: str, expected: str) -> None:
    """User information and parameters of URLs are cut out of what is said."""
    assert without_secrets(text) == expected
