"""Where each file of a dataset goes: partitions are folders, files have the names they had."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ..content.manifest import Manifest
from ..content.sources import FILES
from ..errors import DataError, ParameterError
from .held import Part

if TYPE_CHECKING:
    from ..content.store import ArtifactStore
    from ..records import DatasetVersion

_SUFFIXES = {"csv": ".csv", "jsonl": ".jsonl", "json": ".json", "parquet": ".parquet"}


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """One file, and what it holds."""

    path: PurePosixPath
    digest: str
    size: int


def layout(parts: Sequence[Part], store: ArtifactStore) -> list[File]:
    """The files of versions, by their paths below one folder.

    Args:
        parts: versions, of one dataset or several.
        store: has the manifests of those that are many files.

    Raises:
        DataError: a name would lead out of the folder.
        ParameterError: two of them want one path.
        ArtifactError: a manifest is gone.
    """
    found: dict[PurePosixPath, tuple[File, Part]] = {}
    for part in parts:
        for file in _files(part.version, store):
            before, other = found.setdefault(file.path, (file, part))
            if before.digest != file.digest:
                raise ParameterError(_conflict(file, other, part))
    folders = {folder for path in found for folder in path.parents}
    if both := sorted(folders & found.keys()):
        raise ParameterError(
            f"{both[0]} is a file of {found[both[0]][1].version} and a folder of others; choose "
            "fewer with --dataset or --partitions"
        )
    return [found[path][0] for path in sorted(found)]


def _files(version: DatasetVersion, store: ArtifactStore) -> Iterator[File]:
    folder = [part for part in version.partition.split("/") if part]
    if version.format.endswith(FILES):
        for file in Manifest.from_bytes(store.read(version.digest)).files:
            path = _below([*folder, *file.name.split("/")], version)
            yield File(path=path, digest=file.digest, size=file.size)
        return
    path = _below([*folder, _name(version)], version)
    yield File(path=path, digest=version.digest, size=version.size)


def _name(version: DatasetVersion) -> str:
    """What its file was called; what begat wrote, or a database gave, after its dataset."""
    if version.location:
        return version.location.partition("?versionId=")[0].rpartition("/")[2]
    return version.name.rpartition("/")[2] + _SUFFIXES.get(version.format, "")


def _below(parts: Iterable[str], version: DatasetVersion) -> PurePosixPath:
    """A path that stays below its folder: names come out of events that anybody may have sent."""
    names = list(parts)
    if any(name in ("", ".", "..") or "\0" in name or "/" in name for name in names):
        raise DataError(
            f"{version} has a file {'/'.join(names)!r}, which would lie elsewhere; it cannot be "
            "pulled"
        )
    return PurePosixPath(*names)


def _conflict(file: File, one: Part, other: Part) -> str:
    if one.dataset == other.dataset:
        digests = f"{one.version.digest[:15]} and {other.version.digest[:15]}"
        return (
            f"two versions of {one.version} stand behind it, {digests}: pull one of them by its "
            "digest"
        )
    return (
        f"{one.dataset} and {other.dataset} both have a file {file.path}; name one with --dataset"
    )
