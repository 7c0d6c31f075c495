"""Lookups: every run of prepare reads the same tables, so a process reads them once."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from begat import lineage
from begat.lineage.data import tell_rows

if TYPE_CHECKING:
    import pandas as pd

    from begat.lineage.records import DatasetVersion

#: Lookups whose files are larger than this together are read anew by each run.
MOST_BYTES = 16 << 20

#: The lookups that were read last, by digest and format.
_kept: dict[tuple[str, str], pd.DataFrame] = {}
_reading = threading.Lock()


def tables(lookups: Mapping[str, DatasetVersion]) -> dict[str, pd.DataFrame]:
    """The tables by name, each a frame of the caller's own.

    Raises:
        ArtifactError: one is not in the store.
        DataError: one cannot be read.
    """
    if sum(version.size for version in lookups.values()) > MOST_BYTES:
        return {name: lineage.read(version) for name, version in lookups.items()}
    wanted = {name: (version.digest, version.format) for name, version in lookups.items()}
    with _reading:  # who waits here would read the same
        for key in _kept.keys() - wanted.values():
            del _kept[key]
        for name, key in wanted.items():
            if key in _kept:
                tell_rows(lookups[name], _kept[key])
            else:
                _kept[key] = lineage.read(lookups[name])
        return {name: _kept[key].copy() for name, key in wanted.items()}
