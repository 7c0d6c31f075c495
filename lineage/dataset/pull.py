"""Having a dataset again: its files in a folder, each byte of them verified."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from .. import partitions
from ..content.digest import digest_file
from ..errors import ArtifactError, DataError, ParameterError, WorldError
from .held import RAW, Part, choose, held
from .layout import File, layout
from .status import present

if TYPE_CHECKING:
    from ..content.store import ArtifactStore
    from ..workspace import Workspace

#: Told how far it is: what is done, how much of it, of how much.
Progress = Callable[[str, int, int], None]
#: Partitions that an error names.
_FEW = 5


def quiet(what: str, done: int, total: int) -> None:
    """The progress of those who do not want to see it."""


def pull(
    space: Workspace,
    ref: str,
    folder: Path,
    *,
    datasets: Iterable[str] = (),
    chosen: str = "",
    force: bool = False,
    progress: Progress = quiet,
) -> dict[str, Any]:
    """Put the files of a dataset, as it was, into a folder.

    They are written beside it first and take its place when all of them are there. What an
    interrupted pull had written is used, and so is what is there already.

    Args:
        space: where lineage and artifacts are.
        ref: see `held`.
        folder: where to; it is there afterwards as a whole, or as it was.
        datasets: which; raw data by default, or what `ref` names itself.
        chosen: which partitions, `month<=2013-11`; all if empty.
        force: also into a folder in which other files are. They stay, but for those of the same
            names.
        progress: is told after each file.

    Returns:
        `ref, folder, datasets, files, bytes`, of the files how many were `written` and how many
        were `there` before, and `others`: what else is in the folder, and none of them.

    Raises:
        RefError: the reference names nothing, too much, or no data.
        ParameterError: a choice leaves nothing or too much, or the folder is not empty.
        ArtifactError: bytes are gone; nothing was written.
        WorldError: the folder cannot be written, or another pull writes to it.
    """
    parts = _chosen(held(space.store, ref), datasets, chosen)
    _check_present(parts, space.artifacts)
    files = layout(parts, space.artifacts)
    folder = Path(os.path.abspath(folder))
    if folder == folder.parent:
        raise ParameterError(f"{folder} is all that there is; name another with --to")
    with _writing(folder):
        there, others = _there(folder, files, force=force)
        missing = [file for file in files if file.path not in there]
        if missing:
            partial = folder.with_name(f".{folder.name}.partial")
            with _alone(partial):
                _write(missing, partial, space.artifacts, progress)
                _publish(missing, partial, folder)
    return {
        "ref": ref,
        "folder": str(folder),
        "datasets": list(dict.fromkeys(part.dataset for part in parts)),
        "files": len(files),
        "bytes": sum(file.size for file in files),
        "written": len(missing),
        "there": len(there),
        "others": others,
    }


def _chosen(parts: list[Part], datasets: Iterable[str], expression: str) -> list[Part]:
    raw = [part for part in parts if part.role == RAW]
    named = list(datasets)
    own = choose(parts, named) if named else raw or parts
    if not expression:
        return own
    keys = dict.fromkeys(part.version.partition for part in own)
    kept = set(partitions.choose(keys, expression))
    if not kept:
        raise ParameterError(f"no partition fits {expression!r}; there are {_listed([*keys])}")
    return [part for part in own if part.version.partition in kept]


def _check_present(parts: Sequence[Part], store: ArtifactStore) -> None:
    there = present(parts, store)
    if gone := [
        f"{p.version} {p.version.digest[:15]}" for p in parts if p.version.digest not in there
    ]:
        raise ArtifactError(
            f"the artifact store has no longer all bytes of {_listed(gone)}; nothing was written: "
            "`begat verify --repair` looks for them elsewhere, --partitions leaves them out"
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """What lies in a folder."""

    files: frozenset[PurePosixPath]
    #: Links, to files or folders, are no files of a dataset.
    links: frozenset[PurePosixPath]


def _there(
    folder: Path, files: Sequence[File], *, force: bool
) -> tuple[set[PurePosixPath], list[str]]:
    """Which of the files are there already and are what they should be, and what else is there.

    Raises:
        ParameterError: there is something else.
    """
    if os.path.lexists(folder) and not folder.is_dir():
        raise ParameterError(f"{folder} is no folder; name another with --to")
    found = _look(folder)
    same = {
        file.path
        for file in files
        if file.path in found.files and digest_file(folder / file.path)[0] == file.digest
    }
    others = sorted((found.files | found.links) - same)
    if others and not force:
        raise ParameterError(
            f"{folder} is not empty: {others[0]} is none of these files, or not as it was; name "
            "another folder with --to, or replace what is in the way with --force"
        )
    folders = {parent for path in others for parent in path.parents}
    for file in files:
        blocked = [path for path in (*file.path.parents, file.path) if path in found.links]
        blocked += [path for path in file.path.parents if path in found.files]
        if blocked or file.path in folders:
            raise ParameterError(
                f"{folder / (blocked or [file.path])[0]} is in the way of {file.path}; remove it"
            )
    wanted = {file.path for file in files}
    return same, [str(path) for path in others if path not in wanted]


def _look(folder: Path) -> _Found:
    files, links = set[PurePosixPath](), set[PurePosixPath]()
    for parent, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(parent, name)
            own = PurePosixPath(path.relative_to(folder))
            if path.is_symlink():
                links.add(own)
            elif name in names:
                files.add(own)
    return _Found(files=frozenset(files), links=frozenset(links))


@contextmanager
def _alone(partial: Path) -> Iterator[None]:
    """Have the folder beside for oneself; a process that dies gives it back.

    Raises:
        WorldError: another pull has it.
    """
    partial.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(partial, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.path.samestat(os.fstat(descriptor), os.stat(partial)):
                raise FileNotFoundError  # it is in its place by now
        except (BlockingIOError, FileNotFoundError):
            raise WorldError(
                f"another pull writes to {partial} just now; wait for it, or name another folder "
                "with --to"
            ) from None
        yield
    finally:
        os.close(descriptor)


def _write(files: Sequence[File], partial: Path, store: ArtifactStore, progress: Progress) -> None:
    wanted = {file.path for file in files}
    before = _look(partial)
    for other in (before.files | before.links) - wanted:
        (partial / other).unlink()
    for number, file in enumerate(files, start=1):
        path = partial / file.path
        if file.path not in before.files or digest_file(path)[0] != file.digest:
            path.parent.mkdir(parents=True, exist_ok=True)
            one = path.with_name(f".{os.urandom(8).hex()}")
            try:
                store.copy(file.digest, one)
                one.chmod(0o644)
                one.replace(path)
            finally:
                one.unlink(missing_ok=True)
        progress("files", number, len(files))


def _publish(files: Sequence[File], partial: Path, folder: Path) -> None:
    """Put what is complete in its place."""
    for parent, _, _ in os.walk(partial, topdown=False):
        if parent != str(partial) and not os.listdir(parent):
            os.rmdir(parent)  # of a pull of other files
    if not folder.exists() or not os.listdir(folder):
        partial.replace(folder)
        return
    for file in files:
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        (partial / file.path).replace(path)
    shutil.rmtree(partial)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, DataError) as error:
        said = getattr(error, "strerror", None) or error
        raise WorldError(
            f"{folder} cannot be written ({said}); free space there and make it writable, then "
            "pull again: what is there already is used"
        ) from None


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    return ", ".join(names[:_FEW]) + more
