"""Tables: what a version's bytes hold, and the bytes that a table becomes."""

from __future__ import annotations

import io
import math
import re
from collections import Counter
from collections.abc import Callable
from numbers import Integral
from typing import TYPE_CHECKING, Any, BinaryIO

from ..errors import DataError
from ..records import DatasetVersion
from . import delimited, lines
from .manifest import Manifest
from .sources import FILES

if TYPE_CHECKING:
    from pandas import DataFrame, Series

    from .store import ArtifactStore

_QUANTILES = (0.25, 0.5, 0.75)
#: What pandas calls an index level that has no name, in the files that it writes.
_UNNAMED_INDEX = re.compile(r"__index_level_\d+__")


def read_table(version: DatasetVersion, store: ArtifactStore) -> DataFrame:
    """The table whose bytes these are, one row index from 0 whatever it was written with.

    The files of a partition of several are read in the order of their names
    and have to have the same columns, in any order.

    Raises:
        DataError: the bytes are no such table; the message names the file and what is wrong.
        ArtifactError: they are not in the store.
    """
    import pandas as pd

    read = _reader(version)
    data = store.read(version.digest)
    if not version.format.endswith(FILES):
        return read(data, name=_name(version))
    files = [
        (f"{_name(version)}: {file.name}", store.read(file.digest))
        for file in Manifest.from_bytes(data).files
    ]
    frames = {name: read(content, name=name) for name, content in files}
    first, *others = frames
    for name in others:
        _check_same_columns(frames[first], frames[name], first, name)
    return pd.concat(frames.values(), ignore_index=True)


def columns(version: DatasetVersion, source: ArtifactStore | BinaryIO) -> list[str]:
    """The names of a table's columns, from its header alone where `source` is its open file.

    JSON lines have no header: all of them are read.

    Raises:
        DataError: the header cannot be read, or has a name twice.
        ArtifactError: the bytes are not in the store.
    """
    _reader(version)
    name = _name(version)
    if isinstance(source, io.IOBase | BinaryIO):
        return _columns_of_file(source, version.format.removesuffix(FILES), name)
    data = source.read(version.digest)
    if version.format.endswith(FILES):
        file = Manifest.from_bytes(data).files[0]
        data, name = source.read(file.digest), f"{name}: {file.name}"
    if version.format.startswith("parquet"):
        return _parquet_columns(io.BytesIO(data), name)
    if version.format.startswith("jsonl"):
        return lines.columns(data, name=name)
    return delimited.columns(delimited.decode(data, name=name), name=name)


def to_parquet(frame: DataFrame) -> bytes:
    """The table as Parquet: equal tables are equal bytes, on one set of library versions.

    The row index is not written, nor are `attrs`. All strings get one dtype.

    Raises:
        DataError: a column cannot be written, or the index has a name and would be lost.
    """
    import pyarrow as pa

    plain = _plain(frame)
    buffer = io.BytesIO()
    try:
        plain.to_parquet(buffer, engine="pyarrow", compression="zstd", index=False)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        raise DataError(_unwritable(plain)) from None
    return buffer.getvalue()


def schema_of(frame: DataFrame) -> list[dict[str, Any]]:
    """The fields of OpenLineage's `schema` facet; types are pandas' own names."""
    return [
        {"name": str(name), "type": str(dtype), "ordinal_position": position}
        for position, (name, dtype) in enumerate(frame.dtypes.items(), start=1)
    ]


def column_metrics(frame: DataFrame) -> dict[str, Any]:
    """The body of OpenLineage's `dataQualityMetrics` facet.

    For every column its values, nulls and distinct values; for numeric ones
    sum, minimum, maximum and quartiles too, where they are finite.
    """
    return {
        "rowCount": len(frame),
        "columnMetrics": {str(name): _metrics(column) for name, column in frame.items()},
    }


def _metrics(column: Series[Any]) -> dict[str, Any]:
    import pandas as pd

    nulls = int(column.isna().sum())
    metrics: dict[str, Any] = {"count": len(column) - nulls, "nullCount": nulls}
    try:
        metrics["distinctCount"] = int(column.nunique())
    except TypeError:
        return metrics  # lists and dicts have no hash
    values = column.dropna()
    if not pd.api.types.is_numeric_dtype(column) or values.empty:
        return metrics
    if pd.api.types.is_bool_dtype(column) or pd.api.types.is_complex_dtype(column):
        return metrics
    numbers = {"sum": values.sum(), "min": values.min(), "max": values.max()}
    metrics |= {key: _number(value) for key, value in numbers.items() if math.isfinite(value)}
    if "min" in metrics and "max" in metrics:
        quantiles = values.quantile(list(_QUANTILES)).items()
        metrics["quantiles"] = {str(q): float(value) for q, value in quantiles}
    return metrics


