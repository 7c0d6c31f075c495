"""Snapshots as chunks of rows with two Merkle roots.

Where one chunk ends and the next begins depends on partition keys alone, so a
changed version moves no boundary, and an added partition at most splits one chunk.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from blake3 import blake3

from ..errors import DataError
from ..records import Snapshot
from .digest import digest_bytes, is_digest

#: Rows of a chunk, on average.
CHUNK_ROWS = 64

#: Partition, digest of its version, id of the run that made it.
Row = tuple[str, str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Chunk:
    """Some consecutive rows of a snapshot, under the digests of what they say."""

    #: Digest over partitions and versions: what recipes and diffs compare.
    content: str
    #: Digest over partitions, versions and producers: what closures follow.
    lineage: str
    rows: tuple[Row, ...]

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Chunk:
        """The chunk that these rows make."""
        rows = tuple(rows)
        return cls(
            content=_digest([[partition, version] for partition, version, _ in rows]),
            lineage=_digest(rows),
            rows=rows,
        )

    def to_json(self) -> str:
        """The rows with both digests, as JSON text."""
        document = {"content": self.content, "lineage": self.lineage, "rows": self.rows}
        return json.dumps(document, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Chunk:
        """The chunk that `to_json` wrote.

        Raises:
            DataError: it is not one, or its rows are not what its digests say.
        """
        try:
            document = json.loads(text)
            rows = [(str(p), str(v), str(run)) for p, v, run in document["rows"]]
            claimed = (document["content"], document["lineage"])
        except (ValueError, TypeError, KeyError) as error:
            raise DataError(f"not a chunk of a snapshot ({error}); send it again") from None
        chunk = cls.of(rows)
        if not _well_formed(rows) or claimed != (chunk.content, chunk.lineage):
            raise DataError(
                f"chunk {claimed[1]} of a snapshot does not hold the rows that its digests say; "
                "send it again"
            )
        return chunk


@dataclass(frozen=True, kw_only=True, slots=True)
class Roots:
    """What identifies a snapshot."""

    #: Changes when a partition or its version does.
    content: str
    #: Changes when a producer does, too.
    lineage: str
    #: Partitions.
    count: int


def chunks(snapshot: Snapshot) -> list[Chunk]:
    """The snapshot's rows, cut into chunks, in order."""
    rows = [(v.partition, v.digest, v.producer) for v in snapshot.versions]
    return [Chunk.of(part) for part in _cut(rows)]


def roots(snapshot: Snapshot) -> Roots:
    """Both roots over the snapshot's chunks."""
    return roots_of(chunks(snapshot))


def roots_of(parts: Sequence[Chunk]) -> Roots:
    """Both roots over chunks that are already there."""
    return Roots(
        content=_digest([chunk.content for chunk in parts]),
        lineage=_digest([chunk.lineage for chunk in parts]),
        count=sum(len(chunk.rows) for chunk in parts),
    )


def _cut(rows: Sequence[Row]) -> Iterator[list[Row]]:
    part: list[Row] = []
    for row in rows:
        if part and _starts_chunk(row[0]):
            yield part
            part = []
        part.append(row)
    yield part


def _starts_chunk(partition: str) -> bool:
    head = blake3(partition.encode("utf-8", "surrogatepass")).digest(length=8)
    return int.from_bytes(head, "big") % CHUNK_ROWS == 0


def _digest(document: object) -> str:
    return digest_bytes(json.dumps(document, separators=(",", ":")).encode())


def _well_formed(rows: Sequence[Row]) -> bool:
    return (
        bool(rows)
        and all(is_digest(version) for _, version, _ in rows)
        and all(a[0] < b[0] for a, b in pairwise(rows))
    )
