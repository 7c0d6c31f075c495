"""Files in which plans are remembered: each is there whole, or is not there."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from begat.lineage.content.digest import digest_bytes

#: So many are kept, the last to be written.
KEPT = 32


def read(path: Path) -> dict[str, Any] | None:
    """What was written there last; none if nothing was, or if the file is damaged."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, _, body = content.partition(b"\n")
    if digest != digest_bytes(body).encode():
        return None
    found: dict[str, Any] = json.loads(body)
    return found


def write(path: Path, plan: dict[str, Any]) -> None:
    """Put a plan in the place of what was there, and forget the oldest ones beside it.

    Raises:
        OSError: it cannot be written; what was there stays as it was.
    """
    body = json.dumps(plan, separators=(",", ":")).encode()
    path.parent.mkdir(exist_ok=True)
    # Processes that write at once each have a file of their own until the last step.
    partial = path.with_name(f"{path.name}.{os.urandom(8).hex()}")
    try:
        partial.write_bytes(digest_bytes(body).encode() + b"\n" + body)
        partial.replace(path)
    except BaseException:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
    _prune(path.parent)


def _prune(folder: Path) -> None:
    # What a killed process left half-written ages like the rest.
    with os.scandir(folder) as entries:
        newest = sorted(entries, key=_age, reverse=True)
    for entry in newest[KEPT:]:
        with suppress(OSError):
            os.unlink(entry.path)


def _age(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat().st_mtime_ns
    except OSError:  # another process has just taken it away
        return 0
