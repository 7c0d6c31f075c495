from __future__ import annotations

import csv
import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from begat.lineage.content import delimited
from begat.lineage.errors import DataError

cells = st.text(
    st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), min_size=1, max_size=5
).filter(str.strip)
grids = st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=6)
)


def text(rows: list[list[str]], quoting: int) -> str:
    buffer = io.StringIO()
    header = [f"c{n}" for n in range(len(rows[0]))]
    csv.writer(buffer, lineterminator="\n", quoting=quoting).writerows([header, *rows])  # type: ignore[arg-type]  # one of csv's own numbers
    return buffer.getvalue()


@given(grids, st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
def test_what_pandas_reads(rows: list[list[str]], quoting: int) -> None:
    """A whole table is read as pandas reads it, commas, quotes and line breaks in it or not."""
    data = text(rows, quoting).encode()
    expected = pd.read_csv(io.BytesIO(data))

    pd.testing.assert_frame_equal(delimited.read(data, name="x.csv"), expected)


@given(grids, st.data())
def test_any_short_row(rows: list[list[str]], data: st.DataObject) -> None:
    """A record that lost a field is refused, wherever it is."""
    at = data.draw(st.integers(0, len(rows) - 1))
    short = [row[:-1] if n == at else row for n, row in enumerate(rows)]
    whole = text(rows, csv.QUOTE_ALL).splitlines(keepends=True)[0]
    broken = whole + text([["c"] * len(rows[0]), *short], csv.QUOTE_ALL).split("\n", 2)[2]

    with pytest.raises(DataError, match="fields in line"):
        delimited.read(broken.encode(), name="x.csv")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "x.csv is empty"),
        (b"\n \n", "x.csv is empty"),
        (b"\xef\xbb\xbf", "x.csv is empty"),
        (b"a,b\n", "has a header and no rows"),
        (b"a;b\n1;2\n", "separated by a semicolon, not by commas"),
        (b"a\tb\n1\t2\n", "separated by a tab, not by commas"),
        (b"a|b\n1|2\n", "separated by a bar, not by commas"),
        (b"a,b,a\n1,2,3\n", "has the column 'a' twice"),
        (b"a,b\n1,2\n3", "1 fields in line 3 and 2 in its header; it was cut short"),
        (b"a,b\r\n1,2\r\n3", "1 fields in line 3 and 2 in its header; it was cut short"),
        (b"a,b,c\n1,2,3\n4,5\n6,7,8\n", "2 fields in line 3 .* mend that line"),
        (b"a,b\n1,2,3\n", "3 fields in line 2 and 2 in its header"),
        (b"a,b\n1,2\n3,4,5\n", "Expected 2 fields in line 3, saw 3"),
        (b'a,b\n1,"x, y"\n3\n', "1 fields in line 3"),
        (b'a,b\n1,"x\ny"\n3', "1 fields in line 4 .* cut short"),
        (b'a,b\n1,"open\n3,4\n', "a quote that opens in row 1 is never closed"),
        (b"a,b\n1,\xe9\n", r"not UTF-8: byte 0xe9 at offset 6 \(line 2\)"),
        (b"\xef\xbb\xbfa,b\n1,\xe9\n", r"byte 0xe9 at offset 9 \(line 2\)"),
        (b"\x1f\x8b\x08\x00", "not UTF-8: byte 0x8b at offset 1"),
        (b"a,b\n1,\0\n", "not text: a zero byte at offset 6"),
    ],
)
def test_bad_text(data: bytes, message: str) -> None:
    """Every way in which a file can be broken has one line that says where."""
    with pytest.raises(DataError, match=message) as raised:
        delimited.read(data, name="x.csv")
    assert str(raised.value).startswith("x.csv")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("data", "columns", "rows"),
    [
        (b"a,b\n1,2", ["a", "b"], 1),
        (b"a,b\n1,2\n\n", ["a", "b"], 1),
        (b"a,b\n\n1,2\n \n3,4\n", ["a", "b"], 2),
        (b"\xef\xbb\xbfa,b\r\n1,2\r\n", ["a", "b"], 1),
        (b"a,b\r1,2\r3,4\r", ["a", "b"], 2),
        (b'a,b\n5" pipe,2\n3,4\n', ["a", "b"], 2),
        (b'a,b\n1,"say ""hi"", then"\n', ["a", "b"], 1),
        (b'"a, b",c\n1,2\n', ["a, b", "c"], 1),
        (b"a\n1\n2\n", ["a"], 2),
        (b"a,b\n1,\n,2\n", ["a", "b"], 2),
        (b"a;b,c\n1,2\n", ["a;b", "c"], 1),
    ],
)
def test_odd_but_whole(data: bytes, columns: list[str], rows: int) -> None:
    """Blank lines, a byte order mark, any line ending and quotes in odd places are no errors."""
    frame = delimited.read(data, name="x.csv")

    assert (list(frame.columns), len(frame)) == (columns, rows)


def test_one_dtype_a_column() -> None:
    """A column whose type changes far down is one type, without a warning."""
    data = b"a\n" + b"1\n" * 600_000 + b"x\n"

    assert delimited.read(data, name="x.csv")["a"].iloc[0] == "1"
