"""Forwarding to a real HTTP backend that is slow, dead, and back."""

from __future__ import annotations

import errno
import json
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from begat.lineage import plain
from begat.lineage.cli.forward import forward
from begat.lineage.errors import BegatError, SettingsError
from begat.lineage.events import canonical, static_id
from begat.lineage.events.forward import Courier, Off, delivery
from begat.lineage.events.forward.queue import Queue
from begat.lineage.workspace import Workspace, using
from support.receiver import Answer, Receiver, receiver

KEY = "-".join(["sesame", "of", "the", "backend"])  # nowhere as such, not even in the sources kept
#: A process that records a flow of some tasks, and says when it has.
FLOWS = """
import sys
from begat.lineage import plain
from begat.lineage.workspace import workspace

@plain.task
def double(number: int) -> int:
    return 2 * number

with plain.flow(sys.argv[1]):
    for number in range(int(sys.argv[2])):
        double(number)
print("done", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def impatient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend that was away is asked again at once; no configuration file lies about."""
    monkeypatch.setattr(delivery, "_FIRST_WAIT", 0.01)
    monkeypatch.setattr(delivery, "_LONGEST_WAIT", 0.01)
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("BEGAT_FORWARD_SECONDS", "30")


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> Receiver:
    """What OPENLINEAGE_URL names; dead until it is `listening()`."""
    found = receiver()
    monkeypatch.setenv("OPENLINEAGE_URL", found.url)
    monkeypatch.setenv("OPENLINEAGE_API_KEY", KEY)
    return found


@pytest.fixture
def space(backend: Receiver) -> Iterator[Workspace]:
    """This process's workspace."""
    with using(Workspace()) as given:
        yield given


@plain.task
def double(number: int) -> int:
    """A task that is over at once."""
    return 2 * number


def run(name: str = "delays", numbers: Sequence[int] = (1, 2)) -> None:
    """A flow run of some tasks."""
    with plain.flow(name):
        for number in numbers:
            double(number)


def stored(space: Workspace) -> list[str]:
    """The bodies of the events in the store, in the order they came."""
    with closing(sqlite3.connect(space.settings.home / "begat.db")) as database:
        return [body for (body,) in database.execute("SELECT body FROM event ORDER BY id")]


def waiting(space: Workspace) -> list[Path]:
    """The files of events that were not taken."""
    return Queue(space.settings.home / "forward" / "queue").files()


def by_run(bodies: Sequence[str]) -> dict[str, list[str]]:
    """The bodies of each run, each once, in the order they first came."""
    found: dict[str, dict[str, None]] = {}
    for body in bodies:
        found.setdefault(json.loads(body)["run"]["runId"], {})[body] = None
    return {run: list(bodies) for run, bodies in found.items()}


def begat(*arguments: str) -> dict[str, Any]:
    """What `begat forward --json` says of the one backend."""
    done = CliRunner().invoke(forward, [*arguments, "--json"])
    if done.exception is not None and not isinstance(done.exception, BegatError):
        raise done.exception
    [found] = json.loads(done.stdout)["backends"]
    return {**found, "exit_code": getattr(done.exception, "exit_code", 0)}


def test_exactly_the_stored_events_arrive(backend: Receiver, space: Workspace) -> None:
    """A backend that is there gets each event once, byte for byte as the store has it."""
    with backend.listening():
        run()
        space.close()

    assert backend.bodies == stored(space)
    assert [canonical(event) for event in backend.events] == backend.bodies
    assert waiting(space) == []


def test_standard_headers(backend: Receiver, space: Workspace) -> None:
    """The client's address, content type and authentication are used."""
    with backend.listening():
        run()
        space.close()
    headers = backend.headers[0]

    assert headers["path"] == "/api/v1/lineage"
    assert headers["Content-Type"] == "application/json"
    assert headers["Authorization"] == f"Bearer {KEY}"