def _number(value: Any) -> int | float:
    return int(value) if isinstance(value, Integral) else float(value)


def _name(version: DatasetVersion) -> str:
    return version.location or str(version)


def _reader(version: DatasetVersion) -> Callable[..., DataFrame]:
    readers = {"csv": delimited.read, "jsonl": lines.read, "parquet": _read_parquet}
    try:
        return readers[version.format.removesuffix(FILES)]
    except KeyError:
        raise DataError(
            f"{_name(version)} is no table but {version.format}; "
            "a table is a .csv, .jsonl or .parquet file"
        ) from None


def _read_parquet(data: bytes, *, name: str) -> DataFrame:
    import pandas as pd
    import pyarrow as pa

    names = _parquet_columns(io.BytesIO(data), name)
    try:
        frame = pd.read_parquet(io.BytesIO(data), engine="pyarrow")
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(_corrupt(name, error)) from None
    if any(level is not None for level in frame.index.names):
        # An index that was worth a name is data: it goes back among the columns.
        return frame.reset_index()[names]
    return frame.reset_index(drop=True)


def _parquet_columns(source: BinaryIO, name: str) -> list[str]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        schema = parquet.read_schema(source)
    except (pa.ArrowException, OSError) as error:
        raise DataError(_corrupt(name, error)) from None
    names = [column for column in schema.names if not _UNNAMED_INDEX.fullmatch(column)]
    # An index of consecutive numbers is only described, not stored, but may have a name too.
    index = (schema.pandas_metadata or {}).get("index_columns", [])
    names += [level["name"] for level in index if isinstance(level, dict) and level["name"]]
    if repeated := [column for column, count in Counter(names).items() if count > 1]:
        raise DataError(f"{name} has the column {repeated[0]!r} twice; rename one of them")
    return names


def _columns_of_file(file: BinaryIO, file_format: str, name: str) -> list[str]:
    if file_format == "parquet":
        return _parquet_columns(file, name)
    try:
        if file_format == "jsonl":
            return lines.columns(file.read(), name=name)
        line = file.readline()
        # A name in quotes may hold a line break.
        while line.count(b'"') % 2 and (more := file.readline()):
            line += more
    except OSError as error:
        raise DataError(f"{name} cannot be read ({error.strerror or error}); mend it") from None
    return delimited.columns(delimited.decode(line, name=name), name=name)


def _check_same_columns(first: DataFrame, other: DataFrame, name: str, other_name: str) -> None:
    if missing := [column for column in first if column not in other]:
        raise DataError(f"{other_name} has no column {missing[0]!r}, which {name} has; mend one")
    if extra := [column for column in other if column not in first]:
        raise DataError(f"{other_name} has a column {extra[0]!r}, which {name} has not; mend one")


def _plain(frame: DataFrame) -> DataFrame:
    """The table without what Parquet would keep beside its values."""
    import pandas as pd

    names = list(frame.columns)
    if odd := [name for name in names if not isinstance(name, str)]:
        raise DataError(f"column {odd[0]!r} cannot be written: a name is a string; rename it")
    if repeated := [name for name, count in Counter(names).items() if count > 1]:
        raise DataError(f"column {repeated[0]!r} is there twice; rename one of them")
    if not names:
        raise DataError("a table without columns cannot be written; return at least one")
    if named := [level for level in frame.index.names if level is not None]:
        raise DataError(
            f"the index {named[0]!r} would be lost: only columns are written; "
            "call reset_index() first"
        )
    columns = {name: _one_string_dtype(column) for name, column in frame.items()}
    return pd.DataFrame(columns).reset_index(drop=True)


def _one_string_dtype(column: Series[Any]) -> Series[Any]:
    """Strings as the default string dtype, by whichever of its several names they came."""
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        categories = _one_string_dtype(column.cat.categories.to_series())
        return column.cat.rename_categories(pd.Index(categories))
    if column.dtype == object:
        strings = pd.api.types.infer_dtype(column, skipna=True) in ("string", "empty")
    else:
        strings = pd.api.types.is_string_dtype(column.dtype)
    if not strings:
        return column
    if int(pd.__version__.partition(".")[0]) >= 3:
        return column.astype("str")
    return column.astype(object).where(column.notna(), None)


def _unwritable(frame: DataFrame) -> str:
    import pyarrow as pa

    for name, column in frame.items():
        try:
            pa.Array.from_pandas(column)
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            reason = str(error.args[0]).splitlines()[0].rstrip(".")
            return f"column {name!r} cannot be written as Parquet ({reason}); give it one type"
    return "the table cannot be written as Parquet; give each column one plain type"


def _corrupt(name: str, error: Exception) -> str:
    reason = str(error).splitlines()[0].rstrip(".")
    return f"{name} cannot be read as Parquet ({reason}); write it again"
