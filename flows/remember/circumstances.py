"""What every pipeline is loaded under: Python, what is installed and what could be imported."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from begat.lineage.content.digest import digest_bytes

if TYPE_CHECKING:
    from begat.lineage.settings import Settings

#: Where begat's own code lies: its version tells less while it is worked on.
OWN = tuple(Path(__file__).parents[2] / name for name in ("flows", "lineage", "tasks"))
#: What Python and C libraries read of the environment by themselves, by how it begins.
_READ_BY_C = ("LANG", "LC_", "PYTHON", "TZ")
#: Files that Python runs when it starts, by how their names end.
_HOOKS = ("customize.py", ".pth")


def digest(settings: Settings, path: Sequence[str]) -> str:
    """The digest of what this process loads pipelines under.

    A new name in a folder that modules are looked for in may be one that takes another's
    place, or another version of a distribution; so all names in them are part of it.

    Args:
        settings: those in force.
        path: those folders, in their order.
    """
    kernel = os.uname()
    parts: list[Any] = [
        sys.version,
        tuple(sys.flags),
        [kernel.sysname, kernel.machine, os.cpu_count()],
        _today(),
        sorted(item for item in os.environ.items() if item[0].startswith(_READ_BY_C)),
        str(settings),
        [[e, listing(e or os.curdir, settings), *_hooks(e or os.curdir)] for e in path],
        [[str(path), size, time] for root in OWN for path, size, time in _files(str(root))],
    ]
    return digest_bytes(json.dumps(parts).encode("utf-8", "backslashreplace"))


def listing(folder: str, settings: Settings) -> str:
    """The digest of the names in a folder, without what running itself leaves there.

    Empty if it cannot be listed.
    """
    home = settings.home
    left = {"__pycache__", *([home.name] if str(home.parent) == os.path.abspath(folder) else [])}
    try:
        names = sorted(name for name in os.listdir(folder) if name not in left)
    except OSError:  # an archive, or an entry that is not there
        return ""
    return digest_bytes("\0".join(names).encode("utf-8", "surrogateescape"))


def _hooks(folder: str) -> Iterator[tuple[str, int, int]]:
    """Files that lead Python to modules elsewhere, under the same name wherever that is."""
    names: list[str] = []
    with suppress(OSError):
        names = os.listdir(folder)
    for name in sorted(n for n in names if n.endswith(_HOOKS) or "editable" in n):
        with suppress(OSError):  # one may be gone by now, or a link that leads nowhere
            state = os.stat(os.path.join(folder, name))
            yield name, state.st_size, state.st_mtime_ns


def _today() -> list[str]:
    """The date, here and in UTC: what a pipeline may reckon from while it is loaded."""
    now = time.time()
    return [time.strftime("%Y-%m-%d", at(now)) for at in (time.localtime, time.gmtime)]


def _files(folder: str) -> Iterator[tuple[str, int, int]]:
    with suppress(OSError), os.scandir(folder) as entries:  # one may be gone by now
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.is_dir():
                if entry.name != "__pycache__":
                    yield from _files(entry.path)
            else:
                state = entry.stat()
                yield entry.path, state.st_size, state.st_mtime_ns
