"""What loading a pipeline reads, beside the modules that it imports.

Python raises an audit event for each file and folder that it opens, each process that it
starts and each connection that it makes; for the environment there is none, so that is
watched itself. What a library does while it is imported is its own, for which its version
stands; all else counts. Of a file that is only asked whether it is there, nothing is seen,
nor of what C libraries do by themselves.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

_FOLDERS = frozenset({"os.listdir", "os.scandir"})
#: What may bring in anything from anywhere.
_UNSEEN = frozenset(
    {
        *("os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system"),
        *("pty.spawn", "socket.connect", "socket.getaddrinfo", "socket.gethostbyaddr"),
        *("socket.gethostbyname", "socket.gethostname", "sqlite3.connect", "subprocess.Popen"),
    }
)
_EVENTS = _FOLDERS | _UNSEEN | {"open"}
_IMPORT = "<frozen importlib"
#: Part of the machine, and never twice the same.
_MACHINE = ("/proc/", "/sys/", "/dev/")


@dataclass(frozen=True, slots=True)
class Asker:
    """Who read something."""

    #: Names of the modules whose code was at work, the innermost first.
    modules: tuple[str, ...]
    #: Whether the outermost of them was being imported.
    imported: bool

    def is_one_of(self, own: Callable[[str], bool]) -> bool:
        """Whether this is one of those modules; who cannot be told counts as one."""
        return not self.imported or any(map(own, self.modules))


@dataclass(slots=True)
class Seen:
    """What was read while it was watched, each with everybody who read it."""

    #: By absolute path, whether the file was there when it was first read.
    there: dict[str, bool] = field(default_factory=dict)
    files: dict[str, set[Asker]] = field(default_factory=dict)
    folders: dict[str, set[Asker]] = field(default_factory=dict)
    #: By name; the empty name is all of them.
    variables: dict[str, set[Asker]] = field(default_factory=dict)
    #: By event that brings in what cannot be seen.
    unseen: dict[str, set[Asker]] = field(default_factory=dict)
    _written: set[str] = field(default_factory=set)

    def event(self, name: str, arguments: tuple[Any, ...]) -> None:
        """Take in an audit event."""
        if sys._getframe(2).f_code.co_filename.startswith(_IMPORT):
            return  # a module, or the look for one
        if name == "open":
            self._open(*arguments)
        elif name in _FOLDERS:
            self._list(arguments[0])
        else:
            self.unseen.setdefault(name, set()).add(_asker())

    def variable(self, name: object) -> None:
        """Take in that a variable of the environment was read."""
        text = os.fsdecode(name) if isinstance(name, str | bytes) else ""
        self.variables.setdefault(text, set()).add(_asker())

    def _open(self, path: object, mode: object, flags: object) -> None:
        if not isinstance(path, str | bytes | os.PathLike):
            return  # a descriptor: its file was opened before
        file = os.path.abspath(os.fsdecode(path))
        if file.startswith(_MACHINE) or file in self._written or os.path.isdir(file):
            return
        if _empties(mode, flags):
            self._written.add(file)
        if not _reads(mode, flags):
            return
        self.there.setdefault(file, os.path.exists(file))
        self.files.setdefault(file, set()).add(_asker())

    def _list(self, path: object) -> None:
        if isinstance(path, int):  # a folder that was opened before
            self.unseen.setdefault("os.listdir", set()).add(_asker())
            return
        folder = os.path.abspath(os.fsdecode(path or "."))  # type: ignore[arg-type]  # a path
        if not f"{folder}/".startswith(_MACHINE):
            self.folders.setdefault(folder, set()).add(_asker())


_seen: list[Seen] = []
_hooked: list[bool] = []


@contextmanager
def watch() -> Iterator[Seen]:
    """Watch what this process reads inside."""
    if not _hooked:  # once a process: an audit hook cannot be taken back
        sys.addaudithook(_listen)
        _hooked.append(True)
    seen = Seen()
    _seen.append(seen)
    environments = [(e, type(e)) for e in _environments()]
    for environment, kind in environments:
        environment.__class__ = _watched(kind, seen)
    try:
        yield seen
    finally:
        for environment, kind in environments:
            environment.__class__ = kind
        _seen.remove(seen)


def _environments() -> list[Any]:
    return [os.environ, *([os.environb] if os.supports_bytes_environ else [])]


def _watched(kind: type[Any], seen: Seen) -> type[Any]:
    class Watched(kind):  # type: ignore[misc]  # of os, which does not export it
        """The environment, which tells what is read of it."""

        def __getitem__(self, key: Any) -> Any:
            seen.variable(key)
            return super().__getitem__(key)

        def __iter__(self) -> Iterator[Any]:
            seen.variable(None)
            return super().__iter__()  # type: ignore[no-any-return]  # as above

    return Watched


def _listen(
    event: str,
    arguments: tuple[Any, ...],
    # Bound here, for the hook still runs when the interpreter has cleared this module.
    _events: frozenset[str] = _EVENTS,
    _seen: list[Seen] = _seen,
) -> None:
    if _seen and event in _events:
        for seen in _seen:
            try:
                seen.event(event, arguments)
            except Exception:  # raised here it would stop what the event is of
                seen.unseen.setdefault(event, set()).add(Asker((), imported=False))


def _asker() -> Asker:
    frame = sys._getframe(1)
    modules: dict[str, None] = {}
    while frame is not None:
        if frame.f_code.co_filename.startswith(_IMPORT):
            return Asker(tuple(modules), imported=True)
        name = frame.f_globals.get("__name__")
        if name != __name__:
            modules[str(name)] = None
        frame = frame.f_back  # type: ignore[assignment]  # None at the end, where the loop ends
    return Asker(tuple(modules), imported=False)


def _empties(mode: object, flags: object) -> bool:
    """Whether an open leaves nothing of what the file held before."""
    if isinstance(mode, str):
        return "w" in mode or "x" in mode
    return isinstance(flags, int) and bool(flags & (os.O_TRUNC | os.O_EXCL))


def _reads(mode: object, flags: object) -> bool:
    """Whether an open can see what the file held before."""
    if _empties(mode, flags):
        return False
    if isinstance(mode, str):
        return "a" not in mode or "+" in mode
    return not isinstance(flags, int) or flags & os.O_ACCMODE != os.O_WRONLY
