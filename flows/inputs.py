"""What a pipeline reads from outside: its raw partitions and its lookups."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from begat.lineage import partitions
from begat.lineage.content import queries, sources
from begat.lineage.content.patterns import Pattern
from begat.lineage.content.queries import Query
from begat.lineage.errors import DataError, SettingsError, StoreError
from begat.lineage.records import DatasetVersion, Snapshot

if TYPE_CHECKING:
    from begat.lineage.content.store import ArtifactStore
    from begat.lineage.workspace import Workspace

    from .pipeline import Pipeline


@dataclass(frozen=True, kw_only=True, slots=True)
class Inputs:
    """Raw partitions in natural order, and lookups by name, as they are now."""

    parts: tuple[DatasetVersion, ...]
    lookups: Mapping[str, DatasetVersion]

    @property
    def digests(self) -> dict[str, str]:
        """Digest by what it is of: `[month=2013-01]`, or a lookup's name."""
        return {f"[{part.partition}]": part.digest for part in self.parts} | {
            name: version.digest for name, version in self.lookups.items()
        }


class Places(Protocol):
    """Where a pipeline reads from: a `Pipeline`, or what is remembered of one."""

    @property
    def source(self) -> str | Query:
        """Path pattern of the raw partitions, or a query."""

    @property
    def lookups(self) -> Mapping[str, str | Query]:
        """A path or a query by name."""

    @property
    def folder(self) -> Path:
        """What relative paths are relative to."""


def find(pipeline: Places, space: Workspace, *, chosen: str = "") -> Inputs:
    """Digest what the pipeline reads; files are not copied yet, answers of databases are kept.

    Args:
        pipeline: says where they are.
        space: its stat cache knows the digests of files that have not changed.
        chosen: which partitions, `month<=2013-11`; all if empty.

    Raises:
        DataError: a pattern matches nothing, a file is empty, or a database cannot be read.
        ParameterError: `chosen` is malformed or leaves no partition.
    """
    found, lookups = _read(pipeline, space)
    by_key = {part.partition: part for part in found.versions}
    keys = partitions.choose(by_key, chosen)
    with suppress(StoreError, SettingsError):  # told when answers are asked for
        space.refuse_purged([*(by_key[key] for key in keys), *lookups.values()])
    if not keys:
        raise DataError(
            f"no partition of {found.dataset} fits {chosen!r}; there are "
            f"{', '.join(sorted(by_key, key=partitions.natural))}: choose among them"
        )
    return Inputs(
        parts=tuple(by_key[key] for key in sorted(keys, key=partitions.natural)),
        lookups=lookups,
    )


def patterns(pipeline: Places) -> list[str]:
    """The patterns of the files it reads; nobody tells that a database has changed."""
    places = (pipeline.source, *pipeline.lookups.values())
    return [place for place in places if isinstance(place, str)]


def check_expression(pipeline: Places, expression: str) -> None:
    """See that an expression can choose among the source's partitions, without looking at them.

    Raises:
        ParameterError: it is malformed, or names a key that the source does not have.
    """
    source = pipeline.source
    keys = (
        source.keys
        if isinstance(source, Query)
        else Pattern.parse(source, folder=pipeline.folder).keys
    )
    partitions.choose(["/".join(f"{key}=0" for key in keys)], expression)


def _read(pipeline: Places, space: Workspace) -> tuple[Snapshot, dict[str, DatasetVersion]]:
    """The source and the lookups, files and answers of databases."""
    folder, source = pipeline.folder, pipeline.source
    places: dict[str, str | Query] = {"": source, **pipeline.lookups}
    asked = {name: place for name, place in places.items() if isinstance(place, Query)}
    # All at once: what one database answers is of one instant.
    answers = queries.snapshots(asked, space.artifacts, folder=folder) if asked else {}
    return (
        answers[""]
        if isinstance(source, Query)
        else sources.snapshot(source, folder=folder, cache=space.cache),
        {
            name: answers[name].versions[0]
            if isinstance(place, Query)
            else sources.version(place, folder=folder, cache=space.cache)
            for name, place in pipeline.lookups.items()
        },
    )


