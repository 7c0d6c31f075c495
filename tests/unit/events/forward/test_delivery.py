"""Sending what waits to one backend."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from begat.lineage.events.forward import delivery as module
from begat.lineage.events.forward.delivery import Deliveries, Delivery
from begat.lineage.events.forward.destinations import TAKEN, Answer, Backends
from begat.lineage.events.forward.queue import Progress

AWAY = Answer(state="away", reason="answered 500")
BUSY = Answer(state="busy", reason="answered 429")
REFUSED = Answer(state="refused", reason="answered 400")


class Memory:
    """A backend that keeps what it takes."""

    def __init__(self, name: str = "memory") -> None:
        self.name = name
        self.taken: list[str] = []
        self.asked: list[str] = []
        self.answer: Callable[[str], Answer] = lambda event: TAKEN

    def send(self, data: bytes) -> Answer:
        """Say what the test wants it to say."""
        name = json.loads(data)["name"]
        self.asked.append(name)
        said = self.answer(name)
        if said.state == "taken":
            self.taken.append(name)
        return said

    def close(self) -> None:
        """Nothing is open."""


def event(name: str) -> str:
    """An event of a run called by the name's first letter."""
    return json.dumps({"name": name, "run": {"runId": name[0]}})


def deliveries(
    folder: Path, *destinations: Memory, wanted: Callable[[bytes], bool] = lambda data: True
) -> Deliveries:
    """As a new process has them."""
    return Deliveries(folder, Backends(destinations, wanted))


def queued(folder: Path, *names: str) -> None:
    """Let events wait."""
    deliveries(folder).queue.append([event(name) for name in names])


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend that was away is asked again at once."""
    monkeypatch.setattr(module, "_FIRST_WAIT", 0.0)


@pytest.fixture
def memory() -> Memory:
    """A backend."""
    return Memory()


def test_everything_is_sent_once(tmp_path: Path, memory: Memory) -> None:
    """What waits is sent in its order, and then nothing waits."""
    queued(tmp_path, "a1", "b1", "a2")

    assert deliveries(tmp_path, memory).round() is None
    assert memory.taken == ["a1", "b1", "a2"]
    assert deliveries(tmp_path, memory).queue.files() == []


def test_another_process_goes_on_where_one_stopped(tmp_path: Path, memory: Memory) -> None:
    """How far a backend has come is known to every process."""
    queued(tmp_path, "a1", "a2", "a3")
    memory.answer = lambda name: AWAY if name == "a3" else TAKEN
    deliveries(tmp_path, memory).round()
    memory.answer = lambda name: TAKEN
    deliveries(tmp_path, memory).round()

    assert memory.taken == ["a1", "a2", "a3"]


def test_nothing_overtakes_in_a_backend_that_is_away(tmp_path: Path, memory: Memory) -> None:
    """While the front event is not taken, those behind it wait too."""
    queued(tmp_path, "a1", "a2")
    memory.answer = lambda name: AWAY
    there = deliveries(tmp_path, memory)

    assert there.round() is not None
    assert memory.asked == ["a1"]


def test_each_backend_at_its_own_pace(tmp_path: Path) -> None:
    """One backend that is away holds up no other."""
    dead, alive = Memory("dead"), Memory("alive")
    dead.answer = lambda name: AWAY
    queued(tmp_path, "a1", "a2")
    deliveries(tmp_path, dead, alive).round()
    queued(tmp_path, "a3")
    dead.answer = lambda name: TAKEN
    left = deliveries(tmp_path, dead, alive).round()

    assert (alive.taken, dead.taken, left) == (["a1", "a2", "a3"], ["a1", "a2", "a3"], None)


def test_two_backends_of_one_name(tmp_path: Path) -> None:
    """Each of them gets everything, also from a process that comes later."""
    first, second = Memory("file"), Memory("file")
    first.answer = lambda name: REFUSED if name == "a1" else TAKEN
    queued(tmp_path, "a1", "a2")
    deliveries(tmp_path, first, second).round()
    queued(tmp_path, "a3")
    there = deliveries(tmp_path, first, second)
    there.round()

    assert (first.taken, second.taken) == (["a2", "a3"], ["a1", "a2", "a3"])
    assert [one.set_aside() for one in there.each] == [1, 0]


def test_a_slow_backend_holds_up_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several backends one is sent to for a while, and then it is the others' turn."""
    monkeypatch.setattr(module, "_TURN", 0.0)
    monkeypatch.setattr(module, "_FIRST_WAIT", 60.0)
    slow, fast, dead = Memory("slow"), Memory("fast"), Memory("dead")
    dead.answer = lambda name: AWAY
    queued(tmp_path, "a1", "a2", "a3")
    there = deliveries(tmp_path, slow, fast, dead)
    waits = [there.round() for _ in range(3)]

    assert waits[:2] == [0.0, 0.0]  # at once, however long the dead one is left alone
    assert slow.taken == fast.taken == ["a1", "a2", "a3"]
    assert dead.asked == ["a1"]


