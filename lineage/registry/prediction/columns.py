"""A column's values beside its part of the signature.

A value is taken if the type that training saw has it too: whole floats for integers, 0 and 1
for booleans. Text is never taken for a number.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from . import rules
from .violations import Fault, Kind

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    Array = npt.NDArray[Any]
    Mask = npt.NDArray[np.bool_]

_WANTED = {"int64": "a whole number", "float64": "a number", "bool": "true or false"}
_PRESENT = "a value, for training saw none missing"
#: Beyond this no float is an int64.
_INT64 = 2.0**63


class Column(Protocol):
    """One feature of a model."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    def check(self, given: pd.Series[Any]) -> tuple[Array | None, list[Fault]]:
        """The values as a model can take them, None if they are already; what is wrong."""
        ...

    def finished(self, values: Array) -> Array:
        """Those of these values that are predicted from, in the type that training saw."""
        ...


def of(feature: Mapping[str, Any], allowed: Sequence[rules.Rule]) -> Column:
    """The column that a signature describes.

    Args:
        feature: its entry in the signature.
        allowed: what its values have to be, beside their type.
    """
    common: dict[str, Any] = {
        "name": feature["name"],
        "missing": feature["missing"],
        "rules": tuple(allowed),
    }
    if feature["dtype"] == "string":
        return Texts(**common, values=frozenset(feature["values"] or ()))
    bounds = (feature.get("min"), feature.get("max"))
    # A boolean with gaps was a number to training, and 0 or 1.
    booleans = feature["dtype"] == "bool" or all(bound in (0, 1) for bound in bounds)
    return Numbers(**common, dtype=feature["dtype"], booleans=booleans)


