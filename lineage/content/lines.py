"""JSON lines as a table: one object a line, a column for each name.

A name that a line leaves out is missing there. Values keep the types that JSON gives them:
nothing is guessed from strings, so neither "007" nor "2013-01-01" is taken for something else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import isinf
from typing import TYPE_CHECKING, Any, NoReturn

from ..errors import DataError

if TYPE_CHECKING:
    from pandas import DataFrame

_BOM = b"\xef\xbb\xbf"
_CUT = "it was cut short: write it again"
#: Beyond this not every whole number is a float.
_EXACT = 2**53


def read(data: bytes, *, name: str) -> DataFrame:
    """The table that JSON lines hold.

    Args:
        data: UTF-8 with or without a byte order mark; blank lines do not count.
        name: of the file or partition, for errors.

    Raises:
        DataError: a line is no JSON object, or there is none; the message says which.
    """
    import pandas as pd

    records = list(_records(data, name=name))
    names = list(dict.fromkeys(key for record in records for key in record))
    try:
        frame = pd.DataFrame(records, columns=names)
    except UnicodeEncodeError as error:
        raise DataError(
            f"{name} holds the lone surrogate U+{ord(error.object[error.start]):04X}, half a "
            "character; mend it"
        ) from None
    for column in frame.columns[frame.dtypes == "float64"]:
        if (frame[column].abs() >= _EXACT).any():
            values = [record.get(column) for record in records]
            if any(type(value) is int and abs(value) > _EXACT for value in values):
                frame[column] = pd.Series(values, dtype=object)
    return frame


def columns(data: bytes, *, name: str) -> list[str]:
    """The names in any line, in the order they come.

    Raises:
        DataError: as for `read`.
    """
    return list(dict.fromkeys(key for record in _records(data, name=name) for key in record))


def _records(data: bytes, *, name: str) -> Iterator[dict[str, Any]]:
    decode = json.JSONDecoder(
        object_pairs_hook=_object, parse_float=_finite, parse_constant=_no_number
    ).decode
    empty = True
    for number, line in enumerate(data.removeprefix(_BOM).split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            record = decode(line.decode("utf-8").strip())
        except UnicodeDecodeError as error:
            cut = error.end == len(line) and _is_last(data, number)
            raise DataError(
                f"{name} is not UTF-8: byte 0x{line[error.start]:02x} in line {number}; "
                + (_CUT if cut else "convert it, for instance with iconv -t UTF-8")
            ) from None
        except (ValueError, RecursionError) as error:
            raise DataError(
                f"{name} has no JSON in line {number} ({_reason(error)}); "
                + (_CUT if _is_last(data, number) else "mend it")
            ) from None
        if not isinstance(record, dict):
            raise DataError(
                f"{name} has {_kind(record)} in line {number}; JSON lines have one object a line"
            )
        if record:
            empty = False
        yield record
    if empty:
        raise DataError(f"{name} has no rows; write it again or remove it")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for i, key in enumerate(keys) if key in keys[:i])
        raise ValueError(f"the key {twice!r} twice")
    return found


def _finite(text: str) -> float:
    value = float(text)
    if isinf(value):
        raise ValueError(f"a number too large for a float, {text[:20]}")
    return value


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text}, a number that JSON does not have")


def _is_last(data: bytes, number: int) -> bool:
    return not data.endswith(b"\n") and data.count(b"\n") == number - 1


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        said = error.msg.removesuffix(" at")
        return f"{said[0].lower()}{said[1:]} at column {error.colno}"
    return str(error).partition("\n")[0]


def _kind(value: object) -> str:
    names = {list: "a list", str: "a string", bool: "a truth value", type(None): "null"}
    return names.get(type(value), "a number")
