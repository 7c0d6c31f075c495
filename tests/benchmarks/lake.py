"""The data of all peers: the flights of 2013, one CSV file a month, and two lookups."""

from __future__ import annotations

import shutil
from pathlib import Path

from begat.flows import demo

from . import places

MONTHS = demo.MONTHS


def make() -> Path:
    """The lake with all twelve months; made once."""
    if not (places.LAKE / "lake").is_dir():
        folder = places.fresh(places.BENCH / "lake.partial")
        demo.write(folder)
        demo.arrive(folder)
        folder.rename(places.LAKE)
    return places.LAKE / "lake"


def lay(folder: Path, months: tuple[str, ...]) -> None:
    """Put a lake of these months into a folder."""
    whole, lake = make(), folder / "lake"
    lake.mkdir(parents=True, exist_ok=True)
    for lookup in ("weather.csv", "planes.csv"):
        shutil.copy(whole / lookup, lake)
    for month in months:
        arrive(folder, month)


def arrive(folder: Path, month: str) -> None:
    """Let one month arrive in a folder's lake."""
    target = raw(folder, month)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(raw(make().parent, month), target)


def raw(folder: Path, month: str) -> Path:
    """The raw file of a month."""
    return folder / "lake" / "flights" / f"month={month}" / "flights.csv"
