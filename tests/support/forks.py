"""Commands in processes of their own that need not import what is heavy each time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Forks for each command, after importing what pipelines import: nothing of a pipeline's own.
#: What it says first on a command's output is whether a remembered plan answered it.
SERVER = """
import json, os, sys
import pandas, sklearn.tree
from begat.flows import commands, load, remember, steps, training
from begat.flows.remember import circumstances, loading
from begat.lineage import cli

loading.TICK_NS = 0  # a test does not wait until what it wrote has settled
circumstances.OWN = ()  # somebody may be working on begat while its tests run

def told(recall, answer):
    def recalled(self):
        found = recall(self) if asked["remember"] else None
        os.write(answer, b"remembered " if found is not None else b"")
        return found
    return recalled

for line in sys.stdin:
    asked = json.loads(line)
    child = os.fork()
    if not child:
        os.chdir(asked["folder"])
        os.environ.update(asked["environment"])
        sys.path[1:1] = asked["path"]
        for number, name in enumerate(("out", "err"), 1):
            os.dup2(os.open(asked[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        answer = os.open(asked["answer"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        remember.Memory.recall = told(remember.Memory.recall, answer)
        sys.argv = ["begat", *asked["arguments"]]
        try:
            exec(asked["first"])
            cli.main()
        except SystemExit as stop:
            sys.stdout.flush()
            os._exit(stop.code or 0)
        finally:
            os._exit(99)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@dataclass(frozen=True, kw_only=True)
class Done:
    """What a command came to."""

    code: int
    out: str
    err: str
    #: Whether a remembered plan answered it.
    remembered: bool

    @property
    def said(self) -> dict[str, Any]:
        """The JSON object that it printed."""
        said: dict[str, Any] = json.loads(self.out)
        return said


@dataclass(frozen=True)
class Commands:
    """Runs commands by the server."""

    server: subprocess.Popen[str]
    #: For what they print.
    scratch: Path

    def run(
        self,
        folder: Path,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        path: Sequence[Path] = (),
        remember: bool = True,
        first: str = "",
    ) -> Done:
        """Run `begat ARGUMENTS` in a folder.

        Args:
            folder: where.
            arguments: which.
            environment: further variables.
            path: folders that modules are looked for in, before the others.
            remember: whether a remembered plan may answer.
            first: code to run before it.
        """
        asked = {
            "folder": str(folder),
            "arguments": arguments,
            "environment": dict(environment or {}),
            "path": [str(entry) for entry in path],
            "remember": remember,
            "first": first,
        } | {name: str(self.scratch / name) for name in ("out", "err", "answer")}
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        self.server.stdin.write(json.dumps(asked) + "\n")
        self.server.stdin.flush()
        code = int(self.server.stdout.readline())
        assert code != 99, "what was to run first did not"
        out, err, answer = ((self.scratch / name).read_text() for name in ("out", "err", "answer"))
        return Done(code=code, out=out, err=err, remembered=bool(answer))


@contextmanager
def serving(scratch: Path) -> Iterator[Commands]:
    """A server of commands, until the end of the block."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("BEGAT_")}
    with subprocess.Popen(
        [sys.executable, "-c", SERVER],
        cwd=scratch,
        env=kept | {"OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        yield Commands(server, scratch)
        server.communicate()
