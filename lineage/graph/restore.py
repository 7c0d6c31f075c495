"""Taking back what `export` wrote, into an empty store or one that holds something.

The file is read through before anything of it is taken: what is wrong in it, or is another
thing here, is told by name, and then nothing has changed. After that its chunks and events
come in transactions of their own, as anybody's do, and its records in one at the end. So an
import that is interrupted goes on when it is run again, and one that is run twice is one.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from ..content.digest import digest_bytes
from ..content.merkle import Chunk
from ..errors import DataError, EventError
from ..events.canonical import read
from . import stages
from .connection import Connection
from .export import FORMAT, VERSION
from .facts import Facts, facts
from .keeping import RECORDS, TOKEN
from .stages import STAGES
from .store import Origin, Store

_RECORDS = {kept.table: kept for kept in (*RECORDS, TOKEN)}
_GZIP = b"\x1f\x8b"
#: Events and chunks that are committed together, and bytes of them.
_AT_ONCE, _BYTES = 500, 8 << 20

#: Is told what is done (`reading` or `taking`), and how many lines of it.
Tell = Callable[[str, int], None]


@dataclass(kw_only=True, slots=True)
class Restored:
    """What came of a file."""

    #: Events that were not here, and those that were.
    stored: int = 0
    known: int = 0
    chunks: int = 0
    #: Models, versions, aliases, …
    records: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Line:
    number: int
    table: str
    row: Mapping[str, Any]


def restore(
    store: Store, path: Path, *, tokens: bool = False, tell: Tell = lambda *_: None
) -> Restored:
    """Take what a file holds that `export.lines` wrote; gzipped if it is.

    Args:
        store: where it goes.
        path: of the file, which is read twice.
        tokens: take access tokens, too, if it has any.
        tell: is told how far it is.

    Raises:
        DataError: it is not such a file, is not whole, or says otherwise than the store what was
            said once and for all; nothing of it was taken.
        OSError: it cannot be read.
        StoreError: the store failed; the same import goes on from there.
    """
    restored = Restored()
    _survey(store, path, tokens=tokens, tell=tell)
    batch: list[_Line] = []
    weight = 0
    for line in _lines(path, tell=lambda number: tell("taking", number)):
        if line.table not in ("chunk", "event"):
            continue
        batch.append(line)
        weight += len(line.row["body"])
        if len(batch) >= _AT_ONCE or weight >= _BYTES:
            _take(store, batch, restored)
            batch, weight = [], 0
    _take(store, batch, restored)
    with store.write() as db:
        for line in _head(path, tokens=tokens):
            kept = _RECORDS[line.table]
            kept.check(db, line.row)
            # Stages follow from the log: another version may be in Production here by now.
            kept.add(db, {**line.row, "stage": STAGES[0]} if "stage" in line.row else line.row)
            restored.records += 1
        if _acts(db):
            # An older file brings back a name that was taken away since.
            stages.settle(db)
    return restored


def _acts(db: Connection) -> int:
    (count,) = db.execute("SELECT COUNT(*) FROM audit", {}).fetchone()
    return int(count)


def _survey(store: Store, path: Path, *, tokens: bool, tell: Tell) -> None:
    """Read the whole file, and see that all of it can be taken."""
    for line in _lines(path, tell=lambda number: tell("reading", number)):
        try:
            if line.table == "event":
                _event(line.row)
            elif line.table == "chunk":
                _chunk(line.row)
            elif tokens or line.table != TOKEN.table:
                with store.read() as db:
                    _RECORDS[line.table].check(db, line.row)
        except (DataError, EventError) as error:
            raise DataError(f"{path.name}, line {line.number}: {error}") from None
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise _unlike(path, line.number, f"{type(error).__name__}: {error}") from None


def _take(store: Store, batch: list[_Line], restored: Restored) -> None:
    read = [_chunk(one.row) if one.table == "chunk" else _event(one.row) for one in batch]
    new = 0
    with store.ingesting() as ingest:
        for one in read:
            if isinstance(one, Chunk):
                ingest.add_chunk(one)
            else:
                new += ingest.add_event(*one)
    events = sum(not isinstance(one, Chunk) for one in read)
    restored.stored += new
    restored.known += events - new
    restored.chunks += len(read) - events


def _event(row: Mapping[str, Any]) -> tuple[Facts, str, Origin]:
    body, origin, name = row["body"], row["origin"], row["hash"]
    event, canonical = read(body)
    if digest_bytes(canonical.encode()) != name:
        raise DataError(f"event {name} is not what its hash says; take the file from elsewhere")
    if origin not in ("recorded", "ingested"):
        raise DataError(f"an event's origin is recorded or ingested; got {origin!r}")
    return facts(event, name), body, cast("Origin", origin)


def _chunk(row: Mapping[str, Any]) -> Chunk:
    chunk = Chunk.from_json(row["body"])
    if (chunk.lineage, chunk.content) != (row["digest"], row["content"]):
        raise DataError(f"chunk {row['digest']} is not what its digest says; send it again")
    return chunk


def _head(path: Path, *, tokens: bool) -> Iterator[_Line]:
    """The records, which are before everything else."""
    for line in _lines(path, whole=False):
        if line.table in ("chunk", "event"):
            return
        if tokens or line.table != TOKEN.table:
            yield line


def _lines(
    path: Path, *, whole: bool = True, tell: Callable[[int], None] = lambda _: None
) -> Iterator[_Line]:
    """Every line but the first and the last, which say what they are and how many there were.

    Args:
        path: of the file.
        whole: whether it is an error that it ends too early.
        tell: is told how many lines have been read.
    """
    seen: Counter[str] = Counter()
    end: Mapping[str, int] | None = None
    with _opened(path) as file:
        _check_format(path, file.readline(1000))
        for number, text in enumerate(file, 2):
            if end is not None:
                raise _unlike(path, number, "it goes on behind its end")
            table, row = _parsed(path, number, text)
            if table == "end":
                end = row
                continue
            seen[table] += 1
            yield _Line(number=number, table=table, row=row)
            if number % _AT_ONCE == 0:
                tell(number)
    if whole and end != seen:
        raise DataError(
            f"{path.name} is cut short: it holds {_counted(seen)}, and its last line says "
            f"{_counted(end) if end else 'nothing'}; take the whole file"
        )


def _parsed(path: Path, number: int, text: bytes) -> tuple[str, Mapping[str, Any]]:
    try:
        [(table, row)] = json.loads(text).items()
    except (ValueError, AttributeError, RecursionError) as error:
        raise _unlike(path, number, str(error)) from None
    if table not in ("end", "chunk", "event", *_RECORDS) or not isinstance(row, dict):
        raise _unlike(path, number, f"{table!r} is no table of a store")
    return table, row


def _check_format(path: Path, text: bytes) -> None:
    try:
        said = json.loads(text)
        form, version = said["format"], said["version"]
    except (ValueError, TypeError, KeyError):
        form, version = "", 0
    if form != FORMAT:
        raise DataError(
            f"{path.name} is no export of a store; `begat db export --events FILE` writes one, and "
            "`begat ingest` takes events of other producers"
        )
    if version != VERSION:
        raise DataError(
            f"{path.name} has version {version} of the format, and this begat reads {VERSION}; "
            "upgrade begat"
        )


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    with open(path, "rb") as raw:
        packed = raw.peek(2)[:2] == _GZIP
        try:
            yield cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if packed else raw
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DataError(f"{path.name} is cut short ({error}); take the whole file") from None


def _unlike(path: Path, number: int, says: str) -> DataError:
    return DataError(
        f"{path.name}, line {number} is not as an export has it ({says}); take the file from "
        "elsewhere"
    )


def _counted(seen: Mapping[str, Any]) -> str:
    return ", ".join(f"{number} {table}" for table, number in seen.items()) or "nothing"
