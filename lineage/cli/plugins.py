"""Commands that distributions add, by the entry point group `begat.commands`.

Read straight from the installed metadata: `importlib.metadata` takes longer to import than
most commands take to run.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterator, Mapping

_GROUP = "[begat.commands]"
_METADATA = (".dist-info", ".egg-info")


def names() -> list[str]:
    """The names of all of them."""
    return [*_all()]


def place(name: str) -> str:
    """Where the command of this name is, `package.module:attribute`; empty if there is none."""
    # Begat's own distribution has most of them, and is found without a look into the others.
    return _of("begat-").get(name, "") or _all().get(name, "")


@functools.cache
def _all() -> Mapping[str, str]:
    return _of("")


@functools.cache
def _of(prefix: str) -> Mapping[str, str]:
    """Place by name, of the distributions whose names begin so; the first on the path counts."""
    found: dict[str, str] = {}
    for entry in sys.path:
        try:
            folders = os.listdir(entry or os.curdir)
        except OSError:  # an archive, or an entry that is not there
            continue
        for folder in sorted(folders):
            if folder.startswith(prefix) and folder.endswith(_METADATA):
                for name, where in _read(os.path.join(entry, folder, "entry_points.txt")):
                    found.setdefault(name, where)
    return found


def _read(path: str) -> Iterator[tuple[str, str]]:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, ValueError):
        return
    inside = False
    for line in text.splitlines() if _GROUP in text else ():
        if line.startswith("["):
            inside = line.strip() == _GROUP
        elif inside and "=" in line:
            name, _, where = line.partition("=")
            yield name.strip(), where.partition("[")[0].strip()
