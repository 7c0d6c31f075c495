"""What a command costs: CPU time of its process tree and of the servers that serve it."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SUBREAPER = Path(__file__).with_name("subreaper.py")
#: Seconds that daemons which a command leaves behind have to end by themselves.
GRACE = 20.0
#: Seconds a server may go on working for a command that has ended, and what counts as rest.
SETTLE, GLANCE, REST = 3.0, 0.25, 0.08


class CommandError(Exception):
    """A command that was to be measured failed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What one run of a command took."""

    #: User and system seconds of the process tree, and of the servers meanwhile.
    cpu: float
    #: Seconds until the command ended.
    wall: float
    #: The largest resident set of any process of the tree, in bytes; servers not counted.
    peak: int = 0
    #: What the command wrote to standard output.
    output: str = ""


def run(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    servers: Sequence[int] = (),
) -> Cost:
    """Run a command and say what it cost.

    Args:
        command: found on the environment's own PATH.
        folder: where it runs.
        environment: all of it; nothing is inherited.
        servers: process ids whose trees work for the command and outlive it.

    Raises:
        CommandError: it ended with another code than 0, or left daemons that had to be killed.
    """
    before = sum(tree_cpu(pid) for pid in servers)
    reading, writing = os.pipe()
    with os.fdopen(reading) as told:
        try:
            done = subprocess.run(
                [sys.executable, "-S", str(SUBREAPER), str(writing), str(GRACE), *command],
                cwd=folder,
                env=dict(environment),
                pass_fds=(writing,),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            os.close(writing)
        said = told.read()
    cost = json.loads(said) if said else {"code": done.returncode}
    if cost["code"] or cost["killed"]:
        raise CommandError(
            f"`{' '.join(command)}` ended with {cost['code']}, "
            f"{cost.get('killed', 0)} daemons killed\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
        )
    served = settled(lambda: sum(tree_cpu(pid) for pid in servers)) - before if servers else 0.0
    return Cost(cpu=cost["cpu"] + served, wall=cost["wall"], peak=cost["peak"], output=done.stdout)


def settled(cpu: Callable[[], float]) -> float:
    """CPU seconds of servers, once they have done what they still had queued."""
    last = cpu()
    for _ in range(round(SETTLE / GLANCE)):
        time.sleep(GLANCE)  # a server at rest says nothing: it is looked at again
        now = cpu()
        if now - last <= REST * GLANCE:
            return now
        last = now
    return last


@dataclass(slots=True)
class Served:
    """What a server spent."""

    #: User and system seconds, known in the end.
    cpu: float = 0.0


@contextlib.contextmanager
def served(pid: int) -> Iterator[Served]:
    """What a server's process tree spends in a block, and after it until it rests.

    Args:
        pid: the server's; 0 if there is none.
    """
    found = Served()
    before = tree_cpu(pid) if pid else 0.0
    yield found
    if pid:
        found.cpu = settled(lambda: tree_cpu(pid)) - before


def tree_cpu(pid: int) -> float:
    """User and system seconds so far of a process and its descendants, those that ended included.

    What has ended counts if its parent has waited for it, as `times(2)` has it.

    Raises:
        ProcessLookupError: there is no such process.
    """
    times, children = _processes()
    if pid not in times:
        raise ProcessLookupError(pid)
    total, todo = 0.0, [pid]
    while todo:
        each = todo.pop()
        total += times[each]
        todo += children.get(each, [])
    return total


def _processes() -> tuple[dict[int, float], dict[int, list[int]]]:
    tick = os.sysconf("SC_CLK_TCK")
    times: dict[int, float] = {}
    children: dict[int, list[int]] = {}
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            text = Path(entry.path, "stat").read_text(errors="replace")
        except OSError:
            continue  # it ended meanwhile
        # After the command's name, which is in brackets and may hold anything: see proc(5).
        fields = text.rpartition(")")[2].split()
        pid, parent = int(entry.name), int(fields[1])
        times[pid] = sum(int(field) for field in fields[11:15]) / tick
        children.setdefault(parent, []).append(pid)
    return times, children


def median(values: Sequence[float]) -> float:
    """The middle value; of an even number of them the mean of the middle two.

    Raises:
        ValueError: there are none.
    """
    if not values:
        raise ValueError("nothing was measured")
    return statistics.median(values)


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the one by the median of the other.

    Raises:
        ValueError: one of them is empty, or theirs is 0.
    """
    below = median(theirs)
    if not below:
        raise ValueError("nothing can be a multiple of 0")
    return median(ours) / below
