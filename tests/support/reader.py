"""A reader of the documentation, who does what it says in a folder."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.markdown import Block, fenced

#: What differs from run to run is compared by its form alone; longer spaces are a table's.
_FORMS = {
    "…": ".*",
    r"blake3:[0-9a-f]{8,}": r"blake3:[0-9a-f]{8,}",
    r"\b[0-9a-f]{8}-[0-9a-f]{4}(?:-[0-9a-f]{4,12})*": r"[0-9a-f]{8}-[0-9a-f-]{4,}",
    r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d",
    r"[-+]?\b\d+(?:\.\d+)+": r"[-+]?\d+(?:\.\d+)+",
    r" +": " +",
}
_VARYING = re.compile("|".join(f"({form})" for form in _FORMS))


@dataclass(frozen=True)
class Reader:
    """A folder, and the environment in which the reader's shell runs there."""

    folder: Path
    environment: Mapping[str, str]

    def follow(self, document: str) -> None:
        """Write down each block that is a file, and run the others, one after the other."""
        for block in fenced(document):
            if block.not_run is not None:
                continue
            if block.file:
                path = self.folder / block.file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block.body)
            elif block.language == "python":
                path = self.folder / f"line_{block.line}.py"
                path.write_text(block.body)
                self.sh(f"python {path.name}")
            elif block.language == "sh":
                self.sh(block.body)
            elif block.language == "console":
                self._console(block)

    def sh(self, script: str) -> str:
        """What a shell script prints; every line must succeed."""
        code, printed = self._run(script)
        assert code == 0, f"{script}\n{printed}"
        return printed

    def json(self, command: str) -> dict[str, Any]:
        """The object that a command prints."""
        printed: dict[str, Any] = json.loads(self.sh(f"{command} --json 2>/dev/null"))
        return printed

    def _console(self, block: Block) -> None:
        for command, expected in commands(block.body):
            code, printed = self._run(command)
            if not expected:
                assert code == 0, f"line {block.line}: {command}\n{printed}"
                continue
            same = re.fullmatch(form(expected), stripped(printed))
            assert same, f"line {block.line}: $ {command}\n{printed}\ninstead of\n{expected}"

    def _run(self, script: str) -> tuple[int, str]:
        done = subprocess.run(
            ["sh", "-ec", script],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout


def environment(**variables: str) -> dict[str, str]:
    """That of a shell in which begat is installed, and nothing is set."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("BEGAT_", "OPENLINEAGE_", "PREFECT_"))
    }
    installed = str(Path(sys.executable).parent)
    return {**kept, "PATH": f"{installed}{os.pathsep}{kept['PATH']}", **variables}


def commands(body: str) -> list[tuple[str, str]]:
    r"""The commands of a console block (`$ …`, or lines that end in a backslash), and their output.

    >>> commands("$ begat runs\nnone\n$ true\n")
    [('begat runs', 'none\n'), ('true', '')]
    """
    parts = re.split(r"^\$ ((?:.*\\\n)*.*)\n", body, flags=re.MULTILINE)
    assert not parts[0], f"a console block begins with a command; got {parts[0]!r}"
    return list(zip(parts[1::2], parts[2::2], strict=True))


def form(expected: str) -> str:
    r"""A regular expression of what may be printed where `expected` is documented.

    `…` stands for anything in a line, and alone in a line for any lines. Ids, checksums, times,
    and numbers with a point stand for any other.

    >>> bool(re.fullmatch(form("a@1  0.62\n…\nend"), "a@1     0.7031\nx\ny\nend\n"))
    True
    >>> bool(re.fullmatch(form("a@1  0.62"), "a@2  0.62\n"))
    False
    """
    lines = [
        r"(?:.*\n)*" if line.strip() == "…" else _of_line(line) + r"\n"
        for line in stripped(expected).splitlines()
    ]
    return "".join(lines)


def stripped(text: str) -> str:
    """The text without empty lines at its end and spaces at its lines' ends."""
    return "\n".join(line.rstrip() for line in text.rstrip().splitlines()) + "\n"


def _of_line(line: str) -> str:
    done, at = "", 0
    for found in _VARYING.finditer(line):
        done += re.escape(line[at : found.start()]) + [*_FORMS.values()][(found.lastindex or 1) - 1]
        at = found.end()
    return done + re.escape(line[at:])
