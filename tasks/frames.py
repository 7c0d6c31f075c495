"""A snapshot's rows as one frame whose columns mean the same in every partition."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from begat import lineage
from begat.lineage.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from begat.lineage.records import DatasetVersion, Snapshot

#: What a column holds, however pandas stores it; `empty`: missing values only.
Kind = Literal["number", "bool", "string", "category", "datetime", "empty", "mixed"]
#: For a partition and its number of rows, which of them to keep.
Rows = Callable[["DatasetVersion", int], "npt.NDArray[np.bool_]"]

#: Of what is kept of a partition, what is to be gathered.
Less = Callable[["pd.DataFrame", "DatasetVersion"], "pd.DataFrame"]

_INFERRED: dict[str, Kind] = {
    "boolean": "bool",
    "string": "string",
    "empty": "empty",
    "integer": "number",
    "floating": "number",
    "mixed-integer-float": "number",
    "decimal": "number",
}


def kind(series: pd.Series[Any]) -> Kind:
    """What a column holds."""
    import pandas as pd

    types = pd.api.types
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        found: Kind = "category"
    elif series.iloc[:1].isna().all() and series.isna().all():  # most are told by their first
        found = "empty"
    elif types.is_bool_dtype(dtype):
        found = "bool"
    elif types.is_numeric_dtype(dtype) and not types.is_complex_dtype(dtype):
        found = "number"
    elif types.is_datetime64_any_dtype(dtype) or types.is_timedelta64_dtype(dtype):
        found = "datetime"
    else:
        found = _INFERRED.get(types.infer_dtype(series, skipna=True), "mixed")
    return found


def gather(
    snapshot: Snapshot,
    columns: Sequence[str] | None = None,
    *,
    roles: Mapping[str, str] | None = None,
    rows: Rows | None = None,
    less: Less | None = None,
) -> pd.DataFrame:
    """Rows of all partitions, in order; one partition is in memory besides what is kept.

    Numbers come back as int64 or float64, booleans as bool (as float64 if some are
    missing), strings as objects, categories as categories; what is missing is NaN.

    Args:
        snapshot: of tables.
        columns: what to keep; by default all columns, which every partition must share.
        roles: further columns to keep, and what each is wanted for: `{"late": "target"}`.
        rows: which rows of a partition to keep; all by default.
        less: makes of what is kept of a partition what is to be gathered of it.

    Raises:
        DataError: a partition lacks a column, has one more than the others, or holds
            something else in it.
    """
    import pandas as pd

    roles = roles or {}
    exact = columns is None
    wanted = [] if columns is None else list(dict.fromkeys([*columns, *roles]))
    kinds: dict[str, tuple[Kind, DatasetVersion]] = {}

    def kept(version: DatasetVersion) -> pd.DataFrame:
        # A function, so that a partition is gone when the next one is read.
        frame = lineage.read(version)
        if not wanted:
            wanted.extend(str(name) for name in frame.columns)
        check_columns([*map(str, frame.columns)], [*wanted, *roles], version, roles)
        if exact:
            _check_no_more(frame, wanted, version, snapshot.versions[0])
        frame = frame[wanted]
        if rows is not None:
            frame = frame[rows(version, len(frame))]
        _check_kinds(frame, kinds, version)
        return frame if less is None else less(frame, version)

    frames = [kept(version) for version in snapshot.versions]
    whole = frames[0] if len(frames) == 1 else _concatenated(frames)
    del frames
    typed = {
        name: plain(whole[name], kinds[name][0] if name in kinds else "empty") for name in wanted
    }
    return pd.DataFrame(typed).reset_index(drop=True)


def check_columns(
    there: Sequence[str], wanted: Sequence[str], version: DatasetVersion, roles: Mapping[str, str]
) -> None:
    """Refuse a table that lacks a column.

    Args:
        there: the columns that it has.
        wanted: those that it needs.
        version: the table, for the message.
        roles: what a column is wanted for, where it is no feature.

    Raises:
        DataError: names the first that is missing, and those that are there.
    """
    known = set(there)
    if missing := [name for name in wanted if name not in known]:
        role = roles.get(missing[0], "feature column")
        raise DataError(
            f"{version} has no {role} {missing[0]!r}; its columns are {', '.join(there)}: name "
            "one of them, or add it in featurize"
        )


def _concatenated(frames: list[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    # Column by column: a column that is all missing in one partition must not decide
    # the type of the others, and pandas warns where that would change.
    def column(name: str) -> pd.Series[Any]:
        parts = [frame[name] for frame in frames]
        categorical = any(isinstance(part.dtype, pd.CategoricalDtype) for part in parts)
        if categorical or len({part.dtype for part in parts}) > 1:
            parts = [part.astype(object) for part in parts]
        return pd.concat(parts, ignore_index=True)

    return pd.DataFrame({name: column(name) for name in frames[0].columns})


def alike(version: DatasetVersion, pattern: pd.DataFrame, rows: Rows | None) -> pd.DataFrame:
    """The rows of one partition, as they are in what `gather` made of all.

    Args:
        version: a table that `gather` has read.
        pattern: what it made; its columns and their types are taken.
        rows: which rows to keep; all by default.
    """
    import pandas as pd

    frame = lineage.read(version)[[*pattern.columns]]
    if rows is not None:
        frame = frame[rows(version, len(frame))]
    columns = {
        name: plain(frame[name], kind(frame[name])).astype(pattern[name].dtype)
        for name in frame.columns
    }
    return pd.DataFrame(columns).reset_index(drop=True)


def plain(series: pd.Series[Any], held: Kind) -> pd.Series[Any]:
    """A column in the type that `gather` gives it, by what it holds."""
    import numpy as np
    import pandas as pd

    known = series.notna()
    gaps = not known.all()
    if gaps or held in ("string", "category"):
        series = series.astype(object)
    if gaps:
        # pandas spells "missing" in four ways; the libraries behind agree on NaN alone.
        series = series.where(known, np.nan)
    match held:
        case "number":
            whole = not gaps and pd.api.types.infer_dtype(series) == "integer"
            # A uint64 may not fit an int64, and would wrap around silently.
            return series.astype("int64" if whole and series.dtype != "uint64" else "float64")
        case "bool":
            return series.astype("float64" if gaps else "bool")
        case "empty":
            return series.astype("float64")
        case "category":
            return series.astype("category")
        case _:
            return series


def _check_no_more(
    frame: pd.DataFrame, wanted: Sequence[str], version: DatasetVersion, first: DatasetVersion
) -> None:
    if more := [name for name in frame.columns if name not in set(wanted)]:
        raise DataError(
            f"{version} has a column {more[0]!r} that {first} has not; give every partition "
            "the same columns, or name those to use with features=[…]"
        )


def _check_kinds(
    frame: pd.DataFrame, kinds: dict[str, tuple[Kind, DatasetVersion]], version: DatasetVersion
) -> None:
    for name in frame.columns:
        held = kind(frame[name])
        if held == "empty":
            continue
        before, where = kinds.setdefault(name, (held, version))
        if before == held:
            continue
        if {before, held} == {"category", "string"}:
            kinds[name] = ("category", where)
        else:
            raise DataError(
                f"column {name!r} holds {held} values in {version} and {before} values in "
                f"{where}; give it one type in featurize"
            )
