"""CSV text as a table, refusing what pandas would silently bend into one.

pandas fills a short record with NaN, reads the first column as an index when a
record is long, renames a column that is there twice, and takes a file with
another delimiter for one column. Here each of these is an error.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from ..errors import DataError

if TYPE_CHECKING:
    from pandas import DataFrame

_BOM = b"\xef\xbb\xbf"
_OTHER_DELIMITERS = {";": "a semicolon", "\t": "a tab", "|": "a bar"}


def read(data: bytes, *, name: str) -> DataFrame:
    """The table that CSV text holds, with the dtypes that pandas gives it.

    Args:
        data: comma-separated, UTF-8 with or without a byte order mark, one header line.
        name: of the file or partition, for errors.

    Raises:
        DataError: it is no such text; the message says where.
    """
    import pandas as pd

    text = decode(data, name=name)
    header = columns(text, name=name)
    try:
        # low_memory reads in parts, and a column's parts may come out as different types.
        frame = pd.read_csv(io.BytesIO(data.removeprefix(_BOM)), low_memory=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(f"{name}: {_parser_error(str(error))}; mend the file") from None
    _check_rectangular(data.removeprefix(_BOM), text, len(header), name=name)
    if frame.empty:
        raise DataError(f"{name} has a header and no rows; write it again or remove it")
    return frame


def is_bare(data: bytes, *, name: str) -> bool:
    """Whether CSV text is a header and no rows, which is no table for `read`.

    Raises:
        DataError: it is no such text, or has no header.
    """
    text = decode(data, name=name)
    columns(text, name=name)
    return sum(1 for _ in islice(_records(text), 2)) == 1


def decode(data: bytes, *, name: str) -> str:
    """CSV text of UTF-8 bytes, without a byte order mark.

    Raises:
        DataError: they are not UTF-8; the message has the offset of the first byte that is not.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        offset = error.start + (len(_BOM) if data.startswith(_BOM) else 0)
        line = data.count(b"\n", 0, offset) + 1
        raise DataError(
            f"{name} is not UTF-8: byte 0x{data[offset]:02x} at offset {offset} (line {line}); "
            "convert it, for instance with iconv -t UTF-8"
        ) from None
    if (offset := data.find(b"\0")) >= 0:
        raise DataError(f"{name} is not text: a zero byte at offset {offset}; give a CSV file")
    return text


def columns(text: str, *, name: str) -> list[str]:
    """The names in the header line.

    Raises:
        DataError: there is none, a name is there twice, or another delimiter separates them.
    """
    header = next(_records(text), (0, []))[1]
    if not header:
        raise DataError(f"{name} is empty; write it again or remove it")
    if len(header) == 1:
        for delimiter, what in _OTHER_DELIMITERS.items():
            if delimiter in header[0]:
                raise DataError(
                    f"{name} is separated by {what}, not by commas; write it with commas"
                )
    if repeated := [column for column, count in Counter(header).items() if count > 1]:
        raise DataError(f"{name} has the column {repeated[0]!r} twice; rename one of them")
    return header


def _check_rectangular(data: bytes, text: str, width: int, *, name: str) -> None:
    """Refuse a record that has more or fewer fields than the header has names."""
    # What is outside quotes is every other part between them, doubled quotes included.
    parts = data.split(b'"')
    outside = data if len(parts) == 1 else b"".join(parts[::2])
    lines = outside.count(b"\n") + (not data.endswith(b"\n"))
    if outside.count(b",") == (width - 1) * lines:
        return
    # Blank lines, quotes inside a bare field and lone carriage returns count wrong: look closely.
    last = text.count("\n") + (not text.endswith("\n"))
    for line, record in _records(text):
        if len(record) != width:
            cut = line == last and len(record) < width and not text.endswith("\n")
            raise DataError(
                f"{name} has {len(record)} fields in line {line} and {width} in its header; "
                + ("it was cut short: write it again" if cut else "mend that line")
            )


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each record that is not blank, with the number of its last line."""
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        for record in reader:
            if record and (len(record) > 1 or record[0].strip()):
                yield reader.line_num, record
    except csv.Error:
        # A field of more than 128 kB: pandas has judged the rest of this file already.
        return


def _parser_error(message: str) -> str:
    if "EOF inside string" in message:
        row = message.rpartition(" ")[2]
        return f"a quote that opens in row {row} is never closed, or the file was cut short there"
    return message.removeprefix("Error tokenizing data. ").removeprefix("C error: ").strip()
