"""The files of a model version: there as they were registered, or why not, and what helps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import (
    ArtifactError,
    CollectedError,
    CorruptArtifactError,
    DataError,
    UntrustedModelError,
)
from ..graph import presence
from ..graph.connection import Connection
from ..records import ModelVersion
from ..workspace import Workspace


def check(space: Workspace, of: ModelVersion, files: Mapping[str, str]) -> None:
    """See that files of a version are there, byte by byte.

    Args:
        space: where the registry and the artifacts are.
        of: the version.
        files: digests by name, see `Version.files`.

    Raises:
        CollectedError: `begat gc` has taken one, or is about to.
        CorruptArtifactError: one is not what it was.
        ArtifactError: one is gone, or cannot be read.
        StoreError: the store failed.
    """
    with space.store.read() as db:
        check_kept(db, of, files)
    for name, digest in files.items():
        there = space.artifacts.rehash(digest)
        if there is None:
            raise _gone(space, of, name, digest)
        if there[0] != digest:
            raise _changed(of, name, digest)


def check_kept(db: Connection, of: ModelVersion, files: Mapping[str, str]) -> None:
    """See that `begat gc` has not taken files of a version, nor is about to.

    Raises:
        CollectedError: it has, or is.
    """
    absent = presence.collected(db, files.values())
    for name, digest in files.items():
        if said := presence.says(absent, digest):
            raise CollectedError(f"{_named(of, name, digest)} was {said}; {_TRAIN}")


def read(space: Workspace, of: ModelVersion, name: str, digest: str) -> bytes:
    """The bytes of a file of a version, verified.

    Raises:
        CollectedError: `begat gc` has taken them.
        CorruptArtifactError: they are not what they were.
        ArtifactError: they are gone, or cannot be read.
        StoreError: the store failed.
    """
    try:
        return space.artifacts.read(digest)
    except CorruptArtifactError:
        raise _changed(of, name, digest) from None
    except ArtifactError:
        check(space, of, {name: digest})  # says more, if it is known
        raise


def model(space: Workspace, of: ModelVersion) -> Any:
    """The estimator of a version, from its verified file.

    Raises:
        UntrustedModelError: the file holds types outside the reviewed list.
        DataError: it cannot be loaded here.
        CorruptArtifactError: it is not what was registered.
        ArtifactError: it is not there.
        StoreError: the store failed.
    """
    from ..content import models

    data = read(space, of, "model", of.digest)
    try:
        return models.load(data, trusted=space.settings.trusted_types)
    except (DataError, UntrustedModelError) as error:
        raise type(error)(f"the model of {of}: {error}") from error


_TRAIN = "train it again with `begat run`"


def _named(of: ModelVersion, name: str, digest: str) -> str:
    return f"the {name} of {of} ({digest[:19]})"


def _changed(of: ModelVersion, name: str, digest: str) -> ArtifactError:
    return CorruptArtifactError(f"{_named(of, name, digest)} is not what it was; {_repair(of)}")


def _gone(space: Workspace, of: ModelVersion, name: str, digest: str) -> ArtifactError:
    with space.store.read() as db:
        said = presence.says(presence.absent(db, [digest]), digest)
    if said:  # a repair has looked for it in vain
        return ArtifactError(f"{_named(of, name, digest)} was {said}; {_TRAIN}")
    return ArtifactError(f"{_named(of, name, digest)} is gone; {_repair(of)}")


def _repair(of: ModelVersion) -> str:
    return f"`begat verify {of} --repair` looks for it"
