"""Measuring: whole process trees, medians, ratios."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from benchmarks import measure

ENVIRONMENT = {"PATH": os.environ["PATH"]}
#: Uses so many seconds of CPU.
BURN = "import time\nwhile time.process_time() < {}: pass\n"


def python(code: str) -> list[str]:
    """A command that runs this code."""
    return [sys.executable, "-S", "-c", code]


def test_own_time(tmp_path: Path) -> None:
    """A command's own CPU is counted, and what it wrote is kept."""
    code = BURN.format(0.2) + "print('done')"

    cost = measure.run(python(code), folder=tmp_path, environment=ENVIRONMENT)

    assert (0.2 <= cost.cpu < 0.5, cost.output) == (True, "done\n")


def test_daemons_count(tmp_path: Path) -> None:
    """What a command leaves behind in a session of its own is waited for and counted."""
    daemon = BURN.format(0.2)
    code = (
        "import subprocess, sys\n"
        f"subprocess.Popen([sys.executable, '-S', '-c', {daemon!r}], start_new_session=True)"
    )

    cost = measure.run(python(code), folder=tmp_path, environment=ENVIRONMENT)

    assert cost.cpu >= 0.2


def test_peak(tmp_path: Path) -> None:
    """The peak is that of the process tree's largest, in bytes."""
    code = "held = bytearray(60_000_000); held[::4096] = b'x' * len(held[::4096])"

    cost = measure.run(python(code), folder=tmp_path, environment=ENVIRONMENT)

    assert 60_000_000 <= cost.peak < 120_000_000


def test_failure(tmp_path: Path) -> None:
    """A command that fails is no measurement; the error has its last words."""
    with pytest.raises(measure.CommandError, match=r"(?s)ended with 3.*what it said"):
        measure.run(
            python("import sys; sys.stderr.write('what it said'); sys.exit(3)"),
            folder=tmp_path,
            environment=ENVIRONMENT,
        )


def test_environment_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the measuring process's environment reaches the command."""
    monkeypatch.setenv("BEGAT_HOME", "elsewhere")
    code = "import os; print(os.environ.get('BEGAT_HOME'))"

    cost = measure.run(python(code), folder=tmp_path, environment=ENVIRONMENT)

    assert cost.output == "None\n"


def test_tree() -> None:
    """A server's CPU is that of its process and of those below it."""
    child = BURN.format(0.2) + "print(flush=True)\ninput()"
    code = (
        "import subprocess, sys\n"
        f"subprocess.run([sys.executable, '-S', '-c', {child!r}], stdin=sys.stdin, check=True)"
    )
    with subprocess.Popen(python(code), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdout.readline()  # it has done its work, and waits
        used = measure.tree_cpu(server.pid)
        server.stdin.write(b"\n")

    assert 0.15 <= used < 0.6  # the kernel counts in hundredths of a second


def test_no_such_process() -> None:
    """A server that is gone is an error, not a server that costs nothing."""
    with pytest.raises(ProcessLookupError):
        measure.tree_cpu(2**22 + 1)


def test_servers_are_added(tmp_path: Path) -> None:
    """What a server uses while a command runs is part of the command's cost."""
    work = BURN.format(0.2).replace("time.process_time() <", "time.process_time() - began <")
    server_code = (
        f"import time\ninput()\nbegan = time.process_time()\n{work}\nprint(flush=True)\ninput()"
    )
    with subprocess.Popen(
        python(server_code), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as server:
        assert server.stdin is not None
        asking = f"/proc/{server.pid}/fd/0"
        cost = measure.run(
            python(f"open({asking!r}, 'w').write('\\n')"),
            folder=tmp_path,
            environment=ENVIRONMENT,
            servers=[server.pid],
        )
        server.stdin.write(b"\n")

    assert cost.cpu >= 0.15


def test_settled() -> None:
    """A server is asked again until it rests."""
    readings = iter([1.0, 1.5, 1.8, 1.8, 9.0])

    assert measure.settled(lambda: next(readings)) == 1.8


@pytest.mark.parametrize(
    ("pid", "least", "most"), [(os.getpid(), 0.05, 5.0), (0, 0.0, 0.0)], ids=["a server", "none"]
)
def test_served(pid: int, least: float, most: float) -> None:
    """A server's CPU is what it spends in a block; no server spends nothing."""
    with measure.served(pid) as found:
        began = time.process_time()
        while time.process_time() < began + 0.07:
            sum(range(1000))

    assert least <= found.cpu <= most


def test_median() -> None:
    """One outlier in five moves nothing."""
    assert measure.median([1.0, 1.1, 0.9, 1.05, 50.0]) == 1.05


def test_ratio() -> None:
    """A ratio is of the medians, not of the means."""
    assert measure.ratio([1.0, 2.0, 30.0], [4.0, 4.0, 1.0]) == 0.5


@pytest.mark.parametrize(("ours", "theirs"), [([], [1.0]), ([1.0], []), ([1.0], [0.0])])
def test_no_ratio(ours: list[float], theirs: list[float]) -> None:
    """Of nothing, or of a cost of nothing, there is no ratio."""
    with pytest.raises(ValueError, match=r"nothing"):
        measure.ratio(ours, theirs)
