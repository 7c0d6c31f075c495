"""Files that a task's Python code opens without having declared them.

Python raises an audit event for every file it opens. A context variable attributes it
to the task, so other tasks' threads do not count. A thread that the task starts counts
whether or not it runs in a copy of the task's context; one that outlives the task, as a
pool's do, may work for any task, and so counts for all that are running. Files that C
libraries open raise no event.
"""

from __future__ import annotations

import functools
import os
import stat
import sys
import threading
import zoneinfo
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from .party import is_beside, is_python, is_site

#: Part of the machine, as the standard library is.
_MACHINE = ("/proc/", "/sys/", "/dev/", *(f"{path}/" for path in zoneinfo.TZPATH))
_MACHINE_FILES = frozenset({"/etc/localtime", "/etc/mime.types", "/etc/os-release"})
#: Modules, wherever they lie: recipes see those that are reached.
_MODULES = (".py", ".pyc", ".pyi", ".so", ".pyd")
_EMPTIES = os.O_TRUNC | os.O_EXCL


class Opened:
    """The files that were opened while it was active."""

    def __init__(
        self, allowed: Iterable[Path], notice: Callable[[str], object] = lambda _: None
    ) -> None:
        self._notice = notice
        self._given = tuple(str(path) for path in allowed)
        self._undeclared: dict[str, None] = {}
        self._written: set[str] = set()
        self._made: list[str] = []

    @property
    def undeclared(self) -> tuple[str, ...]:
        """Absolute paths of the files that were read and nobody declared, as first read."""
        return tuple(self._undeclared)

    @functools.cached_property
    def _allowed(self) -> tuple[str, ...]:
        return self._given + tuple(os.path.realpath(path) for path in self._given)

    def event(self, name: str, arguments: tuple[Any, ...]) -> None:
        """Take in an audit event."""
        if name == "open":
            path, mode, flags = arguments
            self._open(path, mode, flags)
        elif name == "os.rename":
            self._rename(arguments[0], arguments[1])
        else:  # a folder that it makes holds nothing but what was put there since
            self._made.append(_absolute(arguments[0]) + os.sep)

    def _open(self, path: object, mode: object, flags: object) -> None:
        if not isinstance(path, str | bytes | os.PathLike):
            return  # a descriptor: its file was opened before
        file = _absolute(path)
        if file in self._written or file in self._undeclared:
            return
        if not _reads(mode, flags, exists=os.path.exists(file)):
            self._written.add(file)
        elif not self._declared(file) and _is_file(file):
            self._undeclared[file] = None
            self._notice(file)

    def _rename(self, source: Any, target: Any) -> None:
        before, after = _absolute(source), _absolute(target)
        if before in self._written:
            self._written.add(after)
        elif any(made.startswith(before + os.sep) for made in self._made):
            self._made.append(after + os.sep)

    def _declared(self, file: str) -> bool:
        return (
            file.endswith(_MODULES)
            or file in _MACHINE_FILES
            or file.startswith((*_MACHINE, *self._made))
            or any(_within(file, path) for path in self._allowed)
            or _is_library(file)
            or file in {os.path.abspath(entry) for entry in sys.path}  # modules in an archive
        )


def _is_library(file: str) -> bool:
    return any(
        is_site(path) or is_python(path) or is_beside(path)
        for path in (file, os.path.realpath(file))
    )


_active: ContextVar[Opened | None] = ContextVar("begat_opened", default=None)
_EVENTS = frozenset({"open", "os.rename", "os.mkdir", "tempfile.mkdtemp"})
#: Watches that are open, and the watch that each thread was started in.
_watches: list[Opened] = []
_started: WeakKeyDictionary[threading.Thread, Opened] = WeakKeyDictionary()
_threads = threading.RLock()  # for a collection inside may close, and so call, anything
_lock = threading.Lock()
_hooked: list[bool] = []


@contextmanager
def watch(
    allowed: Iterable[Path], notice: Callable[[str], object] = lambda _: None
) -> Iterator[Opened]:
    """Attribute the files opened inside to what the result names.

    A watch inside another has its opens to itself.

    Args:
        allowed: files and folders that count as declared.
        notice: told of each undeclared file when it is opened.
    """
    _hook()
    opened = Opened(allowed, notice)
    _watches.append(opened)
    token = _active.set(opened)
    try:
        yield opened
    finally:
        _active.reset(token)
        _watches.remove(opened)


def _hook() -> None:
    """Listen, once a process: an audit hook cannot be taken back."""
    with _lock:
        if not _hooked:
            sys.addaudithook(_listen)
            _follow_threads()
            _hooked.append(True)


def _follow_threads() -> None:
    """Note which watch a thread is started in: no event tells that before Python 3.12."""
    start = threading.Thread.start

    @functools.wraps(start)
    def noted(thread: threading.Thread) -> None:
        opened = _active.get()
        for found in (_of_thread() if opened is None else [opened])[:1]:
            with _threads:
                _started[thread] = found
        start(thread)

    threading.Thread.start = noted  # type: ignore[assignment,method-assign]  # it does the same


def _listen(
    event: str,
    arguments: tuple[Any, ...],
    # Bound here, for the hook still runs when the interpreter has cleared this module.
    _events: frozenset[str] = _EVENTS,
    _active: ContextVar[Opened | None] = _active,
    _watches: list[Opened] = _watches,
) -> None:
    if event in _events and _watches:
        try:
            opened = _active.get()
            for found in _of_thread() if opened is None else [opened]:
                found.event(event, arguments)
        except Exception:
            return


def _of_thread() -> list[Opened]:
    """The watches that a thread outside their contexts counts for."""
    ident = threading.get_ident()
    with _threads:
        started = list(_started.items())
    for thread, opened in started:
        if thread.ident == ident and thread.is_alive():
            return [opened] if opened in _watches else list(_watches)
    return []


def _reads(mode: object, flags: object, *, exists: bool) -> bool:
    """Whether an open can see what the file held before."""
    if not exists:
        return False
    bits = flags if isinstance(flags, int) else 0
    if isinstance(mode, str):
        return "r" in mode or ("a" in mode and "+" in mode)
    if bits & os.O_ACCMODE == os.O_WRONLY:
        return False
    return not bits & _EMPTIES


def _is_file(path: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return False


def _within(file: str, path: str) -> bool:
    return file == path or file.startswith(path.rstrip(os.sep) + os.sep)


def _absolute(path: Any) -> str:
    return os.path.abspath(os.fsdecode(path))
