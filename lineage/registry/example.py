"""A model on its recorded input example: does it still predict what was recorded?

Only bytes that have the digest the model was registered under are loaded, and by skops,
which builds reviewed types only: nothing that a file says is ever run.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..content import models
from ..errors import BegatError

if TYPE_CHECKING:
    import pandas as pd

#: Outputs are recorded to 12 digits; other processors round sums beyond the fifteenth.
RELATIVE = 1e-9
ABSOLUTE = 1e-12


class UnlikeError(Exception):
    """The model does not do what was recorded of it."""


def check(data: bytes, signature: Mapping[str, Any], *, trusted: Sequence[str] = ()) -> int:
    """Predict the recorded rows again; how many there were.

    Args:
        data: the model file.
        signature: of the model, with its `example`: columns, rows and outputs.
        trusted: further types that the file may hold.

    Raises:
        UnlikeError: the file cannot be loaded here, or predicts something else.
    """
    try:
        model = models.load(data, trusted=trusted)
    except BegatError as error:
        raise UnlikeError(str(error)) from None
    return compare(model, signature)


def compare(
    model: Any,
    signature: Mapping[str, Any],
    *,
    relative: float = RELATIVE,
    absolute: float = ABSOLUTE,
) -> int:
    """Let a model predict the recorded rows; how many there were.

    Args:
        model: as it was loaded.
        signature: of the model, with its `example`.
        relative: by which share of the recorded one a number may be another.
        absolute: by how much it may be another in any case.

    Raises:
        UnlikeError: there are no such rows, or the model predicts something else.
    """
    try:
        rows = frame(signature)
        outputs = dict(signature["example"]["outputs"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnlikeError(f"its input example cannot be read ({error!r})") from None
    near = functools.partial(math.isclose, rel_tol=relative, abs_tol=absolute)
    for method, recorded in outputs.items():
        try:
            found = getattr(model, method)(rows)
        except Exception as error:
            raise UnlikeError(f"{method} fails on the recorded rows: {_line(error)}") from None
        for number, (now, then) in enumerate(_pairs(found, recorded)):
            if not _same(now, then, near):
                raise UnlikeError(f"{method} of recorded row {number} is {now!r}, and was {then!r}")
    return len(rows)


def frame(signature: Mapping[str, Any]) -> pd.DataFrame:
    """The recorded input example, with the types that the model was trained on."""
    import numpy as np
    import pandas as pd

    example = signature["example"]
    dtypes = {feature["name"]: feature["dtype"] for feature in signature["features"]}
    columns = {}
    for place, name in enumerate(example["columns"]):
        values = [row[place] for row in example["rows"]]
        if dtypes[name] == "string":
            gaps: list[Any] = [np.nan if value is None else value for value in values]
            columns[name] = pd.Series(gaps, dtype=object)
        else:
            columns[name] = pd.Series(values, dtype=dtypes[name])
    return pd.DataFrame(columns)


def _pairs(found: Any, recorded: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    values = found.tolist() if hasattr(found, "tolist") else list(found)
    if len(values) != len(recorded):
        raise UnlikeError(f"{len(values)} predictions came for {len(recorded)} recorded ones")
    yield from zip(values, recorded, strict=True)


def _same(now: Any, then: Any, near: Callable[[float, float], bool]) -> bool:
    if isinstance(now, list) and isinstance(then, list):
        pairs = zip(now, then, strict=False)
        return len(now) == len(then) and all(_same(*pair, near) for pair in pairs)
    if isinstance(now, float) and not math.isfinite(now):
        return then is None
    numbers = isinstance(now, int | float) and isinstance(then, int | float)
    if numbers and not isinstance(now, bool) and not isinstance(then, bool):
        return near(now, then)
    plain = now is None or isinstance(now, bool | int | float | str)
    return bool((now if plain else str(now)) == then)


def _line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