def test_gzip_and_custom_headers(
    tmp_path: Path, backend: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So are its compression and further headers, here from openlineage.yml."""
    monkeypatch.delenv("OPENLINEAGE_URL")
    path = tmp_path / "openlineage.yml"
    path.write_text(
        f"transport: {{type: http, url: '{backend.url}', endpoint: in, compression: gzip, "
        "custom_headers: {X-Team: flights}}\n"
    )
    monkeypatch.setenv("OPENLINEAGE_CONFIG", str(path))
    with backend.listening(), using(Workspace()) as space:
        run()
        space.close()

    assert backend.bodies == stored(space)
    assert {(h["Content-Encoding"], h["X-Team"], h["path"]) for h in backend.headers} == {
        ("gzip", "flights", "/in")
    }


def test_disabled(backend: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """OPENLINEAGE_DISABLED turns it off, and nothing is queued."""
    monkeypatch.setenv("OPENLINEAGE_DISABLED", "true")
    with backend.listening(), using(Workspace()) as space:
        run()
        space.close()

    assert isinstance(space.forwarder, Off)
    assert backend.requests == 0
    assert not (space.settings.home / "forward").exists()


def test_a_dead_backend_costs_one_append(
    backend: Receiver, space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the thread of the run, forwarding opens one file an event and touches no network."""
    opened: list[str] = []
    connected: list[object] = []
    worker = threading.current_thread()

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if threading.current_thread() is not worker:
            return
        if event == "open" and "/forward/" in str(arguments[0]):
            opened.append(str(arguments[0]))
        if event.startswith("socket."):
            connected.append(arguments)

    hooked = [True]
    sys.addaudithook(lambda event, arguments: hook(event, arguments) if hooked else None)
    run()
    hooked.clear()

    assert len(opened) == len(stored(space)) == 6
    assert len(set(opened)) == 1
    assert connected == []


def test_a_dead_backend_is_not_asked_for_each_event(
    backend: Receiver, space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events that come while a backend is left alone wake nobody."""
    monkeypatch.setattr(delivery, "_FIRST_WAIT", 3600)
    monkeypatch.setattr(delivery, "_LONGEST_WAIT", 3600)
    backend.answer = lambda event, number: (503, {}, "")
    with backend.listening():
        run(numbers=[1])
        backend.wait_until(lambda: backend.requests >= 1)
        run(numbers=range(2, 30))
        space.close()

    assert backend.requests == 1


def test_a_dead_backend_that_comes_back(
    backend: Receiver, space: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    """After a backend is back everything arrives, in order, and it was told once."""
    run("first")
    run("second")
    space.close()
    assert backend.bodies == []

    with backend.listening():
        run("third")
        space.close()

    assert backend.bodies == stored(space)
    told = [record.message for record in caplog.records if "backend" in record.message]
    assert len(told) == 1
    assert "cannot be reached (connection refused); events wait in" in told[0]


def test_an_end_that_is_not_waited_for(backend: Receiver, space: Workspace) -> None:
    """What a process could not send before its end is sent by `begat forward`."""
    run()
    space.close()
    with backend.listening():
        said = begat()

    assert said == {
        "backend": f"{backend.url}/api/v1/lineage",
        "sent": 6,
        "waiting": 0,
        "rejected": 0,
        "reason": "",
        "exit_code": 0,
    }
    assert backend.bodies == stored(space)


def test_begat_forward_and_a_dead_backend(backend: Receiver, space: Workspace) -> None:
    """The command says how much waits, why, and ends with exit code 1."""
    run()
    space.close()
    said = begat("--timeout", "0")

    assert (said["waiting"], said["exit_code"]) == (6, 1)
    assert said["reason"] == "cannot be reached (connection refused)"


def test_begat_forward_without_a_backend() -> None:
    """Without a configured backend the command says what to set."""
    done = CliRunner().invoke(forward, [])

    assert isinstance(done.exception, SettingsError)
    assert "OPENLINEAGE_URL" in str(done.exception)


def test_begat_forward_with_nothing_to_do(backend: Receiver, home: Path) -> None:
    """With nothing queued nothing is made."""
    assert begat()["sent"] == 0
    assert not home.exists()


@pytest.mark.parametrize("status", [500, 502, 503, 429, 408, 401, 403, 404, 302])
def test_a_backend_that_is_unwell(backend: Receiver, space: Workspace, status: int) -> None:
    """What is not the event's fault is waited for: nothing is lost, skipped or reordered."""
    login = {"Location": f"{backend.url}/login"}
    backend.answer = lambda event, number: (status, login, "no") if number < 3 else (200, {}, "")
    with backend.listening():
        run()
        backend.wait_until(lambda: len(backend.bodies) == 6)
        space.close()

    assert backend.bodies == stored(space)
    assert begat()["rejected"] == 0


def test_a_slow_backend(backend: Receiver, space: Workspace) -> None:
    """A backend that does not answer in time gets the event again."""
    os.environ["OPENLINEAGE__TRANSPORT"] = json.dumps(
        {"type": "http", "url": backend.url, "timeout": 0.05}
    )
    release = threading.Event()

    def answer(event: dict[str, Any], number: int) -> Answer:
        if number < 2:
            release.wait(30)
        return 200, {}, ""

    backend.answer = answer
    try:
        with backend.listening():
            run(numbers=[1])
            backend.wait_until(lambda: len(backend.bodies) == 4)
            release.set()
            backend.wait_until(lambda: len(backend.bodies) == 6)
            space.close()
    finally:
        del os.environ["OPENLINEAGE__TRANSPORT"]

    assert backend.bodies[:4] == stored(space)  # then the two that it had not answered in time
    assert by_run(backend.bodies) == by_run(stored(space))


def test_a_process_does_not_wait_for_ever(
    backend: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of a process waits as long as the settings say, and the rest stays."""
    monkeypatch.setenv("BEGAT_FORWARD_SECONDS", "0")
    release = threading.Event()

    def answer(event: dict[str, Any], number: int) -> Answer:
        release.wait(30)
        return 201, {}, ""

    backend.answer = answer
    with using(Workspace()) as space, backend.listening():
        run()
        backend.wait_until(lambda: backend.requests >= 1)
        space.close()
        left = len(waiting(space))
        release.set()
        backend.wait_until(lambda: len(backend.bodies) == 6)

    assert left == 1


def test_an_event_that_is_refused(
    backend: Receiver, space: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    """A refused event is set aside with what the backend said, and sent again on request."""

    def answer(event: dict[str, Any], number: int) -> Answer:
        if event["job"]["name"] == "delays.double":
            return 400, {}, f"no such thing; {KEY}"
        return 201, {}, ""

    backend.answer = answer
    with backend.listening():
        run()
        space.close()
        assert [event["job"]["name"] for event in backend.events] == ["delays"] * 2

        backend.answer = lambda event, number: (201, {}, "")
        said = begat("--rejected")

    assert (said["sent"], said["rejected"]) == (4, 0)
    assert sorted(backend.bodies) == sorted(stored(space))
    told = [record.message for record in caplog.records if "backend" in record.message]
    assert len(told) == 1
    assert "answered 400 Bad Request: no such thing; …; such events are set aside in" in told[0]


def test_no_secret_is_left_behind(
    backend: Receiver, space: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    """The API key is in no file of begat's and in no log, whatever went wrong."""
    caplog.set_level(logging.DEBUG)
    answers: Iterator[Answer] = iter([(status, {}, KEY) for status in (400, 401, 500)])
    backend.answer = lambda event, number: next(answers, (201, {}, ""))
    with backend.listening():
        run()
        backend.wait_until(lambda: len(backend.bodies) == 5)
        space.close()
    files = [path for path in space.settings.home.rglob("*") if path.is_file()]

    assert len(files) > 5
    assert [path for path in files if KEY.encode() in path.read_bytes()] == []
    assert KEY not in caplog.text


def test_a_full_disk_is_told_once(
    backend: Receiver,
    space: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A disk that takes no events costs the forwarding and one warning, not the run."""

    def full(self: Queue, texts: Sequence[str]) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(Queue, "append", full)
    run()

    assert len(stored(space)) == 6
    assert [record.message for record in caplog.records if "forward" in record.message] == [
        f"events are not forwarded: {space.settings.home / 'forward'} takes none "
        "([Errno 28] no space left on device)"
    ]


def test_a_configuration_that_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told once; runs go on, and their events wait for it to be mended."""
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "pigeon")
    with using(Workspace()) as space:
        run("one")
        space.close()
        run("two")
        space.close()

    told = [record.message for record in caplog.records if "OpenLineage" in record.message]
    assert len(told) == 1
    assert "pigeon" in told[0]
    assert len(waiting(space)) == 1


def test_a_configuration_that_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Malformed variables turn forwarding off with one warning that names them."""
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT", "{")
    with using(Workspace()) as space:
        run()

    assert isinstance(space.forwarder, Off)
    assert [r.message for r in caplog.records if "OPENLINEAGE__TRANSPORT is not JSON" in r.message]


def start(name: str, tasks: int) -> subprocess.Popen[str]:
    """A process that records a flow and waits, once it has, for its input to end."""
    return subprocess.Popen(
        [sys.executable, "-c", FLOWS, name, str(tasks)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_kill_9_loses_nothing(backend: Receiver, home: Path) -> None:
    """What a process recorded before kill -9, in the middle of sending, still arrives."""
    release = threading.Event()

    def answer(event: dict[str, Any], number: int) -> Answer:
        if number == 5:
            release.wait(60)
        return 201, {}, ""

    backend.answer = answer
    with backend.listening():
        with start("killed", 20) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "done\n"
            backend.wait_until(lambda: backend.requests > 5)
            process.send_signal(signal.SIGKILL)
            process.communicate()
        release.set()
        said = begat()
    with using(Workspace()) as space:
        events = stored(space)

    assert said["waiting"] == 0
    assert by_run(backend.bodies) == by_run(events)
    assert len(events) == 42


def test_the_end_of_a_process(backend: Receiver, home: Path) -> None:
    """A process that ends right after its run has sent everything by then."""
    with backend.listening():
        with start("ending", 1) as process:
            _, errors = process.communicate("", timeout=60)
        with using(Workspace()) as space:
            events = stored(space)

        assert (process.returncode, errors) == (0, "")
        assert backend.bodies == events


def test_two_processes(backend: Receiver, home: Path) -> None:
    """Two processes that record and send at once deliver everything, in order per run."""
    with backend.listening():
        both = [start(name, 10) for name in ("left", "right")]
        for process in both:
            _, errors = process.communicate("", timeout=60)
            assert (process.returncode, errors) == (0, "")
        said = begat()
    with using(Workspace()) as space:
        events = stored(space)

    assert (said["waiting"], said["rejected"]) == (0, 0)
    assert len(events) == 44
    assert sorted(backend.bodies) == sorted(events)  # each once: nobody was killed
    assert by_run(backend.bodies) == by_run(events)


def test_the_end_of_a_forked_process(space: Workspace) -> None:
    """A process that was forked while the parent's thread held the lock ends all the same."""
    courier = Courier(space.settings)
    courier._pid = -1
    with courier._lock:
        end = threading.Thread(target=courier.close, daemon=True)
        end.start()
        end.join(30)

        assert not end.is_alive()


def test_after_a_fork(backend: Receiver, space: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A forked process forwards by a thread of its own, whatever its parent's was doing."""
    monkeypatch.setattr(delivery, "_FIRST_WAIT", 3600)
    monkeypatch.setattr(delivery, "_LONGEST_WAIT", 3600)
    backend.answer = lambda event, number: (503 if number == 0 else 201, {}, "")
    courier = space.forwarder
    assert isinstance(courier, Courier)
    with backend.listening():
        courier.append([{"run": {"runId": static_id("a")}}])
        backend.wait_until(lambda: backend.requests >= 1)
        pid = os.fork()
        if pid == 0:
            courier.append([{"run": {"runId": static_id("b")}}])
            courier.close()
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0

    assert [event["run"]["runId"] for event in backend.events] == [static_id("a"), static_id("b")]
