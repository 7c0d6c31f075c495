from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from begat.lineage.content import merkle
from begat.lineage.content.digest import digest_bytes
from begat.lineage.content.merkle import Chunk
from begat.lineage.errors import DataError
from begat.lineage.records import DatasetVersion, Snapshot

#: Partition → (what its bytes are, who made them).
Rows = dict[str, tuple[int, str]]

partitions = st.one_of(
    st.integers(0, 9999).map(lambda n: f"day={n:04d}"),
    st.text(min_size=1, max_size=8).map(lambda s: f"key={s}"),
)
rows = st.dictionaries(
    partitions, st.tuples(st.integers(0, 3), st.sampled_from(["", "run-1"])), min_size=1
)


def snapshot(rows: Rows) -> Snapshot:
    return Snapshot(
        versions=tuple(
            DatasetVersion(
                namespace="begat",
                name="flights/prepared",
                partition=partition,
                digest=digest_bytes(b"%d" % content),
                size=1,
                producer=producer,
            )
            for partition, (content, producer) in sorted(rows.items())
        )
    )


def days(count: int) -> Rows:
    return {f"day={n:05d}": (n, "run-1") for n in range(count)}


@given(rows, st.randoms(use_true_random=False))
def test_order_of_construction(rows: Rows, random) -> None:  # type: ignore[no-untyped-def]  # random.Random
    """Roots depend on which rows there are, not on the order in which they were gathered."""
    items = list(rows.items())
    random.shuffle(items)

    assert merkle.roots(snapshot(dict(items))) == merkle.roots(snapshot(rows))


@given(rows)
def test_chunks_hold_the_rows(rows: Rows) -> None:
    """Chunks put end to end are the snapshot's rows, none of them empty."""
    parts = merkle.chunks(snapshot(rows))
    expected = [
        (partition, digest_bytes(b"%d" % content), producer)
        for partition, (content, producer) in sorted(rows.items())
    ]

    assert [row for chunk in parts for row in chunk.rows] == expected
    assert all(chunk.rows for chunk in parts)
    assert merkle.roots(snapshot(rows)).count == len(rows)


@given(rows, st.data())
def test_changed_version(rows: Rows, data: st.DataObject) -> None:
    """A change in one row changes exactly one chunk's digests, and both roots."""
    changed = data.draw(st.sampled_from(sorted(rows)))
    content, producer = rows[changed]
    before = snapshot(rows)
    after = snapshot(rows | {changed: (content + 1, producer)})
    pairs = list(zip(merkle.chunks(before), merkle.chunks(after), strict=True))

    assert sum(a.content != b.content for a, b in pairs) == 1
    assert sum(a.lineage != b.lineage for a, b in pairs) == 1
    assert merkle.roots(before).content != merkle.roots(after).content
    assert merkle.roots(before).lineage != merkle.roots(after).lineage


@given(rows, st.data())
def test_changed_producer(rows: Rows, data: st.DataObject) -> None:
    """The content root ignores who produced a version; the lineage root does not."""
    changed = data.draw(st.sampled_from(sorted(rows)))
    content, producer = rows[changed]
    before = merkle.roots(snapshot(rows))
    after = merkle.roots(snapshot(rows | {changed: (content, producer + "-again")}))

    assert after.content == before.content
    assert after.lineage != before.lineage


@given(rows, rows)
def test_equal_roots_equal_rows(a: Rows, b: Rows) -> None:
    """Two snapshots have one lineage root exactly when they have the same rows."""
    assert (merkle.roots(snapshot(a)).lineage == merkle.roots(snapshot(b)).lineage) == (a == b)


@given(st.integers(0, 1999))
def test_added_partition(day: int) -> None:
    """A partition more changes one chunk, or splits it in two: all others are shared."""
    all_days = days(2000)
    fewer = {k: v for k, v in all_days.items() if k != f"day={day:05d}"}
    before = {chunk.lineage for chunk in merkle.chunks(snapshot(fewer))}
    after = {chunk.lineage for chunk in merkle.chunks(snapshot(all_days))}

    assert len(before - after) <= 1
    assert len(after - before) <= 2


def test_chunk_size() -> None:
    """Chunks are about as long as they should be, on ten thousand days."""
    parts = merkle.chunks(snapshot(days(10_000)))

    assert 100 < len(parts) < 220
    assert max(len(chunk.rows) for chunk in parts) < 1000


def test_roots_are_pinned() -> None:
    """Stored roots stay valid: neither boundaries nor digests may change between versions."""
    roots = merkle.roots(snapshot(days(200)))

    assert (roots.content, roots.lineage, roots.count) == (
        "blake3:3ce8a4b5a5d0c486c89b0735a0291f9660143e6e2aad2f29ddf4b9678855829b",
        "blake3:49a58e45788a3f3d5304af3d9c99fa54b979f13682c4684a0f4b45ed62e42311",
        200,
    )


@given(rows)
def test_json_round_trip(rows: Rows) -> None:
    """A chunk comes back from its JSON as it was."""
    for chunk in merkle.chunks(snapshot(rows)):
        assert Chunk.from_json(chunk.to_json()) == chunk


@pytest.mark.parametrize("field", ["content", "lineage", "partition", "version", "producer"])
def test_tampered_chunk(field: str) -> None:
    """A chunk in which anything was changed is refused."""
    [chunk, *_] = merkle.chunks(snapshot(days(3)))
    document = json.loads(chunk.to_json())
    if field in document:
        document[field] = digest_bytes(b"another")
    else:
        position = ["partition", "version", "producer"].index(field)
        document["rows"][1][position] = digest_bytes(b"another")

    with pytest.raises(DataError, match="does not hold the rows"):
        Chunk.from_json(json.dumps(document))


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"rows": [[1]]}', '{"rows": 3}'])
def test_not_a_chunk(text: str) -> None:
    """What is no chunk at all is refused by one line."""
    with pytest.raises(DataError, match="not a chunk of a snapshot"):
        Chunk.from_json(text)


@pytest.mark.parametrize("keys", [["b", "a"], ["a", "a"]])
def test_chunk_out_of_order(keys: list[str]) -> None:
    """Rows out of order or twice are refused, although their digests are right."""
    chunk = Chunk.of([(key, digest_bytes(b""), "") for key in keys])

    with pytest.raises(DataError, match="does not hold the rows"):
        Chunk.from_json(chunk.to_json())
