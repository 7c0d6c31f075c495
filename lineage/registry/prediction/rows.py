"""What a caller gives to predict from, as a table with the model's columns in its order."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...errors import SignatureError

if TYPE_CHECKING:
    import pandas as pd


def table(given: Any, columns: Sequence[str], *, ref: str) -> pd.DataFrame:
    """The rows as a table of exactly these columns; more of them are left out.

    Args:
        given: a DataFrame (or what has `to_pandas`), a dict or a Series for one row, a list of
            dicts, or a dict of lists, one a column.
        columns: names of the model's features, in its order.
        ref: the model, for errors.

    Raises:
        SignatureError: it has no column names, or one of the columns is not there, or there
            twice.
    """
    frame = _frame(given, columns, ref)
    names = frame.columns
    if len(names) == len(columns) and (names == columns).all():
        return frame
    for name in columns:
        if (times := int((names == name).sum())) != 1:
            raise SignatureError(_not_once(name, [str(known) for known in names], times, ref))
    return frame[list(columns)]


def _frame(given: Any, columns: Sequence[str], ref: str) -> pd.DataFrame:
    import pandas as pd

    if isinstance(given, pd.DataFrame):
        return given
    if isinstance(given, pd.Series):
        return pd.DataFrame([given.to_dict()], index=[given.name])
    if isinstance(given, Mapping):
        many = any(isinstance(value, (list, tuple, pd.Series)) for value in given.values())
        return pd.DataFrame(dict(given) if many else [dict(given)])
    if hasattr(given, "to_pandas"):  # Polars, Arrow
        frame: pd.DataFrame = given.to_pandas()
        return frame
    if isinstance(given, (list, tuple)) and all(isinstance(row, Mapping) for row in given):
        # Names of the first row alone would hide those that only others have.
        return pd.DataFrame(list(given), columns=None if given else list(columns))
    shape = getattr(given, "shape", None)
    what = f"{type(given).__name__} of shape {shape}" if shape else type(given).__name__
    raise SignatureError(
        f"{ref} takes rows whose columns have names, and a {what} has none; give a DataFrame, "
        "pandas.DataFrame(rows, columns=model.columns), or a list of dicts"
    )


def _not_once(name: str, known: list[str], times: int, ref: str) -> str:
    if times:
        return f"the rows for {ref} have the column {name!r} {times} times; rename the others"
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"is {near[0]!r} meant for it?" if near else f"they have {', '.join(known) or 'none'}"
    return f"the rows for {ref} have no column {name!r}; {hint}"