def test_two_processes_take_turns(tmp_path: Path) -> None:
    """What one process sent while another did something else is not sent again by that one."""
    dead, alive = Memory("dead"), Memory("alive")
    dead.answer = lambda name: AWAY
    here, there = deliveries(tmp_path, dead, alive), deliveries(tmp_path, dead, alive)
    for name, process in (("a1", here), ("a2", there), ("a3", here)):
        queued(tmp_path, name)
        process.round()

    assert alive.taken == ["a1", "a2", "a3"]


def test_what_is_refused_is_set_aside(
    tmp_path: Path, memory: Memory, caplog: pytest.LogCaptureFixture
) -> None:
    """Refused events are kept with the reason, told once, and stop no other."""
    queued(tmp_path, "a1", "a2", "a3", "a4")
    memory.answer = lambda name: REFUSED if name in ("a2", "a3") else TAKEN
    there = deliveries(tmp_path, memory)

    assert there.round() is None
    assert memory.taken == ["a1", "a4"]
    kept = there.each[0].rejected.read_text().splitlines()
    assert [json.loads(line) for line in kept] == [
        {"reason": "answered 400", "event": event("a2")},
        {"reason": "answered 400", "event": event("a3")},
    ]
    assert [record.message.partition(";")[0] for record in caplog.records] == [
        "OpenLineage backend memory answered 400"
    ]


def test_what_was_set_aside_can_be_sent_again(tmp_path: Path, memory: Memory) -> None:
    """After the backend was mended its refused events go out; what it refuses again stays."""
    queued(tmp_path, "a1", "a2", "a3")
    memory.answer = lambda name: REFUSED
    there = deliveries(tmp_path, memory)
    there.round()
    memory.answer = lambda name: REFUSED if name == "a2" else TAKEN
    [one] = there.each

    assert (one.resend(), one.set_aside()) == (2, 1)
    memory.answer = lambda name: TAKEN
    assert (one.resend(), one.set_aside(), one.resend()) == (1, 0, 0)
    assert memory.taken == ["a1", "a3", "a2"]


def test_sending_again_is_given_up(tmp_path: Path, memory: Memory) -> None:
    """A backend that is away is not asked for each event that was set aside; none is lost."""
    names = [f"a{number}" for number in range(9)]
    queued(tmp_path, *names)
    memory.answer = lambda name: REFUSED
    [one] = (there := deliveries(tmp_path, memory)).each
    there.round()
    memory.asked.clear()
    memory.answer = lambda name: AWAY

    assert (one.resend(), one.set_aside()) == (0, 9)
    assert memory.asked == names[: module._PATIENCE]
    memory.answer = lambda name: AWAY if name == "a0" else TAKEN
    assert (one.resend(), one.set_aside()) == (8, 1)


def test_an_event_that_a_backend_cannot_take(tmp_path: Path, memory: Memory) -> None:
    """One event that always fails is set aside, once another was taken in its place."""
    queued(tmp_path, "a1", "a2", "b1", "a3")
    memory.answer = lambda name: AWAY if name == "a1" else TAKEN
    there = deliveries(tmp_path, memory)
    for _ in range(module._PATIENCE):
        there.round()
    assert memory.taken == []
    there.round()

    assert memory.taken == ["b1", "a2", "b1", "a3"]  # at least once: b1 was the trial
    assert there.each[0].set_aside() == 1
    assert there.queue.files() == []


def test_the_count_of_failures_outlives_the_process(tmp_path: Path, memory: Memory) -> None:
    """Short processes come to the same verdict as a long one."""
    queued(tmp_path, "a1", "b1")
    memory.answer = lambda name: AWAY if name == "a1" else TAKEN
    for _ in range(module._PATIENCE + 1):
        deliveries(tmp_path, memory).round()

    assert memory.taken == ["b1", "b1"]


