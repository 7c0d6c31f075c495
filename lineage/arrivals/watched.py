"""What is watched: a dataset, and which objects are its partitions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from ..content import sources
from ..content.patterns import Pattern
from ..content.s3.client import SCHEME
from ..records import Dataset
from .notice import Notice


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A source as it is watched.

    Args:
        given: the pattern as it was given: `s3://lake/raw/month={month}/flights.csv`.
        pattern: the same, absolute.
        dataset: what the pattern names.
    """

    given: str
    pattern: Pattern
    dataset: Dataset

    @classmethod
    def parse(cls, given: str, *, folder: Path) -> Watched:
        """What a pattern says; a relative one is relative to `folder`.

        Raises:
            PipelineError: it is malformed.
        """
        return cls(
            given=given,
            pattern=Pattern.parse(given, folder=folder),
            dataset=sources.dataset_of(given, folder=folder),
        )

    @cached_property
    def in_s3(self) -> bool:
        """Whether its objects lie in S3."""
        return self.pattern.path.startswith(SCHEME)

    def match(self, notice: Notice) -> Notice | None:
        """The notice with this dataset's name and the object's partition; None: not of it."""
        if notice.namespace != self.dataset.namespace:
            return None
        if notice.name:
            return notice if notice.name == self.dataset.name else None
        path = f"{notice.namespace}/{notice.key}" if self.in_s3 else notice.key
        values = self.pattern.match(path)
        if values is None:
            return None
        partition = "/".join(f"{key}={values[key]}" for key in self.pattern.keys)
        return replace(notice, name=self.dataset.name, partition=partition)


def matched(notices: Iterable[Notice], watched: Iterable[Watched]) -> list[Notice]:
    """Each notice once for every dataset that its object belongs to."""
    watched = tuple(watched)
    found = {}
    for notice in notices:
        for one in watched:
            if said := one.match(notice):
                found[said.namespace, said.name, said.key, said.identity] = said
    return [*found.values()]
