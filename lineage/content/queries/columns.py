"""Values as a database's driver gives them, in Arrow's types: exactly, or refused by name.

| in the database | in Parquet |
|---|---|
| whole numbers | int64 |
| floating point numbers | double, and float where the database has no more |
| decimals | decimal of the column's precision and scale; else of 38 digits, 18 behind the point |
| texts, names, UUIDs, values of an enumeration | string |
| bytes | binary |
| dates, times | date, time in microseconds |
| timestamps | timestamp in microseconds; those with a zone in UTC |
| NULL | null |

PostgreSQL says which types its columns have. Where a database does not, as SQLite, a column
has the type of its values, all partitions together.
"""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

#: Of a decimal whose column says no precision and scale.
_PRECISION, _SCALE = 38, 18
#: PostgreSQL's own types by their number in `pg_type`.
_POSTGRESQL = {
    16: "bool",
    **dict.fromkeys((20, 21, 23, 26), "int"),
    **dict.fromkeys((18, 19, 25, 1042, 1043, 2950), "str"),
    17: "bytes",
    700: "float32",
    701: "float",
    1700: "decimal",
    1082: "date",
    1083: "time",
    1114: "timestamp",
    1184: "timestamptz",
}
#: Below this number types are PostgreSQL's own; above, enumerations and the like come as texts.
_OWN_TYPES = 16384
_KINDS: Mapping[type, str] = {
    bool: "bool",
    int: "int",
    float: "float",
    str: "str",
    uuid.UUID: "str",
    bytes: "bytes",
    bytearray: "bytes",
    memoryview: "bytes",
    decimal.Decimal: "decimal",
    datetime.date: "date",
    datetime.time: "time",
    datetime.datetime: "timestamp",
}
_CONVERTED: Mapping[type, Callable[[Any], Any]] = {
    uuid.UUID: str,
    bytearray: bytes,
    memoryview: bytes,
}
#: What a driver makes of a kind that Python has no type for.
_AS_READ = {"float32": "float"}


@dataclass(kw_only=True, slots=True)
class Column:
    """One column of an answer, whose values come in blocks."""

    name: str
    #: What it holds; empty if only its values tell.
    kind: str = ""
    #: Of a decimal.
    precision: int = _PRECISION
    scale: int = _SCALE
    _blocks: list[Any] = field(default_factory=list)
    _found: set[str] = field(default_factory=set)

    def add(self, values: Sequence[Any]) -> None:
        """Take in the next values.

        Raises:
            DataError: one of them cannot be kept exactly; names the column.
        """
        import pyarrow as pa

        types = set(map(type, values)) - {type(None)}
        if unknown := sorted(one.__name__ for one in types - _KINDS.keys()):
            raise self._refused(f"holds values of the type {unknown[0]}", "TEXT")
        kinds = {_kind(one, values) for one in types}
        if self.kind and (wrong := sorted(kinds - {self.kind, _AS_READ.get(self.kind, "")})):
            raise self._refused(f"is of the type {self.kind} and holds {wrong[0]} values", "TEXT")
        self._found |= kinds
        kind = self.kind or self._common(kinds)
        if any(one in _CONVERTED for one in types):
            values = [_CONVERTED.get(type(value), _itself)(value) for value in values]
        if kind == "float" and "int" in kinds:
            self._check_whole(values)
        try:
            self._blocks.append(pa.array(values, self._arrow(kind)))
        except (pa.ArrowException, OverflowError, ValueError, TypeError) as error:
            raise self._not_exact(kind, error) from None

    def array(self) -> pa.ChunkedArray:
        """All its values.

        Raises:
            DataError: no type holds all of them exactly; names the column.
        """
        import pyarrow as pa

        kind = self.kind or self._common(self._found)
        wanted = self._arrow(kind)
        try:
            return pa.chunked_array([block.cast(wanted) for block in self._blocks], wanted)
        except pa.ArrowException as error:
            raise self._not_exact(kind, error) from None

    def _common(self, kinds: set[str]) -> str:
        """What holds values of all these kinds; empty if there are none."""
        if len(kinds) > 1 and kinds != {"int", "float"}:
            raise self._refused(f"holds {' and '.join(sorted(kinds))} values", "TEXT")
        return "float" if len(kinds) > 1 else next(iter(kinds), "")

    def _arrow(self, kind: str) -> pa.DataType:
        import pyarrow as pa

        if kind == "decimal":
            wide = pa.decimal256 if self.precision > 38 else pa.decimal128
            return wide(self.precision, self.scale)
        plain: dict[str, Callable[[], pa.DataType]] = {
            "": pa.null,
            "bool": pa.bool_,
            "int": pa.int64,
            "float": pa.float64,
            "float32": pa.float32,
            "str": pa.large_string,
            "bytes": pa.large_binary,
            "date": pa.date32,
            "time": lambda: pa.time64("us"),
            "timestamp": lambda: pa.timestamp("us"),
            "timestamptz": lambda: pa.timestamp("us", tz="UTC"),
        }
        return plain[kind]()

    def _check_whole(self, values: Sequence[Any]) -> None:
        for value in values:
            if isinstance(value, int) and int(float(value)) != value:
                raise self._refused(f"holds {value}, which no floating point number is", "TEXT")

    def _not_exact(self, kind: str, error: Exception) -> DataError:
        said = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        if kind == "decimal":
            digits = f"{self.precision} digits, {self.scale} of them behind the point"
            return self._refused(
                f"holds a decimal that {digits} do not say ({said})", "NUMERIC(p, s)"
            )
        return self._refused(
            f"holds a value that is no {kind or 'value'} of 64 bits ({said})", "TEXT"
        )

    def _refused(self, why: str, cast: str) -> DataError:
        return DataError(
            f"column {self.name!r} of the query {why}, which cannot be kept exactly; "
            f"CAST(… AS {cast}) in the query"
        )


def described(description: Sequence[Any], dialect: str) -> list[Column]:
    """The columns of an answer, as far as its description tells their types.

    Args:
        description: of a cursor.
        dialect: the database's.

    Raises:
        DataError: a column has a name twice, or a type that cannot be kept.
    """
    columns: dict[str, Column] = {}
    for one in description:
        name = str(one[0])
        if name in columns:
            raise DataError(f"the query has the column {name!r} twice; rename one of them (AS …)")
        column = columns[name] = Column(name=name)
        if dialect == "postgresql" and isinstance(one[1], int):
            _describe(column, one)
    return list(columns.values())


def _describe(column: Column, one: Any) -> None:
    number, precision, scale = one[1], one[4], one[5]
    if number not in _POSTGRESQL:
        if number < _OWN_TYPES:
            named = getattr(one, "type_display", number)
            raise column._refused(f"is of PostgreSQL's type {named}", "TEXT")
        column.kind = "str"
        return
    column.kind = _POSTGRESQL[number]
    if column.kind == "decimal" and precision:
        column.precision, column.scale = precision, scale or 0
        if precision > 76 or not 0 <= column.scale <= precision:
            raise column._refused(f"is NUMERIC({precision}, {scale})", "TEXT")


def _itself(value: Any) -> Any:
    return value


def _kind(one: type, values: Sequence[Any]) -> str:
    if one is datetime.datetime:
        zoned = {v.tzinfo is not None for v in values if isinstance(v, datetime.datetime)}
        if len(zoned) > 1:
            return "timestamp with and without a zone"
        return "timestamptz" if zoned == {True} else "timestamp"
    return _KINDS[one]