def test_a_backend_that_is_away_loses_no_event(tmp_path: Path, memory: Memory) -> None:
    """However often everything fails, nothing is set aside."""
    queued(tmp_path, "a1", "b1")
    memory.answer = lambda name: AWAY
    there = deliveries(tmp_path, memory)
    for _ in range(20):
        there.round()
    memory.answer = lambda name: TAKEN
    there.round()

    assert memory.taken == ["a1", "b1"]
    assert there.each[0].set_aside() == 0


def test_a_busy_backend_is_only_waited_for(tmp_path: Path, memory: Memory) -> None:
    """Too many requests are never an event's fault, whatever else is taken."""
    queued(tmp_path, "a1", "b1")
    memory.answer = lambda name: BUSY if name == "a1" else TAKEN
    there = deliveries(tmp_path, memory)
    for _ in range(20):
        there.round()

    assert set(memory.asked) == {"a1"}


def test_a_backend_is_left_alone_as_long_as_it_asks(tmp_path: Path, memory: Memory) -> None:
    """Retry-After is respected, also by other events."""
    queued(tmp_path, "a1")
    memory.answer = lambda name: Answer(state="busy", reason="answered 503", wait=200)
    there = deliveries(tmp_path, memory)
    left = there.round()
    there.round()

    assert left is not None
    assert 100 < left <= 200
    assert memory.asked == ["a1"]


def test_waits_grow(tmp_path: Path, memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend that stays away is asked ever less often, up to once a minute."""
    monkeypatch.setattr(module, "_FIRST_WAIT", 0.5)
    monkeypatch.setattr("random.uniform", lambda low, high: high)
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    queued(tmp_path, "a1")
    memory.answer = lambda name: AWAY
    there = deliveries(tmp_path, memory)
    waits = []
    for _ in range(9):
        left = there.round()
        assert left is not None
        waits.append(left)
        now[0] += left

    assert waits == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]


def test_what_is_not_wanted_is_not_sent(tmp_path: Path, memory: Memory) -> None:
    """The configuration's filters count as having had the event."""
    queued(tmp_path, "a1", "b1")
    there = deliveries(tmp_path, memory, wanted=lambda data: b"a1" not in data)

    assert there.round() is None
    assert memory.asked == ["b1"]


def test_a_torn_line_is_set_aside(tmp_path: Path, memory: Memory) -> None:
    """What a killed process left of an event is never sent, and stops nothing."""
    there = deliveries(tmp_path, memory)
    there.queue.append([event("a1"), '{"name": "a2", "ru', event("a3")])

    assert there.round() is None
    assert memory.taken == ["a1", "a3"]
    assert "stopped while it wrote" in there.each[0].rejected.read_text()


def test_a_disk_that_takes_no_notes_stops_the_sending(
    tmp_path: Path, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without notes everything would be sent again and again: it waits instead."""
    queued(tmp_path, "a1", "a2")

    def full(self: Progress) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Progress, "save", full)
        with pytest.raises(OSError, match="no space"):
            deliveries(tmp_path, memory).round()
    deliveries(tmp_path, memory).round()

    assert memory.taken == ["a1", "a1", "a2"]


def test_two_backends_are_kept_apart(tmp_path: Path) -> None:
    """What is kept about a backend is under its name."""
    first, second = deliveries(tmp_path, Memory("one"), Memory("two")).each

    assert isinstance(first, Delivery)
    assert first.rejected != second.rejected


@given(
    names=st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=12),
    answers=st.lists(st.sampled_from(["taken", "away", "busy", "crash"]), max_size=40),
)
def test_at_least_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], answers: list[Any]
) -> None:
    """Whatever a backend says, whenever a process dies: what is not set aside comes in order."""
    folder = tmp_path_factory.mktemp("forward")
    events = [f"{run}{number}" for number, run in enumerate(names)]
    queued(folder, *events)
    said = iter(answers)
    memory = Memory()

    def answer(name: str) -> Answer:
        state: Any = next(said, "taken")
        if state == "crash":
            memory.taken.append(name)  # it took it, and nobody noted it
            raise KeyboardInterrupt
        return Answer(state=state)

    memory.answer = answer
    there = deliveries(folder, memory)
    while there.queue.files():
        try:
            there.round()
        except KeyboardInterrupt:
            there = deliveries(folder, memory)

    rejected = there.each[0].rejected
    aside = rejected.read_text() if rejected.exists() else ""
    expected = [name for name in events if f'"{name}' not in aside.replace("\\", "")]
    for run in set(names):
        firsts = dict.fromkeys(name for name in memory.taken if name[0] == run)
        assert [name for name in firsts if name in expected] == [
            name for name in expected if name[0] == run
        ]
