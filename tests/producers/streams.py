"""Streams: NDJSON files of events, and what the names in them stand for on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


def read(stream: Path) -> list[dict[str, Any]]:
    """The events of a file, in its order; none if it is not there."""
    return list(_read(stream))


def note(folder: Path, names: Mapping[str, str]) -> None:
    """Keep beside the streams what placeholders in `expected.py` stand for."""
    kept = {**noted(folder), **names}
    _notes(folder).write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n")


def noted(folder: Path) -> dict[str, str]:
    """What placeholders stand for in this folder's streams."""
    notes = _notes(folder)
    kept: dict[str, str] = json.loads(notes.read_text()) if notes.exists() else {}
    return kept


def _notes(folder: Path) -> Path:
    return folder / "names.json"


def _read(stream: Path) -> Iterator[dict[str, Any]]:
    if not stream.exists():
        return
    with stream.open(encoding="utf-8") as lines:
        for line in lines:
            if line.endswith("\n"):  # else it is being written
                yield json.loads(line)