@dataclass(frozen=True, kw_only=True, slots=True)
class Numbers:
    """A column of integers, floats or booleans."""

    name: str
    #: int64, float64 or bool.
    dtype: str
    missing: bool
    rules: tuple[rules.Rule, ...]
    #: Whether booleans are taken for 0 and 1.
    booleans: bool

    def check(self, given: pd.Series[Any]) -> tuple[Array | None, list[Fault]]:
        """See `Column`."""
        numbers, wrong = _numbers(given, booleans=self.booleans)
        found = [*self._faults(numbers, wrong)]
        return None if given.dtype == self.dtype else numbers, found

    def finished(self, values: Array) -> Array:
        """See `Column`."""
        import numpy as np

        # What is missing stays so, and a fraction that was only warned of.
        if values.dtype.kind == "f" and not (np.abs(values) < _INT64).all():
            return values
        typed = values.astype(self.dtype, copy=False)
        return typed if (typed == values).all() else values

    def _faults(self, numbers: Array, wrong: Mask | None) -> Iterator[Fault]:
        import numpy as np

        unfit = np.zeros(len(numbers), dtype=bool) if wrong is None else wrong
        if numbers.dtype.kind == "f":
            nothing, infinite = np.isnan(numbers), np.isinf(numbers)
            if not self.missing:
                yield from self._fault("missing", nothing & ~unfit, _PRESENT)
            yield from self._fault("type", infinite, "a finite number")
            if self.dtype == "int64":
                unfit = unfit | ((np.floor(numbers) != numbers) & ~nothing)
            elif self.dtype == "bool":
                unfit = unfit | ~((numbers == 0) | (numbers == 1) | nothing | infinite)
            yield from self._fault("type", unfit, _WANTED[self.dtype])
            unfit = unfit | infinite
        else:
            if self.dtype == "bool" and numbers.dtype.kind != "b":
                unfit = unfit | (numbers < 0) | (numbers > 1)
            yield from self._fault("type", unfit, _WANTED[self.dtype])
        for rule in self.rules:
            yield from self._fault("range", rule.unfit(numbers) & ~unfit, rule, seen=rule.seen)

    def _fault(
        self, kind: Kind, where: Mask, expected: object, *, seen: bool = False
    ) -> Iterator[Fault]:
        if where.any():
            yield Fault(
                column=self.name,
                kind=kind,
                rows=where.nonzero()[0],
                expected=str(expected),
                seen=seen,
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class Texts:
    """A column of text, or of categories."""

    name: str
    missing: bool
    rules: tuple[rules.Rule, ...]
    #: Every value that training saw, where it is listed: categories need not be text.
    values: frozenset[Any]

    def check(self, given: pd.Series[Any]) -> tuple[Array | None, list[Fault]]:
        """See `Column`."""
        import numpy as np
        import pandas as pd

        values = given.tolist()
        category = isinstance(given.dtype, pd.CategoricalDtype)
        verdicts = self._verdicts(values, anything=category and not self.values)
        faults = [
            Fault(
                column=self.name,
                kind=verdict.kind,
                rows=np.asarray([one == verdict for one in verdicts]).nonzero()[0],
                expected=verdict.expected,
                seen=verdict.seen,
            )
            for verdict in dict.fromkeys(verdicts)
            if verdict not in (_FIT, _ABSENT)
        ]
        if category or (given.dtype == object and not {_ABSENT, _MISSING} & {*verdicts}):
            return None, faults
        return _objects(given), faults

    def finished(self, values: Array) -> Array:
        """See `Column`."""
        return values

    def _verdicts(self, values: list[Any], *, anything: bool) -> list[_Verdict]:
        """Of each value; none if all are fit."""
        try:
            distinct = set(values)
        except TypeError:  # lists and dicts have no hash, and are no text
            return [self._verdict(value, anything=anything) for value in values]
        by_value = {value: self._verdict(value, anything=anything) for value in distinct}
        if all(verdict is _FIT for verdict in by_value.values()):
            return []
        return [by_value[value] for value in values]

    def _verdict(self, value: Any, *, anything: bool) -> _Verdict:
        if _absent(value):
            return _ABSENT if self.missing else _MISSING
        if not (isinstance(value, str) or anything or _among(value, self.values)):
            return _NO_TEXT
        for rule in self.rules:
            if not rule.allows(value):
                return _Verdict("category", str(rule), rule.seen)
        return _FIT


class _Verdict(NamedTuple):
    """What is wrong with a value of text, if anything is."""

    kind: Kind
    expected: str = ""
    seen: bool = False


_FIT = _Verdict("type")
_ABSENT = _Verdict("missing")
_MISSING = _Verdict("missing", _PRESENT)
_NO_TEXT = _Verdict("type", "text")


def _among(value: Any, values: frozenset[Any]) -> bool:
    try:
        return value in values
    except TypeError:
        return False


def _absent(value: Any) -> bool:
    import numpy as np
    import pandas as pd

    if isinstance(value, (float, np.floating, Decimal)):
        return math.isnan(value)
    return value is None or value is pd.NA or value is pd.NaT


def _objects(given: pd.Series[Any]) -> Array:
    """Text as training saw it: objects, with NaN for what is missing."""
    import numpy as np

    objects = given.to_numpy(object, copy=True)
    objects[given.isna().to_numpy()] = np.nan
    return objects


def _numbers(given: pd.Series[Any], *, booleans: bool) -> tuple[Array, Mask | None]:
    """A column as an array of numbers, NaN where there is none, and where it holds no number."""
    import numpy as np
    import pandas as pd

    dtype = given.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        given = given.astype(dtype.categories.dtype)
        dtype = given.dtype
    kind = getattr(dtype, "kind", "O")
    if isinstance(dtype, np.dtype):
        if kind in "if":
            return given.to_numpy(), None
        if kind == "u":
            return given.to_numpy("float64"), None
        if kind == "b":
            return given.to_numpy(), None if booleans else np.ones(len(given), dtype=bool)
    elif kind in "iuf":  # of pandas' own types or of Arrow's, which know missing values
        return given.to_numpy("float64", na_value=np.nan), None
    return _one_by_one(given.astype(object).tolist(), booleans=booleans)


def _one_by_one(values: list[Any], *, booleans: bool) -> tuple[Array, Mask | None]:
    import numpy as np

    numbers = np.full(len(values), np.nan)
    wrong = np.zeros(len(values), dtype=bool)
    for place, value in enumerate(values):
        if _absent(value):
            continue
        if isinstance(value, (bool, np.bool_)):
            number = booleans
        else:
            number = isinstance(value, (int, float, np.integer, np.floating, Decimal))
        try:
            numbers[place] = value if number else np.nan
        except OverflowError:
            number = False
        wrong[place] = not number
    return numbers, wrong if wrong.any() else None
