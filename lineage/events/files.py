"""Event texts out of files: one a line, a JSON array of them, or one document; also gzipped.

A file of any size is read with the memory that its largest event takes. What is no event is
found out by whoever parses the texts: here they are only told apart.
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Protocol, cast

#: Bytes of the longest event that is taken; what is longer is no event.
LONGEST = 256 << 20
#: Bytes that are read at a time.
_READ = 1 << 20
_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_SPACE = b" \t\r\n"
_TOO_LONG = f"longer than {LONGEST >> 20} MiB; send less in one event"
# Up to the next bracket, over whole strings; a quote there begins one that is not whole yet.
_TO_BRACKET = re.compile(rb'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)


class _Bytes(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...
    def readline(self, size: int = ..., /) -> bytes: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """The text of what should be an event, or why there is none."""

    #: On which line of the file it begins, from 1.
    line: int
    text: bytes = b""
    #: Why it cannot be read; empty if it can.
    reason: str = ""


class Reading:
    """An open file of events, plain or gzipped.

    Args:
        raw: the file.
    """

    def __init__(self, raw: io.BufferedReader) -> None:
        self._raw = raw
        packed = raw.peek(2)[:2] == _GZIP
        self._file = cast("io.BufferedReader", gzip.GzipFile(fileobj=raw)) if packed else raw
        self._line = 1

    @property
    def position(self) -> int:
        """How many bytes of the file have been read; 0 where that is not known."""
        try:
            return self._raw.tell()
        except OSError:
            return 0

    def __iter__(self) -> Iterator[Found]:
        """Every text in it, in order.

        Raises:
            OSError: it cannot be read.
        """
        try:
            yield from self._texts()
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            says = f"the compressed file is cut short or damaged here ({error}); get it whole"
            yield Found(line=self._line, reason=says)

    def _texts(self) -> Iterator[Found]:
        head = self._skip_blanks()
        if head == b"[":
            yield from self._told(documents(self._file, line=self._line))
            return
        first = self._file.readline(LONGEST + 1)
        second = b"" if _is_whole(first) else self._file.readline(LONGEST + 1)
        before = _Before(first + second, self._file)
        if second and _is_open(first) and not second.startswith(b"{"):
            yield from self._told(documents(before, line=self._line))
        else:
            yield from self._told(_lines(before, line=self._line))

    def _told(self, found: Iterator[Found]) -> Iterator[Found]:
        for one in found:
            self._line = one.line
            yield one

    def _skip_blanks(self) -> bytes:
        """Go to the first character that is not blank; that one."""
        if self._file.peek(3)[:3] == _BOM:
            self._file.read(3)
        while (head := self._file.peek(1)[:1]) and head in _SPACE:
            self._line += self._file.read(1) == b"\n"
        return head


@contextmanager
def reading(path: Path | None, stdin: BinaryIO) -> Iterator[Reading]:
    """A file of events; stdin for no path.

    Raises:
        OSError: it cannot be read.
    """
    if path is None:
        yield Reading(cast("io.BufferedReader", stdin))  # which it is
        return
    with open(path, "rb") as file:
        yield Reading(file)


def documents(file: _Bytes, *, line: int = 1) -> Iterator[Found]:
    """The objects that JSON documents are, or that they list, one after another.

    Args:
        file: read to its end.
        line: the number of its first line.
    """
    scanner = _Scanner(line)
    while more := file.read(max(_READ, scanner.waiting)):  # twice as much, if one does not fit
        yield from scanner.feed(more)
        if scanner.waiting > LONGEST:
            yield Found(line=scanner.line, reason=f"{_TOO_LONG}; what follows it is not read")
            return
    yield from scanner.end()


class _Scanner:
    """Cuts bytes where objects begin and end, by their brackets alone.

    Args:
        line: the number of the first line.
    """

    def __init__(self, line: int) -> None:
        #: On which line what has not been cut off yet begins.
        self.line = line
        self._data = b""
        self._start = 0
        self._at = 0  # up to where brackets have been looked for
        self._depth = 0  # of brackets inside an object
        self._listed = False

    @property
    def waiting(self) -> int:
        """Bytes of an object that has no end yet."""
        return len(self._data) - self._start

    def feed(self, more: bytes) -> Iterator[Found]:
        """What ends in these bytes."""
        self._data = self._data[self._start :] + more
        self._at, self._start = self._at - self._start, 0
        while bracket := self._next():
            if self._depth:
                self._at += 1
                self._depth += 1 if bracket in b"{[" else -1
                if not self._depth:
                    yield self._cut()
            else:
                yield from self._outside(bracket)

    def end(self) -> Iterator[Found]:
        """What is left when there are no more bytes."""
        if self._depth:
            yield Found(line=self.line, reason="the file ends in the middle of it; get it whole")
            return
        self._at = len(self._data)
        yield from self._stray()
        if self._listed:
            says = "the file ends in the middle of its list; get it whole"
            yield Found(line=self.line, reason=says)

    def _next(self) -> bytes:
        found = _TO_BRACKET.match(self._data, self._at)
        self._at = found.end() if found else self._at
        bracket = self._data[self._at : self._at + 1]
        return b"" if bracket == b'"' else bracket

    def _outside(self, bracket: bytes) -> Iterator[Found]:
        """A bracket that is in no object: one begins, or a list does or ends."""
        yield from self._stray()
        self._at += 1
        if bracket == b"{" or (bracket == b"[" and self._listed):
            self._depth = 1
        elif (bracket == b"[") != self._listed and bracket != b"}":
            self._listed = bracket == b"["
            self._cut()
        else:
            yield self._cut()

    def _stray(self) -> Iterator[Found]:
        """What stands between objects, where only commas should."""
        found = self._cut()
        if text := found.text.strip(b"," + _SPACE):
            line = found.line + found.text.partition(text)[0].count(b"\n")
            yield Found(line=line, text=text)

    def _cut(self) -> Found:
        found = Found(line=self.line, text=self._data[self._start : self._at])
        self.line += found.text.count(b"\n")
        self._start = self._at
        return found


def _lines(file: _Bytes, *, line: int) -> Iterator[Found]:
    """One text a line; a line may also be a list of them."""
    while text := file.readline(LONGEST + 1):
        if len(text) > LONGEST:
            yield Found(line=line, reason=_TOO_LONG)
            while text and not text.endswith(b"\n"):
                text = file.readline(_READ)
        elif (stripped := text.strip()).startswith(b"["):
            for one in documents(io.BytesIO(stripped)):
                yield replace(one, line=line)
        elif stripped:
            yield Found(line=line, text=stripped)
        line += 1


class _Before:
    """A file with what has been read of it put back in front."""

    def __init__(self, head: bytes, file: _Bytes) -> None:
        self._head = io.BytesIO(head)
        self._file = file

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes; none at the end."""
        return self._head.read(size) or self._file.read(size)

    def readline(self, size: int = -1, /) -> bytes:
        """The next line, or the beginning of it."""
        # What was put back are whole lines, or all there is.
        return self._head.readline(size) or self._file.readline(size)


def _is_whole(line: bytes) -> bool:
    """Whether as many brackets end in a line as begin."""
    scanner = _Scanner(1)
    return bool([*scanner.feed(line.strip())]) and not scanner.waiting


def _is_open(line: bytes) -> bool:
    """Whether a line ends as those of indented JSON do."""
    return line.rstrip().endswith((b"{", b"[", b","))
