"""JSON lines as tables."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from begat.lineage import data, plain
from begat.lineage.content import lines, sources, tables
from begat.lineage.content.memory import MemoryStore
from begat.lineage.content.stat import StatCache
from begat.lineage.errors import DataError

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
records = st.lists(
    st.fixed_dictionaries({"n": st.integers(-(2**53), 2**53), "s": text, "b": st.booleans()}),
    min_size=1,
    max_size=6,
)


@given(records, st.sampled_from(["\n", "\r\n", "\n\n"]), st.booleans())
def test_what_was_written(rows: list[dict[str, object]], end: str, ascii_only: bool) -> None:
    """Records come back as they were written, types included, whatever ends the lines."""
    written = end.join(json.dumps(row, ensure_ascii=ascii_only) for row in rows).encode()
    frame = lines.read(written, name="x.jsonl")

    assert frame.to_dict("records") == rows


def test_nothing_is_guessed() -> None:
    """Strings stay strings, also those that look like numbers, dates or nothing."""
    frame = lines.read(b'{"a": "007", "b": "2013-01-01", "c": "NA"}\n', name="x.jsonl")

    assert frame.to_dict("records") == [{"a": "007", "b": "2013-01-01", "c": "NA"}]


def test_a_name_that_is_left_out() -> None:
    """A name that a line leaves out is missing there; columns come in the order of first use."""
    written = b'\xef\xbb\xbf{"b": 1}\n{"a": "x", "b": 2}\n{"b": null}'
    frame = lines.read(written, name="x.jsonl")

    assert lines.columns(written, name="x.jsonl") == list(frame) == ["b", "a"]
    pd.testing.assert_frame_equal(
        frame, pd.DataFrame({"b": [1.0, 2.0, None], "a": [None, "x", None]}), check_dtype=False
    )


@pytest.mark.parametrize("number", [2**53 + 1, -(2**53) - 1, 2**63 - 1, 10**30])
@pytest.mark.parametrize("rest", ['{"b": 1}', '{"id": null}', '{"id": 0.5}'])
def test_large_whole_numbers_keep_their_digits(number: int, rest: str) -> None:
    """Also beside a missing value or a fraction, where pandas would make them floating."""
    frame = lines.read(f'{{"id": {number}}}\n{rest}\n'.encode(), name="x.jsonl")

    assert frame["id"][0] == number
    assert isinstance(frame["id"][0], int)


def test_large_fractions_stay_floating() -> None:
    """What is written as a float is one, however large."""
    frame = lines.read(b'{"x": 1e300, "y": 1e20}\n{"x": null, "y": 1}\n', name="x.jsonl")

    assert [str(dtype) for dtype in frame.dtypes] == ["float64", "float64"]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (b"\n \n", "x.jsonl has no rows; write it again or remove it"),
        (b"{}\n{}\n", "x.jsonl has no rows"),
        (b'{"a": 1}\n{"a": }\n{}', r"no JSON in line 2 \(expecting value at column 7\); mend it"),
        (b'{"a": 1}\n\n{"a": 2', r"no JSON in line 3 \(.*\); it was cut short: write it again"),
        (b'{"a": 1} {"a": 2}\n', r"no JSON in line 1 \(extra data at column 10\)"),
        (b'{"a": NaN}\n', r"no JSON in line 1 \(NaN, a number that JSON does not have\)"),
        (b'{"a": 1, "b": 2, "a": 3}\n', r"line 1 \(the key 'a' twice\)"),
        (b'{"a": 1}\n[1, 2]\n', "has a list in line 2; JSON lines have one object a line"),
        (b"[\n{}\n]\n", r"no JSON in line 1"),
        (b"null\n", "has null in line 1"),
        (b"true\n", "has a truth value in line 1"),
        (b"1\n", "has a number in line 1"),
        (b'"a"\n', "has a string in line 1"),
        (b'{"a": "x"}\n{"a": "\xe9"}\n', "is not UTF-8: byte 0xe9 in line 2; convert it"),
        (b'{"a": "\\ud800"}\n', r"lone surrogate U\+D800"),
        (b"[" * 100_000, "no JSON in line 1"),
        (b'{"a": 1e999}\n', r"line 1 \(a number too large for a float, 1e999\); mend it"),
        (b'{"a": 1}\n{"a": "x', r"line 2 \(unterminated string starting at column 7\); it was cut"),
        (b'{"a": 1}\n{"a": "\xc3', "not UTF-8: byte 0xc3 in line 2; it was cut short"),
    ],
)
def test_refused(written: bytes, message: str) -> None:
    """What is no such table is refused by name and line, with the remedy."""
    with pytest.raises(DataError, match=message) as caught:
        lines.read(written, name="x.jsonl")
    assert str(caught.value).startswith("x.jsonl ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", ["jsonl", "ndjson"])
def test_a_source_of_json_lines(tmp_path: Path, suffix: str) -> None:
    """Files of both suffixes are tables, alone and as a partition of several."""
    store, cache = MemoryStore(), StatCache(tmp_path / "cache.db")
    for month, count in (("2013-01", 1), ("2013-02", 2)):
        for number in range(count):
            path = tmp_path / f"month={month}" / f"{number}.{suffix}"
            path.parent.mkdir(exist_ok=True)
            path.write_text('{"delay": 1.5, "carrier": "UA"}\n')
    pattern = f"month={{month}}/*.{suffix}"
    first, second = sources.snapshot(pattern, folder=tmp_path, cache=cache).versions
    for version in (first, second):
        sources.keep(version, store)

    assert (first.format, second.format) == ("jsonl", "jsonl+files")
    assert [len(tables.read_table(version, store)) for version in (first, second)] == [1, 2]
    assert tables.columns(first, store) == ["delay", "carrier"]
    with Path(first.location).open("rb") as file:
        assert tables.columns(first, file) == ["delay", "carrier"]
    assert tables.columns(second, store) == ["delay", "carrier"]


def test_a_task_reads_json_lines(tmp_path: Path) -> None:
    """`begat.lineage.read` gives a DataFrame for them."""
    (tmp_path / "flights.jsonl").write_text('{"delay": 1}\n{"delay": 2}\n')

    @plain.task
    def total(part: object) -> int:
        return int(data.read(part)["delay"].sum())  # type: ignore[arg-type]  # a reference

    with plain.flow("delays"):
        assert total(data.source("flights.jsonl", folder=tmp_path)) == 3
