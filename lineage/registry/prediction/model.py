"""A fitted estimator that looks at rows before it predicts from them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, get_args

from ...errors import BegatError, DataError, ParameterError, SignatureError
from ...records import ModelVersion
from . import columns, rows, rules
from .violations import Fault, Violation, told

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

OnViolation = Literal["raise", "warn", "null"]
#: Whether values are held against what people expect, also against what training saw, or
#: against neither.
Ranges = Literal["expected", "seen", "off"]
#: Methods that take rows.
CHECKED = ("predict_proba", "predict_log_proba", "decision_function", "transform")

log = logging.getLogger("begat")


@dataclass(frozen=True, slots=True, eq=False)
class _Looked:
    """Rows beside the signature."""

    frame: pd.DataFrame
    #: Columns that have to be of another type.
    typed: Mapping[str, npt.NDArray[Any]]
    #: What is a violation, and what only training never saw.
    refused: Sequence[Fault]
    noted: Sequence[Fault]


class Model:
    """A registered model, which predicts from rows that are as its signature says.

    `predict`, `predict_proba`, `predict_log_proba`, `decision_function` and `transform`, as far
    as the estimator has them, look at the rows first; everything else is the estimator's own.
    Columns are found by their names, in whatever order; those that are no features are left out.

    Args:
        estimator: fitted.
        signature: what it takes, as train recorded it; empty for a version registered without
            one, which predicts from whatever it is given.
        version: the version it is.
        on_violation: `raise` refuses all rows; `null` predicts nothing for the rows that
            violate; `warn` says so and predicts, but for what is not even of the column's type.
        ranges: what values are held against: see `begat.lineage.load`.
        assertions: what the data it was trained on was expected to be, as OpenLineage has it.

    Raises:
        ParameterError: `on_violation` or `ranges` is something else.
    """

    def __init__(
        self,
        estimator: Any,
        signature: Mapping[str, Any],
        *,
        version: ModelVersion,
        on_violation: OnViolation = "raise",
        ranges: Ranges = "expected",
        assertions: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        _check("on_violation", on_violation, get_args(OnViolation))
        _check("ranges", ranges, get_args(Ranges))
        #: The bare estimator.
        self.estimator = estimator
        self.signature = signature
        self.version = version
        self.on_violation = on_violation
        self.ranges = ranges
        self._features = [
            columns.of(feature, _rules(feature, assertions, ranges))
            for feature in signature.get("features", ())
        ]
        #: Names of its features, in its order.
        self.columns = [feature.name for feature in self._features]

    @property
    def ref(self) -> str:
        """How commands name it: `flight-delays@3`."""
        return self.version.ref

    def predict(self, given: Any, **options: Any) -> Any:
        """A prediction for each row, in their order.

        Args:
            given: a DataFrame, a dict (one row), a list of dicts, or a dict of lists.
            options: as the estimator's own `predict` takes them.

        Returns:
            What the estimator returns. Where rows have no prediction: NaN among floats, None
            among others.

        Raises:
            SignatureError: a column is missing, or on_violation is `raise` and a value is not as
                the signature says; `violations` names each.
            DataError: the estimator itself refuses rows that were only warned of.
        """
        return self._checked("predict", given, **options)

    def outputs(self, given: Any) -> dict[str, Any]:
        """What `predict` returns, and `predict_proba` where there is one, by these names.

        Args:
            given: as for `predict`; it is looked at once.

        Raises:
            SignatureError: as for `predict`.
            DataError: as for `predict`.
        """
        methods = ("predict", "predict_proba")
        asked = {name: dict[str, Any]() for name in methods if hasattr(self.estimator, name)}
        return self._answers(asked, given)

    def check(self, given: Any) -> list[Violation]:
        """Everything in these rows that is not as the signature says, by row.

        Those with `seen` are only warned of, unless `ranges` is `seen`.

        Args:
            given: as for `predict`.

        Raises:
            SignatureError: a column is missing.
        """
        if not self.columns:
            return []
        looked = self._look(given)
        return _violations([*looked.refused, *looked.noted], looked.frame)

    def __getattr__(self, name: str) -> Any:
        # Not for what pickle and copy look for while there is no estimator yet.
        if name == "estimator" or (name.startswith("__") and not name.startswith("__sklearn")):
            raise AttributeError(name)
        found = getattr(self.estimator, name)
        return partial(self._checked, name) if name in CHECKED else found

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self.estimator)})

    def __repr__(self) -> str:
        return f"<{self.ref}: {type(self.estimator).__name__} of {', '.join(self.columns)}>"

    def _checked(self, method: str, given: Any, **options: Any) -> Any:
        return self._answers({method: options}, given)[method]

    def _answers(self, asked: Mapping[str, Mapping[str, Any]], given: Any) -> dict[str, Any]:
        """What methods of the estimator return of the same rows, which are looked at once."""
        calls = {name: partial(getattr(self.estimator, name), **asked[name]) for name in asked}
        if not self.columns:
            return {name: call(given) for name, call in calls.items()}
        looked = self._look(given)
        kept = self._kept(looked)
        if kept is None and len(looked.frame):
            ready = self._taken(looked)
            return {name: self._called(call, ready, looked) for name, call in calls.items()}
        # An estimator refuses a table without rows; of one row it says what it returns.
        some = kept is not None and kept.any()
        ready = self._taken(looked, kept) if some else self._example()
        places = kept.nonzero()[0] if some and kept is not None else None
        return {
            name: _spread(self._called(call, ready, looked), places, looked.frame.index)
            for name, call in calls.items()
        }

    def _look(self, given: Any) -> _Looked:
        frame = rows.table(given, self.columns, ref=self.ref)
        typed, faults = {}, []
        for feature in self._features:
            values, found = feature.check(frame[feature.name])
            faults += found
            if values is not None:
                typed[feature.name] = values
        return _Looked(
            frame,
            typed,
            [fault for fault in faults if not fault.seen or self.ranges == "seen"],
            [fault for fault in faults if fault.seen and self.ranges != "seen"],
        )

    def _kept(self, looked: _Looked) -> npt.NDArray[np.bool_] | None:
        """Which rows are predicted from; None for all. Says what has to be said."""
        import numpy as np

        if looked.refused:
            said = told(looked.refused, looked.frame)
            if self.on_violation == "raise":
                message = f"{self.ref} does not take these rows: {said}"
                raise SignatureError(message, _violations(looked.refused, looked.frame))
            log.warning("%s takes not all of these rows as they are: %s", self.ref, said)
        if looked.noted:
            said = told(looked.noted, looked.frame)
            log.warning("%s predicts from what it never saw: %s", self.ref, said)
        out = [
            fault.rows
            for fault in looked.refused
            if self.on_violation == "null" or fault.kind == "type"
        ]
        if not out:
            return None
        kept = np.ones(len(looked.frame), dtype=bool)
        kept[np.concatenate(out)] = False
        return kept

    def _taken(self, looked: _Looked, kept: npt.NDArray[np.bool_] | None = None) -> pd.DataFrame:
        """The rows that are predicted from, in the types that training saw."""
        import pandas as pd

        frame = looked.frame if kept is None else looked.frame[kept]
        if not looked.typed:
            return frame
        columns = {}
        for feature in self._features:
            if (values := looked.typed.get(feature.name)) is not None:
                values = feature.finished(values if kept is None else values[kept])
                # With its type said: pandas takes objects that are text for a type of its own.
                columns[feature.name] = pd.Series(values, index=frame.index, dtype=values.dtype)
        return frame.assign(**columns)

    def _example(self) -> pd.DataFrame:
        """A row that training saw."""
        import pandas as pd

        example = self.signature["example"]
        frame = pd.DataFrame(example["rows"][:1], columns=example["columns"])
        return self._taken(self._look(frame))

    def _called(self, call: partial[Any], ready: pd.DataFrame, looked: _Looked) -> Any:
        try:
            return call(ready)
        except BegatError:
            raise
        except Exception as error:
            faults = [*looked.refused, *looked.noted]
            if not faults:
                raise
            reason = " ".join(str(error).split()).rstrip(".")
            raise DataError(
                f"the estimator of {self.ref} refuses these rows ({reason}): "
                f"{told(faults, looked.frame)}"
            ) from error


def _rules(
    feature: Mapping[str, Any], assertions: Sequence[Mapping[str, Any]], ranges: Ranges
) -> tuple[rules.Rule, ...]:
    if ranges == "off":
        return ()
    return rules.expected(assertions, feature) or rules.seen(feature)


def _violations(faults: Sequence[Fault], frame: pd.DataFrame) -> list[Violation]:
    found = [one for fault in faults for one in fault.violations(frame)]
    return sorted(found, key=lambda one: one.row)


def _spread(found: Any, places: npt.NDArray[np.intp] | None, index: pd.Index[Any]) -> Any:
    """What was found for some rows, with nothing at all others; no places: nothing anywhere."""
    import numpy as np
    import pandas as pd

    if isinstance(found, (list, tuple)):  # of a model with several outputs
        return type(found)(_spread(one, places, index) for one in found)
    if isinstance(found, (pd.DataFrame, pd.Series)):
        part = found.iloc[:0] if places is None else found
        return part.reindex(index) if index.is_unique else part
    values = found.toarray() if hasattr(found, "toarray") else np.asarray(found)
    if not len(index):
        return values[:0]
    floats = values.dtype.kind == "f"
    spread = np.full(
        (len(index), *values.shape[1:]),
        np.nan if floats else None,
        dtype=values.dtype if floats else object,
    )
    if places is not None:
        spread[places] = values
    return spread


def _check(name: str, given: object, known: Sequence[str]) -> None:
    if given not in known:
        raise ParameterError(f"{name} is one of {', '.join(known)}; got {given!r}")
