"""Fitting an estimator partition by partition, when all of them do not fit in memory.

A first pass gathers the values that decide how columns are encoded, typed and described: a
small table in which every string is, and of numbers only the ends. What learns from it learns
the same as from all rows. Then each part of the estimator that learns has a pass of its own.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from begat.lineage.partitions import natural
from begat.lineage.records import DatasetVersion, Snapshot

from . import estimators, frames
from .labels import as_array, labels_of, refused
from .signature import spread

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd


@dataclass(kw_only=True)
class Values:
    """Makes partitions into the values that are in them, and counts their rows.

    Args:
        target: the column to predict; a classifier's keeps all its classes.
        task: what is predicted.
    """

    target: str
    task: estimators.Task
    rows: int = 0

    def of(self, frame: pd.DataFrame, version: DatasetVersion) -> pd.DataFrame:
        """The values in a partition's columns, the shorter columns filled up with their last.

        Raises:
            DataError: the target has gaps, or is no number where one is predicted.
        """
        if frame.empty:
            return frame
        self.rows += len(frame)
        labels_of(frame[self.target], self.task, version)
        found = {name: self._of_column(frame[name]) for name in frame.columns}
        longest = max(map(len, found.values()))
        return frame.__class__(
            {
                name: column.iloc[[min(row, len(column) - 1) for row in range(longest)]].array
                for name, column in found.items()
            }
        )

    def _of_column(self, column: pd.Series[Any]) -> pd.Series[Any]:
        is_class = column.name == self.target and self.task == "classification"
        if is_class or frames.kind(column) != "number":
            return column.drop_duplicates()
        column = frames.plain(column, "number")
        finite = column[abs(column) < math.inf]
        odd = column[~(abs(column) < math.inf)].drop_duplicates()
        ends = [] if finite.empty else [finite.min(), finite.max()]
        return column.__class__([*ends, *odd], dtype=column.dtype)


@dataclass(kw_only=True)
class Parts:
    """The partitions of a snapshot, each read when it is fitted on.

    Args:
        features: what to learn from.
        kept: which rows of a partition; all by default.
        rows: the values in it, by `Values`, without the target.
        labels: the values of the target.
        task: what is predicted.
    """

    features: Snapshot
    kept: frames.Rows | None
    rows: pd.DataFrame
    labels: pd.Series[Any]
    task: estimators.Task
    _shown: list[int] = field(default_factory=list)
    _examples: list[pd.DataFrame] = field(default_factory=list)

    def expect(self, count: int) -> None:
        """Keep rows to try the model with: spread over so many."""
        self._shown = spread(count)

    def fit(self, model: Any, learners: Sequence[Any]) -> None:
        """Fit a model's parts one after the other.

        Args:
            model: unfitted; those of its parts that are no learners need a look at values only.
            learners: parts with `partial_fit`, in their order.

        Raises:
            DataError: one of them refuses the rows.
        """
        before: list[Any] = []
        for part in _chain(model):
            if any(part is learner for learner in learners):
                self._pass(before, part)
            else:
                part.fit(_through(before, self.rows), as_array(self.labels))
            before.append(part)

    @property
    def example(self) -> pd.DataFrame:
        """The rows to try the model with."""
        import pandas as pd

        return pd.concat(self._examples, ignore_index=True)

    def _pass(self, before: Sequence[Any], learner: Any) -> None:
        takes_classes = "classes" in inspect.signature(learner.partial_fit).parameters
        first = {"classes": self._classes} if takes_classes else {}
        is_first_pass = not self._examples
        read = 0
        for version in sorted(self.features.versions, key=lambda one: natural(one.partition)):
            seen = self._fit_on(version, before, learner, first, read if is_first_pass else None)
            if seen:
                first = {}
            read += seen

    def _fit_on(
        self,
        version: DatasetVersion,
        before: Sequence[Any],
        learner: Any,
        first: dict[str, Any],
        read: int | None,
    ) -> int:
        """Fit on one partition, which is gone afterwards; how many rows it has."""
        rows = frames.alike(version, self._pattern, self.kept)
        if rows.empty:
            return 0
        labels = labels_of(rows.pop(self._target), self.task, version).astype(self.labels.dtype)
        if read is not None:
            shown = [index - read for index in self._shown if 0 <= index - read < len(rows)]
            if shown:
                self._examples.append(rows.iloc[shown].copy())
        try:
            learner.partial_fit(_through(before, rows), as_array(labels), **first)
        except Exception as error:
            raise refused(learner, rows, error) from error
        return len(rows)

    @property
    def _target(self) -> str:
        return str(self.labels.name)

    @property
    def _pattern(self) -> pd.DataFrame:
        return self.rows.assign(**{self._target: self.labels})

    @property
    def _classes(self) -> npt.NDArray[np.generic]:
        import numpy as np

        return np.unique(as_array(self.labels))


def _chain(model: Any) -> list[Any]:
    """The parts of pipelines in pipelines that do something, in order."""
    steps = getattr(model, "steps", None)
    if steps is None:
        return [model]
    return [
        inner
        for _, part in steps
        if part is not None and part != "passthrough"
        for inner in _chain(part)
    ]


def _through(before: Sequence[Any], rows: Any) -> Any:
    for part in before:
        rows = part.transform(rows)
    return rows
