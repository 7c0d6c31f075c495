"""How fast a model predicts one row, and how much memory that takes, in a process of its own.

What is measured: `predict` of a DataFrame of one row, as the signature's example has them, one
after another, from the call to its return. The first calls, which fill caches, do not count.
A percentile is the smallest of the times that so many of a hundred do not exceed. Memory is the
most that the process had at a time, with Python and the model's libraries.

The process that measures loads the model as `begat.lineage.load` does: reviewed types only.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ..errors import BegatError, DataError, UntrustedModelError

if TYPE_CHECKING:
    import pandas as pd

#: Calls that count; ten of them are slower than the 99th percentile.
CALLS = 1000
#: Calls before, and seconds that they and those that count may take.
WARM_UP_CALLS = 50
WARM_UP_SECONDS = 2.0
SECONDS = 5.0
#: Calls without which no 99th percentile is told apart from the slowest call.
ENOUGH = 100
#: Seconds until a process that does not answer is ended.
PATIENCE = 120.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What came of it."""

    #: Milliseconds.
    p50_ms: float
    p99_ms: float
    #: How many calls counted: `CALLS`, fewer of a slow model.
    calls: int
    #: MiB: the most that the process had, and what loading the model and its libraries added.
    peak_mb: float
    loaded_mb: float


def measure(data: bytes, signature: Mapping[str, Any], *, trusted: Sequence[str] = ()) -> Measured:
    """Measure a model in a fresh process.

    Args:
        data: the model file.
        signature: of the model, with its `example`.
        trusted: further types that the file may hold.

    Raises:
        UntrustedModelError: the file holds types outside the reviewed list.
        DataError: it cannot be loaded, has no example, or fails on it.
    """
    about = {key: signature.get(key) for key in ("features", "example")}
    asked = json.dumps({"signature": about, "trusted": list(trusted)}).encode()
    # The types of a model are looked for where this process looks.
    path = os.pathsep.join(filter(None, sys.path))
    try:
        done = subprocess.run(
            [sys.executable, "-m", __name__],
            input=asked + b"\n" + data,
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DataError(
            f"the model gave no measurement within {PATIENCE:.0f} s; see that it predicts"
        ) from None
    answer = _answer(done.stdout)
    if refused := answer.get("untrusted"):
        raise UntrustedModelError(refused)
    if "measured" not in answer:
        why = (
            answer.get("error") or (done.stderr.decode(errors="replace").splitlines() or ["?"])[-1]
        )
        raise DataError(f"the model cannot be measured: {why}")
    return Measured(**answer["measured"])


def _answer(printed: bytes) -> dict[str, Any]:
    try:
        # A model's own code may print, too.
        answer = json.loads(printed.splitlines()[-1])
    except (ValueError, IndexError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _measured(data: bytes, signature: Mapping[str, Any], trusted: Sequence[str]) -> Measured:
    from ..content import models
    from . import example

    rows = example.frame(signature)
    single = [rows.iloc[[place]] for place in range(len(rows))]
    if not single:
        raise DataError("its signature has no example rows")
    before = _memory("VmRSS")
    model = models.load(data, trusted=trusted)
    loaded = _memory("VmRSS") - before
    _times(model, single, calls=WARM_UP_CALLS, seconds=WARM_UP_SECONDS)
    times = sorted(_times(model, single, calls=CALLS, seconds=SECONDS))
    return Measured(
        p50_ms=percentile(times, 50) / 1e6,
        p99_ms=percentile(times, 99) / 1e6,
        calls=len(times),
        peak_mb=round(_memory("VmHWM"), 1),
        loaded_mb=round(max(loaded, 0.0), 1),
    )


def _times(model: Any, rows: Sequence[pd.DataFrame], *, calls: int, seconds: float) -> list[int]:
    """Nanoseconds of each call; as many as there is time for, one at least."""
    found: list[int] = []
    until = time.perf_counter_ns() + int(seconds * 1e9)
    for number in range(calls):
        row = rows[number % len(rows)]
        began = time.perf_counter_ns()
        model.predict(row)
        ended = time.perf_counter_ns()
        found.append(ended - began)
        if ended > until:
            break
    return found


def percentile(times: Sequence[int], of_hundred: int) -> int:
    """The smallest of sorted times that so many of a hundred do not exceed.

    Args:
        times: sorted, one at least.
        of_hundred: 50 for the median.
    """
    return times[math.ceil(len(times) * of_hundred / 100) - 1]


def _memory(field: str) -> float:
    """MiB, as Linux counts them; elsewhere the most that this process had."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            found = next(line for line in status if line.startswith(f"{field}:"))
        return int(found.split()[1]) / 1024
    except (OSError, StopIteration):
        import resource

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most / (2**20 if sys.platform == "darwin" else 2**10)


def _main() -> None:
    asked = json.loads(sys.stdin.buffer.readline())
    data = sys.stdin.buffer.read()
    try:
        answer: dict[str, Any] = {"measured": asdict(_measured(data, **asked))}
    except UntrustedModelError as error:
        answer = {"untrusted": str(error)}
    except BegatError as error:
        answer = {"error": str(error)}
    except Exception as error:  # a model's code can fail in any way
        answer = {"error": " ".join(f"{type(error).__name__}: {error}".split())}
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    _main()
