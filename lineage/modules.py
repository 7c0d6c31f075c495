"""Modules of a run's kept sources, importable for a while: what ran, not what lies there now."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import importlib.machinery
import io
import os
import shutil
import sys
import tarfile
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import ArtifactError

if TYPE_CHECKING:
    from .content.store import ArtifactStore

#: Folders in which something runs again are named so.
PREFIX = "rerun-"
#: What stands for the `__init__.py` of a package that was not kept.
_EXTENDED = "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n"
#: Seconds after which such a folder is what a killed process has left.
_LEFT_OVER = 7 * 24 * 3600


def archive(store: ArtifactStore, digest: str) -> bytes:
    """An archive of sources; empty where none was kept, or it is gone.

    What needs no code of the user's own can be done without.
    """
    try:
        return store.read(digest) if digest else b""
    except ArtifactError:
        return b""


class Modules:
    """The modules of an archive of sources, importable while it is unpacked.

    Args:
        folder: where it is unpacked.
        only: top-level names of the modules that count; all by default.
    """

    def __init__(self, folder: Path, only: Collection[str] = ()) -> None:
        paths = (path.relative_to(folder).with_suffix("") for path in folder.rglob("*.py"))
        self.names = sorted(
            ".".join(path.parts).removesuffix(".__init__")
            for path in paths
            if path.parts[0] != "other" and (not only or path.parts[0] in only)
        )

    def named(self, dotted: str) -> Any:
        """What `package.module.Name.name` names.

        Raises:
            LookupError: nothing that can be imported.
        """
        parts = dotted.split(".")
        for at in range(len(parts) - 1, 0, -1):
            try:
                found: Any = importlib.import_module(".".join(parts[:at]))
            except ImportError:
                continue
            try:
                return functools.reduce(getattr, parts[at:], found)
            except AttributeError:
                break
        for found in self.called(".".join(parts[1:])):
            return found  # of a module that went by another name, such as a script's
        raise LookupError(dotted)

    def held(self, name: str) -> Iterator[Any]:
        """What objects of the archive's modules hold under a name: a pipeline's expectations."""
        for module in self.names:
            try:
                values = list(vars(importlib.import_module(module)).values())
            except ImportError:
                continue
            for value in values:
                if dataclasses.is_dataclass(value) and not isinstance(value, type):
                    with suppress(AttributeError):
                        yield getattr(value, name)

    def called(self, qualname: str) -> Iterator[Any]:
        """Whatever has this qualified name in a module of the archive."""
        for name in self.names:
            try:
                module = importlib.import_module(name)
                yield functools.reduce(getattr, qualname.split("."), module)
            except (ImportError, AttributeError):
                continue


@contextmanager
def unpacked(kept: bytes, *, beneath: Path) -> Iterator[Modules]:
    """Make the modules of an archive of sources importable for a while.

    Modules of the same names that are imported already are set aside meanwhile.

    Args:
        kept: an archive, as `begat.lineage.capture.sources` makes it; empty for none.
        beneath: the folder in which a temporary one is made.
    """
    with tempfile.TemporaryDirectory(dir=beneath, prefix=PREFIX) as made:
        unpack(kept, Path(made))
        with importable(Path(made)) as modules:
            yield modules


def unpack(kept: bytes, folder: Path) -> None:
    """Put an archive of sources into a folder, which is made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    if kept:
        with tarfile.open(fileobj=io.BytesIO(kept)) as tar:
            tar.extractall(folder, filter="data")
    for top in [path for path in folder.iterdir() if path.is_dir() and path.name != "other"]:
        _complete(top)


def _complete(package: Path) -> None:
    """Let a package's kept modules be found in front of those that lie elsewhere today.

    Of a package only files that were reached are kept. Without its `__init__.py` the folder
    would stand behind a whole package of its name; with one, what is not kept is found there.
    """
    # A project's own package lies where the command is run.
    path = [*sys.path, os.getcwd()]
    found = importlib.machinery.PathFinder.find_spec(package.name, path)
    if found is None or found.origin is None:
        return
    for folder in {path.parent for path in package.rglob("*.py")} | {package}:
        if not (folder / "__init__.py").exists():
            (folder / "__init__.py").write_text(_EXTENDED)


@contextmanager
def importable(folder: Path, only: Collection[str] = ()) -> Iterator[Modules]:
    """Let the modules in a folder be imported for a while, before all others of their names.

    Modules of the same names that are imported already are set aside meanwhile.

    Args:
        folder: goes in front of the path.
        only: top-level names of the modules that count; all by default.
    """
    own = {*only} or {path.name.removesuffix(".py") for path in folder.iterdir()}

    def ours() -> list[str]:
        return [name for name in sys.modules if name.partition(".")[0] in own]

    before = {name: sys.modules.pop(name) for name in ours()}
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield Modules(folder, only)
    finally:
        sys.path.remove(str(folder))
        for name in ours():
            del sys.modules[name]
        sys.modules.update(before)


def sweep(beneath: Path) -> None:
    """Remove what reruns that were killed have left in a folder, a week ago or earlier."""
    for left in beneath.glob(f"{PREFIX}*"):
        with suppress(OSError):
            if left.stat().st_mtime < time.time() - _LEFT_OVER:
                shutil.rmtree(left, ignore_errors=True)
