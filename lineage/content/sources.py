"""Sources: files that somebody else writes, as versions of datasets.

Taking a snapshot reads digests only. `keep` copies the bytes into the artifact
store, so that what a run read can be had again.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ..errors import DataError
from ..records import Dataset, DatasetVersion, Snapshot
from .digest import digest_bytes
from .files import Files, Found, files_of
from .manifest import File, Manifest
from .patterns import Pattern
from .references import Referring
from .s3.client import SCHEME, in_parallel, is_versioned
from .stat import StatCache

if TYPE_CHECKING:
    from .store import ArtifactStore

#: Formats by file suffix. What has none of these is tracked as bytes.
FORMATS = {
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".skops": "skops",
}
#: Where nothing is remembered of files.
NO_CACHE = StatCache(Path(os.devnull, "none"))
#: Behind a format: the version is a manifest of such files.
FILES = "+files"


def find(pattern: str, *, folder: Path) -> dict[str, tuple[Path, ...]]:
    """The files of each partition, `{"month=2013-01": (path, …), …}`, both sorted.

    Args:
        pattern: with `{key}` placeholders, `*` globs, both or none; without a
            placeholder there is one partition, "".
        folder: what a relative pattern is relative to.

    Raises:
        PipelineError: the pattern is malformed.
        DataError: nothing matches it, or a name is not UTF-8.
    """
    parsed = Pattern.parse(pattern, folder=folder)
    found = _find(parsed, files_of(parsed.path, NO_CACHE))
    return {key: tuple(sorted(map(Path, paths))) for key, paths in found.items()}


def dataset_of(pattern: str, *, folder: Path) -> Dataset:
    """The dataset that a pattern names, by OpenLineage's rules.

    Raises:
        PipelineError: the pattern is malformed.
    """
    fixed = Pattern.parse(pattern, folder=folder).fixed
    if not fixed.startswith(SCHEME):
        return Dataset(namespace="file", name=fixed)
    bucket, _, key = fixed.removeprefix(SCHEME).partition("/")
    return Dataset(namespace=f"{SCHEME}{bucket}", name=key or "/")


def snapshot(pattern: str, *, folder: Path, cache: StatCache) -> Snapshot:
    """Every partition that is there now, by its digest. Nothing is copied.

    Raises:
        PipelineError: the pattern is malformed.
        DataError: nothing matches it, or a file is empty or cannot be read.
    """
    parsed = Pattern.parse(pattern, folder=folder)
    place = files_of(parsed.path, cache)
    partitions = _find(parsed, place)
    files = _digested([path for paths in partitions.values() for path in paths], place)
    dataset = dataset_of(pattern, folder=folder)
    return Snapshot(
        versions=tuple(
            _version(dataset, parsed, key, {path: files[path] for path in paths})
            for key, paths in partitions.items()
        )
    )


def version(path: Path | str, *, folder: Path, cache: StatCache) -> DatasetVersion:
    """A source without partitions: one file, or the several that a glob names.

    Raises:
        PipelineError: the path is malformed.
        DataError: it is not there, empty, has partition keys, or cannot be read.
    """
    found = snapshot(str(path), folder=folder, cache=cache).versions
    if found[0].partition:
        raise DataError(f"{path} has partitions; name one file, or take a snapshot of them all")
    return found[0]


def keep(version: DatasetVersion, store: ArtifactStore) -> None:
    """Copy a source's bytes into the artifact store, unless they are there already.

    Of a version of an object in S3 only where it is is kept: reading it verifies it.

    Raises:
        DataError: the source is no longer what `version` says.
        ArtifactError: the store cannot take it.
    """
    if version.location and not _kept(version, store):
        _take(version, store)


def keep_all(versions: Iterable[DatasetVersion], store: ArtifactStore) -> None:
    """As `keep`, of many: which are there is asked at once, and several are copied at a time.

    Raises:
        DataError: a source is no longer what its version says.
        ArtifactError: the store cannot take it.
    """
    outside = [*{(one.digest, one.format): one for one in versions if one.location}.values()]
    there = store.present({version.digest for version in outside})

    def one(version: DatasetVersion) -> None:
        if version.digest not in there:
            _take(version, store)
        elif version.format.endswith(FILES):
            keep(version, store)  # a manifest does not say whether its files are there

    in_parallel(one, outside)


def _take(version: DatasetVersion, store: ArtifactStore) -> None:
    if isinstance(store, Referring) and is_versioned(version.location):
        store.refer(version.digest, version.location)
        return
    place = files_of(version.location, NO_CACHE)
    if version.format.endswith(FILES):
        arrived = _keep_files(Pattern(path=version.location), place, store)
    else:
        arrived, _ = place.keep(version.location, store)
    if arrived != version.digest:
        raise DataError(f"{version.location} was rewritten while it was read; run again")


def opened(version: DatasetVersion) -> BinaryIO:
    """The open file of a source that is one file, of which no more is read than is asked for.

    Raises:
        DataError: it cannot be opened.
    """
    return files_of(version.location, NO_CACHE).open(version.location)


def _find(pattern: Pattern, place: Files) -> dict[str, list[str]]:
    """The files of each partition, both sorted."""
    partitions: dict[str, list[str]] = {}
    for values, path in place.find(pattern):
        partitions.setdefault(_partition(pattern, values, path), []).append(path)
    if not partitions:
        raise DataError(
            f"no file matches {pattern.path} ({_deepest(pattern)}); "
            "mend the pattern or add the data"
        )
    return {key: sorted(partitions[key]) for key in sorted(partitions)}


def _kept(version: DatasetVersion, store: ArtifactStore) -> bool:
    if not store.refresh([version.digest]):
        return False
    if not version.format.endswith(FILES):
        return True
    files = {file.digest for file in Manifest.from_bytes(store.read(version.digest)).files}
    return store.refresh(files) == files


def _keep_files(pattern: Pattern, place: Files, store: ArtifactStore) -> str:
    files = {path: place.keep(path, store) for _, path in place.find(pattern)}
    return store.write(_manifest(pattern, files).to_bytes())


def _version(
    dataset: Dataset, pattern: Pattern, partition: str, files: Mapping[str, Found]
) -> DatasetVersion:
    formats = set(map(_format, files))
    if len(formats) > 1:
        raise DataError(
            f"{dataset}[{partition}] mixes {' and '.join(sorted(formats))} files; "
            "narrow the pattern to one format"
        )
    if len(files) == 1:
        [(digest, size, location)] = files.values()
        suffix = ""
    else:
        bound = pattern.bind(dict(part.split("=", 1) for part in partition.split("/") if part))
        manifest = _manifest(bound, {path: found[:2] for path, found in files.items()})
        digest, size = digest_bytes(manifest.to_bytes()), manifest.size
        location, suffix = bound.path, FILES
    return DatasetVersion(
        namespace=dataset.namespace,
        name=dataset.name,
        partition=partition,
        digest=digest,
        size=size,
        format=formats.pop() + suffix,
        location=location,
    )


def _format(path: str) -> str:
    dot = path.rfind(".")
    named = path[dot - 1 : dot] != "/"  # `.csv` alone is a hidden file without a suffix
    return FORMATS.get(path[dot:].lower(), "bytes") if named else "bytes"


def _manifest(pattern: Pattern, files: Mapping[str, tuple[str, int]]) -> Manifest:
    start = len(pattern.folder.rstrip("/")) + 1
    return Manifest.of(
        File(name=path[start:], size=size, digest=digest) for path, (digest, size) in files.items()
    )


def _digested(paths: Sequence[str], place: Files) -> dict[str, Found]:
    files = dict(zip(paths, place.digests(paths), strict=True))
    for path, found in files.items():
        if found.size == 0:
            raise DataError(f"{path} is empty (0 bytes); write it again or remove it")
    return files


def _partition(pattern: Pattern, values: Mapping[str, str], path: str) -> str:
    if not path.isascii():
        _check_utf8(path)
    return "/".join([f"{key}={values[key]}" for key in pattern.keys])


def _check_utf8(path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError:
        raise DataError(f"the name of {path!r} is not UTF-8; rename the file") from None


def _deepest(pattern: Pattern) -> str:
    """How much of a path that leads nowhere is there."""
    if pattern.path.startswith(SCHEME):
        return f"no key that begins with {pattern.prefix} does"
    here = Path(pattern.folder)
    deepest = next(path for path in (here, *here.parents) if path.is_dir())
    return f"in {here}" if deepest == here else f"{deepest} is there, {here} is not"
