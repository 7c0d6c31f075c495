"""What is not as a signature says: which column, which row, which value."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

#: `type`: no value of the column's type, so that nothing can be predicted from it; `missing`:
#: where training saw none missing; `range`, `category`: of the type, and not fit.
Kind = Literal["type", "missing", "range", "category"]
#: Violations that a message tells.
TOLD = 3
#: Characters of a value that a message shows.
_LONG = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Violation:
    """One value that is not as the signature says."""

    column: str
    #: Position of its row, from 0.
    row: int
    #: The row's label in the index.
    label: Hashable
    #: As it was given; None if it is missing.
    value: Any
    kind: Kind
    #: What would be fit, in words.
    expected: str
    #: Whether nobody asked for that, and training merely saw nothing else.
    seen: bool = False

    def __str__(self) -> str:
        where = f"row {self.row}"
        if self.label != self.row:
            where += f" (index {self.label!r})"
        said = _shown(self.value)
        return f"{self.column} of {where} is {said}, expected {self.expected}"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Fault:
    """All violations of one kind in one column, before anyone has to read them."""

    column: str
    kind: Kind
    #: Positions of the rows, ascending.
    rows: npt.NDArray[np.intp]
    expected: str
    seen: bool = False

    def violations(self, frame: pd.DataFrame) -> list[Violation]:
        """Each with the value that was given."""
        values = frame[self.column]
        return [
            Violation(
                column=self.column,
                row=int(row),
                label=_plain(frame.index[row]),
                value=_plain(values.iloc[row]),
                kind=self.kind,
                expected=self.expected,
                seen=self.seen,
            )
            for row in self.rows
        ]


def told(faults: Sequence[Fault], frame: pd.DataFrame) -> str:
    """The first violations, and how many there are, in one line."""
    first = sorted(
        (one for fault in faults for one in _beginning(fault).violations(frame)),
        key=lambda one: one.row,
    )[:TOLD]
    count = sum(len(fault.rows) for fault in faults)
    rows = len({int(row) for fault in faults for row in fault.rows})
    more = f" (and {count - len(first)} more, in {rows} rows)" if count > len(first) else ""
    return "; ".join(map(str, first)) + more


def _beginning(fault: Fault) -> Fault:
    return Fault(
        column=fault.column,
        kind=fault.kind,
        rows=fault.rows[:TOLD],
        expected=fault.expected,
        seen=fault.seen,
    )


def _shown(value: Any) -> str:
    if value is None:
        return "missing"
    text = repr(value) if isinstance(value, str) else str(value)
    kind = {str: "the text ", bool: "the boolean "}.get(type(value), "")
    return kind + (text if len(text) <= _LONG else f"{text[:_LONG]}…")


def _plain(value: Any) -> Any:
    """A value as Python's own type, where it has one; None for what pandas calls missing."""
    import numpy as np
    import pandas as pd

    if value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and math.isnan(value) else value
