"""What each notices: which stages run again after a change, and what becomes of the files.

Three months, the second of which is changed: it trains. Five changes, one after the other, each
followed by a run. An intermediate file that stays missing is put back before the next change.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import lake, measure, pipelines, servers
from .peers import BEGAT_PLAIN, DVC, MAX_ITER, PREFECT_CACHED, REDUN, ZENML, Peer
from .results import Figure
from .servers import Server
from .subject import Tell

MONTHS, CHANGED, OTHER = lake.MONTHS[:3], lake.MONTHS[1], lake.MONTHS[0]
PEERS = (BEGAT_PLAIN, DVC, PREFECT_CACHED, REDUN, ZENML)


@dataclass(slots=True)
class Watched:
    """A peer in its folder."""

    peer: Peer
    server: Server | None

    def run(self) -> int:
        """Run, and say how many stages did work.

        Raises:
            CommandError: the run failed.
        """
        return pipelines.stages(self.peer, pipelines.again(self.peer, MAX_ITER, self.server))

    def ran(self) -> str:
        """What became of a run: how many stages did work, or that it failed."""
        try:
            return str(self.run())
        except measure.CommandError:
            return "fails"

    def locate(self, month: str) -> Path:
        """Where the peer keeps prepare's output of a month now."""
        if self.peer.kind != "begat":
            return self.peer.folder / "prepared" / f"{month}.parquet"
        named = shlex.quote(f"flights/prepared[month={month}]")
        shown = json.loads(self.begat(f"begat show {named} --json").output)
        name = str(shown["digest"]).partition(":")[2]
        return self.peer.folder / ".begat" / "artifacts" / name[:2] / name[2:]

    def begat(self, command: str) -> measure.Cost:
        """Run a command of begat in the folder."""
        return measure.run(
            shlex.split(command), folder=self.peer.folder, environment=self.peer.environment()
        )


def measured(rounds: int, chosen: Sequence[str], tell: Tell) -> dict[str, dict[str, Figure]]:
    """What each peer did after each change; once, as these are no times."""
    figures = {}
    for peer in PEERS:
        with contextlib.ExitStack() as stack:
            tell(f"what {peer.name} notices: first run")
            peer.fresh(MONTHS)
            server = None
            if peer.server:
                server = stack.enter_context(servers.prefect(peer.kind, name=peer.key))
            watched = Watched(peer, server)
            peer.arrange(peer.folder, MAX_ITER)
            if (first := watched.run()) != 9 or (again := watched.run()):
                raise measure.CommandError(f"{peer.name} ran {first} stages, then {again}")
            seen = {}
            for name, change in CHANGES.items():
                tell(f"what {peer.name} notices: {name}")
                seen[name] = change(watched)
            figures[peer.name] = Figure(command=peer.typed(MAX_ITER), extra=seen)
    return {"notices": figures}


def touched(watched: Watched) -> str:
    """The raw file has another time of change, and nothing else is new."""
    os.utime(lake.raw(watched.peer.folder, CHANGED))
    return watched.ran()


def harmless(watched: Watched) -> str:
    """One more row in the raw file, which prepare drops: a flight that never arrived."""
    raw = lake.raw(watched.peer.folder, CHANGED)
    header, *rows = raw.read_text().splitlines()
    place = header.split(",").index("arr_delay")
    cancelled = next(row for row in rows if row.split(",")[place] in ("", "NA"))
    raw.write_text("\n".join([header, *rows, cancelled]) + "\n")
    return watched.ran()


def same_size(watched: Watched) -> str:
    """Other bytes in the raw file, with the size and the time of change that it had."""
    raw = lake.raw(watched.peer.folder, CHANGED)
    before = raw.stat()
    raw.write_bytes(raw.read_bytes().replace(b",UA,", b",AA,"))
    os.utime(raw, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert raw.stat().st_size == before.st_size
    return watched.ran()


def deleted(watched: Watched) -> str:
    """Prepare's output of the month is gone."""
    path = watched.locate(CHANGED)
    content = path.read_bytes()
    path.unlink()
    ran = watched.ran()
    if path.exists():
        return f"{ran}, restored"
    path.write_bytes(content)
    watched.run()
    return f"{ran}, stays missing"


def overwritten(watched: Watched) -> str:
    """Prepare's output of the month holds another month's rows."""
    path = watched.locate(CHANGED)
    content, other = path.read_bytes(), watched.locate(OTHER).read_bytes()
    path.chmod(0o644)
    path.write_bytes(other)
    ran = watched.ran()
    if path.exists() and path.read_bytes() == content:
        return f"{ran}, restored"
    if watched.peer.kind != "begat":
        return f"{ran}, stays overwritten"
    try:
        watched.begat("begat verify flights@latest")
    except measure.CommandError:
        return f"{ran}, named by `begat verify`"
    return f"{ran}, unnoticed by `begat verify`"


CHANGES: dict[str, Callable[[Watched], str]] = {
    "raw file touched": touched,
    "harmless raw row": harmless,
    "bytes changed, same size and mtime": same_size,
    "intermediate deleted": deleted,
    "intermediate overwritten": overwritten,
}
#: What would be best: stages that have to run.
IDEAL = {
    "raw file touched": "0",
    "harmless raw row": "1",
    "bytes changed, same size and mtime": "5",
    "intermediate deleted": "restored",
    "intermediate overwritten": "noticed",
}
