"""featurize: one prepared partition becomes one partition of features."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from begat import lineage
from begat.lineage.records import DatasetVersion

from .functions import transform

VERSION = 1


def featurize(part: DatasetVersion, *, function: Callable[..., Any]) -> DatasetVersion:
    """The features of a partition, written to `{flow}/features`.

    Args:
        part: a prepared partition.
        function: `DataFrame -> DataFrame`; rows and columns are its own affair.

    Raises:
        DataError: the function failed, or returned no DataFrame with rows.
    """
    made = transform(function, part, lineage.read(part), what="featurize")
    return lineage.write(made, "features", partition=part.partition)