def check_columns(parts: tuple[DatasetVersion, ...], store: ArtifactStore) -> None:
    """Refuse partitions that do not have the columns of the first one.

    Args:
        parts: raw partitions.
        store: holds those that are of many files.

    Raises:
        DataError: names the partition and the columns it lacks or has beside.
    """
    first, expected = parts[0], _columns(parts[0], store)
    for part in parts[1:]:
        found = _columns(part, store)
        if found == expected:
            continue
        differences = [
            f"{word} {', '.join(sorted(names))}"
            for word, names in (("lacks", expected - found), ("also has", found - expected))
            if names
        ]
        raise DataError(
            f"partition {part} ({part.location or 'a query'}) {' and '.join(differences)}, "
            f"compared with {first.partition}; give all partitions the same columns"
        )


def check_roles(part: DatasetVersion, pipeline: Pipeline, store: ArtifactStore) -> None:
    """Refuse columns that the pipeline names and its features do not have.

    Args:
        part: a featurized partition; the tasks look at the others when they read them.
        pipeline: names its target, features and slices.
        store: holds the partition.

    Raises:
        DataError: names the first that is missing, what it is for, and those that are there.
    """
    roles = (
        dict.fromkeys(pipeline.features or (), "feature column")
        | dict.fromkeys(pipeline.slices, "slice column")
        | {pipeline.target: "target"}
    )
    from begat.lineage.content import tables
    from begat.tasks import frames

    frames.check_columns(tables.columns(part, store), list(roles), part, roles)


def split(
    features: tuple[DatasetVersion, ...], pipeline: Pipeline
) -> tuple[Snapshot, Snapshot, float | None]:
    """What trains and what evaluates, by the pipeline's holdout.

    Args:
        features: the featurized partitions in natural order.
        pipeline: its holdout decides.

    Returns:
        The training snapshot, the holdout's, and the fraction of rows that is held out
        where the holdout is one (both snapshots are then all partitions).

    Raises:
        DataError: the holdout matches nothing, or leaves nothing to train on.
    """
    holdout = pipeline.holdout
    if isinstance(holdout, float):
        return _snapshot(features), _snapshot(features), holdout
    if holdout == "last":
        held = features[-1:]
    else:
        assert isinstance(holdout, Mapping)
        held = tuple(
            part
            for part in features
            if holdout.items() <= partitions.values(part.partition).items()
        )
    if not held:
        known = partitions.values(features[0].partition)
        if not known:
            first = next(iter(holdout))
            remedy = f"write {{{first}}} where that stands in {pipeline.source!r}"
            if isinstance(pipeline.source, Query):
                remedy = f"give the query partition_by={first!r}"
            raise DataError(
                f"the holdout {holdout} of {pipeline.name} names partitions, and its source has "
                f"none: {remedy}"
            )
        raise DataError(
            f"the holdout {holdout} of {pipeline.name} matches none of its partitions "
            f"({', '.join(part.partition for part in features)}); name one of them"
        )
    out = set(held)
    train = tuple(part for part in features if part not in out)
    if not train:
        raise DataError(
            f"the holdout {holdout!r} of {pipeline.name} takes {len(held)} of {len(features)} "
            "partitions and leaves nothing to train on; add a partition, or hold out a "
            "fraction of the rows"
        )
    return _snapshot(train), _snapshot(held), None


def _columns(part: DatasetVersion, store: ArtifactStore) -> set[str]:
    from begat.lineage.content import tables

    if part.format.endswith("+files") or not part.location:
        sources.keep(part, store)
        return set(tables.columns(part, store))
    with sources.opened(part) as file:
        return set(tables.columns(part, file))


def _snapshot(versions: tuple[DatasetVersion, ...]) -> Snapshot:
    return Snapshot(versions=tuple(sorted(versions, key=lambda version: version.partition)))
