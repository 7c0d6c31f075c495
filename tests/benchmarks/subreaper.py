"""Run a command to the end of its last descendant, and say what all of them cost.

    python subreaper.py DESCRIPTOR SECONDS COMMAND [ARGUMENT…]

Writes one JSON object to the file descriptor: `code`, `cpu` (user and system seconds of all
descendants, daemons included), `wall` (seconds until the command itself ended) and `peak` (the
largest resident set of any of them, in bytes). Descendants that outlive the command have
`SECONDS` to end; then they are killed, and `killed` says how many.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
import time

PR_SET_CHILD_SUBREAPER = 36


def main(descriptor: int, grace: float, command: list[str]) -> None:
    """Run, wait, tell."""
    # Orphans come to us instead of to init: rusage then has their time, once they are waited for.
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "this kernel has no subreapers")
    os.set_inheritable(descriptor, False)
    began = time.perf_counter()
    child = os.posix_spawnp(command[0], command, os.environ)
    code, wall = -1, 0.0
    deadline, killed = float("inf"), 0
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG if wall else 0)
        except ChildProcessError:
            break
        if pid == child:
            code, wall = os.waitstatus_to_exitcode(status), time.perf_counter() - began
            deadline = time.monotonic() + grace
        elif not pid:
            if time.monotonic() > deadline:
                killed += _kill_children()
            time.sleep(0.01)  # daemons are waited for, and killed at a deadline
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = {
        "code": code,
        "cpu": used.ru_utime + used.ru_stime,
        "wall": wall,
        "peak": used.ru_maxrss * 1024,
        "killed": killed,
    }
    os.write(descriptor, json.dumps(told).encode())


def _kill_children() -> int:
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        children = [int(pid) for pid in file.read().split()]
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    return len(children)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:])
