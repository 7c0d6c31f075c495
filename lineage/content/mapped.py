"""A large file's bytes hashed where they lie in memory, for as long as nobody can change them.

Reading copies each byte once more, for a third of what BLAKE3 costs; a mapped page is not
copied. But when a mapped file is cut short, touching what was lost kills the process. So a
read lease is taken first: Linux holds back whoever opens the file to write it, or truncates
it, until the lease is given back (fcntl(2), F_SETLEASE). What gives no lease is not mapped:
a file that is open for writing or somebody else's, other systems, most network file systems.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

#: Bytes that are mapped at once. A writer that is held back waits for no more than this.
WINDOW = 8 << 20


class Hasher(Protocol):
    """What takes bytes."""

    def update(self, data: mmap.mmap, /) -> object:
        """Take in more of them."""


def update(hasher: Hasher, descriptor: int) -> int:
    """Feed a file's bytes to a hasher, from the start, as far as they may be mapped.

    Args:
        hasher: takes them.
        descriptor: of a regular file, opened to read only.

    Returns:
        How many were fed; what is behind them is to be read.
    """
    done = 0
    if sys.platform != "linux":
        return done
    with _lease(descriptor) as leased:
        # Asked under the lease: from now on it is no shorter.
        size = os.fstat(descriptor).st_size if leased else 0
        while done < size and fcntl.fcntl(descriptor, fcntl.F_GETLEASE) == fcntl.F_RDLCK:
            length = min(WINDOW, size - done)
            flags = mmap.MAP_SHARED | mmap.MAP_POPULATE
            try:
                window = mmap.mmap(descriptor, length, flags, mmap.PROT_READ, offset=done)
            except (OSError, ValueError):  # a file system that maps none, or it is shorter now
                break
            with window:
                hasher.update(window)
            done += length
    return done


@contextmanager
def _lease(descriptor: int) -> Iterator[bool]:
    """A read lease on an open file; whether there is one."""
    try:
        # The signal that somebody waits is one that is ignored: SIGIO would end the process.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError:
        yield False
        return
    try:
        yield True
    finally:
        with suppress(OSError):  # taken away from who kept it too long
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
