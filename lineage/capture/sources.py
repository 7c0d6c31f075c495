"""The source files of a run as one artifact, so that it can be rebuilt, committed or not."""

from __future__ import annotations

import io
import os
import sys
import tarfile
import tokenize
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..content.digest import digest_bytes
from ..errors import ArtifactError

if TYPE_CHECKING:
    from ..content.store import ArtifactStore


def archive(
    files: Iterable[Path],
    store: ArtifactStore,
    *,
    root: Path | None = None,
    running: Callable[[str], str | None] = lambda _: None,
) -> str:
    """Keep these files as one tar archive; the same files elsewhere make the same archive.

    A file's name in it is relative to `root`, else to the innermost entry of `sys.path` that
    holds it: unpacked into a folder on the path, a module is found under the name it had.
    Files of neither, and different ones that would have one name, go under `other/{digest}/`.

    Args:
        files: in any order, the same one more than once if need be.
        store: where the archive goes.
        root: the pipeline's folder.
        running: the text of a file that the running code was compiled from, where that is
            known; the file may have been edited since.

    Returns:
        The archive's digest; empty if there are no files.

    Raises:
        ArtifactError: a file cannot be read, or the store cannot be written.
    """
    members = _members(_read(files, running), _bases(root))
    return store.write(_tar(members)) if members else ""


def _read(
    files: Iterable[Path], running: Callable[[str], str | None]
) -> Iterator[tuple[Path, bytes]]:
    for path in sorted({path.absolute() for path in files}):
        try:
            yield path, _as_run(path.read_bytes(), running(str(path)))
        except OSError as error:
            raise ArtifactError(
                f"source file {path} cannot be read ({error.strerror}); "
                "leave it in place while the flow runs"
            ) from None


def _as_run(written: bytes, text: str | None) -> bytes:
    """What is written in a file, unless what runs is another text: then that."""
    if text is None:
        return written
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(written).readline)
        same = io.TextIOWrapper(io.BytesIO(written), encoding).read().rstrip("\n")
    except (SyntaxError, UnicodeDecodeError):
        encoding, same = "utf-8", ""
    return written if same == text.rstrip("\n") else text.encode(encoding)


def _bases(root: Path | None) -> list[Path]:
    """The folders that names are relative to, the innermost first."""
    imported = {Path(os.path.abspath(entry)) for entry in sys.path}
    given = [] if root is None else [root.absolute()]
    return given + sorted(imported, key=lambda path: (-len(path.parts), path))


def _members(files: Iterable[tuple[Path, bytes]], bases: list[Path]) -> dict[str, bytes]:
    named: dict[str, list[tuple[Path, bytes]]] = {}
    for path, data in files:
        base = next((base for base in bases if path.is_relative_to(base)), None)
        name = path.relative_to(base).as_posix() if base else ""
        named.setdefault(name, []).append((path, data))
    members: dict[str, bytes] = {}
    for name, found in named.items():
        for path, data in found:
            alone = name and len({data for _, data in found}) == 1
            members[name if alone else _aside(name or path.name, data)] = data
    return members


def _aside(name: str, data: bytes) -> str:
    return f"other/{digest_bytes(data).removeprefix('blake3:')[:16]}/{name}"


def _tar(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in sorted(members.items()):
            # Owner, times and permissions stay at the defaults of a new entry, all zero but 644.
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()
