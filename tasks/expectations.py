"""A frame against its expectations: Great Expectations, told as OpenLineage tells it.

Expectations are Great Expectations' own objects, or plain dictionaries:

    {"type": "expect_column_values_to_be_between",
     "kwargs": {"column": "distance", "min_value": 1}, "severity": "critical"}

What a failure comes to is said by `severity`: critical (the default) refuses the partition;
warning puts the rows that are not as expected aside, where the expectation is about single
rows, and is recorded where it is about the table as a whole; info is only recorded. Great
Expectations takes seconds to import, so that happens only where there are expectations to
check.
"""

from __future__ import annotations

import functools
import importlib
import logging
import threading
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from begat.lineage.errors import ParameterError, PipelineError

from .functions import one_line

if TYPE_CHECKING:
    import pandas as pd

#: OpenLineage's severities for Great Expectations'.
_SEVERITIES = {"critical": "error", "warning": "warn", "info": "info"}
#: The severity whose failures put rows aside.
_QUARANTINES = "warning"
_KEYS = {"type", "kwargs", "severity", "meta", "description", "notes"}
#: Where an expectation's place in the suite is kept: results come back in another order.
_PLACE = "begat_place"
#: Great Expectations' result format that lists rows, by their labels in the index.
_ROWS = {"result_format": "COMPLETE", "exclude_unexpected_values": True}


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What came of one expectation."""

    #: Great Expectations' name: `expect_column_values_to_not_be_null`.
    type: str
    kwargs: Mapping[str, Any]
    #: `critical`, `warning` or `info`.
    severity: str
    success: bool
    #: Rows, or pairs or groups of them, that were not as expected; None if none are counted.
    unexpected: int | None = None
    #: Rows that were looked at.
    elements: int | None = None
    #: Up to a few values that were not as expected.
    examples: tuple[Any, ...] = ()
    #: What was measured instead of single values: a mean, a row count.
    observed: Any = None
    #: Why it could not be checked; empty if it could.
    error: str = ""
    description: str = field(default="")
    #: Positions of the rows that it puts aside, from 0, in ascending order.
    rows: tuple[int, ...] = ()

    @property
    def column(self) -> str:
        """The column it is about, or several; empty for the table as a whole."""
        if "column" in self.kwargs:
            return str(self.kwargs["column"])
        pair = [str(self.kwargs[key]) for key in ("column_A", "column_B") if key in self.kwargs]
        return ", ".join(pair or map(str, self.kwargs.get("column_list", ())))

    @property
    def refuses(self) -> bool:
        """Whether it failed, and that refuses the partition."""
        return not self.success and self.severity == "critical"

    @property
    def rule(self) -> str:
        """What is expected, in one line."""
        return self._subject + self._wanted

    @property
    def _subject(self) -> str:
        return self.type + (f" of column {self.column!r}" if self.column else "")

    @property
    def _wanted(self) -> str:
        wanted = ", ".join(
            f"{key}={_text(value)}"
            for key, value in self.kwargs.items()
            if key not in ("column", "column_A", "column_B", "column_list", "batch_id")
        )
        return f" ({wanted})" if wanted else ""

    def __str__(self) -> str:
        """What failed, in one line."""
        if self.error:
            return f"{self._subject} cannot be checked ({self.error})"
        said = f"{self._subject} failed{self._wanted}"
        if self.unexpected is not None:
            said += f": {self.unexpected} of {self.elements} values are unexpected"
            said += f", for example {_text(self.examples[0])}" if self.examples else ""
        elif self.observed is not None:
            said += f": observed {_text(self.observed)}"
        return said

    def assertion(self) -> dict[str, Any]:
        """An item of OpenLineage's `dataQualityAssertions` facet (1-1-0)."""
        told: dict[str, Any] = {
            "assertion": self.type,
            "success": self.success,
            "severity": _SEVERITIES.get(self.severity, self.severity),
        }
        if self.column:
            told["column"] = self.column
        if self.description:
            told["description"] = self.description
        params = {
            key: value for key, value in self.kwargs.items() if key not in ("column", "batch_id")
        }
        if params:
            told["params"] = params
        if not self.success:
            told["description"] = self.description or str(self)
        if self.unexpected is not None:
            told["actual"] = f"{self.unexpected} of {self.elements} unexpected"
        elif self.observed is not None:
            told["actual"] = _text(self.observed)
        return told


def plain(expectations: Sequence[object]) -> tuple[dict[str, Any], ...]:
    """Expectations as dictionaries, which have a digest and cross process boundaries.

    Args:
        expectations: objects of Great Expectations, or dictionaries.

    Raises:
        PipelineError: one is neither, or is not of the form described above.
    """
    return tuple(_plain(item) for item in expectations)


def check(frame: pd.DataFrame, expectations: Sequence[object]) -> tuple[Result, ...]:
    """Every expectation's result, in the order in which they are given.

    Each call has a context of its own: a shared one mixes up the results of threads.

    Args:
        frame: what is expected to be so.
        expectations: objects of Great Expectations, or dictionaries.

    Raises:
        PipelineError: one has the wrong form.
        ParameterError: Great Expectations does not know one, or refuses its arguments.
    """
    given = plain(expectations)
    if not given:
        return ()
    found = _validated(frame, dict(enumerate(given)), "BASIC")
    results = [_result(found[place], item) for place, item in enumerate(given)]
    if aside := {
        place: given[place]
        for place, result in enumerate(results)
        if result.severity == _QUARANTINES and result.unexpected and not result.success
    }:
        # Asked for only here: a list of rows costs what a partition that is all wrong costs.
        told = _validated(frame.reset_index(drop=True), aside, _ROWS)
        for place, one in told.items():
            rows = tuple(sorted(one.result.get("unexpected_index_list", ())))
            results[place] = replace(results[place], rows=rows)
    return tuple(results)


def quarantines(expectations: Sequence[object]) -> bool:
    """Whether any of the expectations would put rows aside, if it failed.

    Raises:
        PipelineError: one has the wrong form.
        ParameterError: Great Expectations does not know one, or refuses its arguments.
    """
    given = [item for item in plain(expectations) if item["severity"] == _QUARANTINES]
    if not given:
        return False
    _great_expectations()
    from great_expectations.expectations import expectation

    by_row = (
        expectation.ColumnMapExpectation,
        expectation.ColumnPairMapExpectation,
        expectation.MulticolumnMapExpectation,
    )
    return any(isinstance(_built(item, 0), by_row) for item in given)


def _validated(
    frame: pd.DataFrame, given: Mapping[int, Mapping[str, Any]], result_format: Any
) -> dict[int, Any]:
    """Great Expectations' results, by the places of the expectations."""
    gx = _great_expectations()
    suite = gx.ExpectationSuite(
        name="expectations", expectations=[_built(item, place) for place, item in given.items()]
    )
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    batch = (
        context.data_sources.add_pandas("frame")
        .add_dataframe_asset("frame")
        .add_batch_definition_whole_dataframe("frame")
        .get_batch(batch_parameters={"dataframe": frame})
    )
    try:
        found = batch.validate(suite, result_format=result_format)
    except Exception as error:
        types = [item["type"] for item in given.values()]
        raise ParameterError(
            f"Great Expectations cannot check {', '.join(types)}: {one_line(error)}; "
            "mend the expectation"
        ) from error
    return {item.expectation_config.meta[_PLACE]: item for item in found.results}


def _plain(item: object) -> dict[str, Any]:
    if isinstance(item, Mapping):
        told = dict(item)
    else:
        configuration = getattr(item, "configuration", None)
        if configuration is None:
            raise PipelineError(
                f"expectation {item!r} is neither an object of Great Expectations nor a "
                "dictionary {'type': …, 'kwargs': {…}}"
            )
        told = {
            "type": configuration.type,
            "kwargs": dict(configuration.kwargs),
            "severity": configuration.severity,
            "description": configuration.description,
        }
    if unknown := sorted(set(told) - _KEYS):
        raise PipelineError(
            f"expectation {told!r} has an unknown key {unknown[0]!r}; arguments go into 'kwargs'"
        )
    kwargs = told.get("kwargs", {})
    if not (isinstance(told.get("type"), str) and isinstance(kwargs, Mapping)):
        raise PipelineError(
            f"expectation {told!r} is not of the form {{'type': 'expect_…', 'kwargs': {{…}}}}"
        )
    severity = getattr(told.get("severity"), "value", told.get("severity")) or "critical"
    if severity not in _SEVERITIES:
        raise PipelineError(
            f"severity {severity!r} of expectation {told['type']!r} is none of "
            f"{', '.join(_SEVERITIES)}"
        )
    known = {"type": told["type"], "kwargs": dict(kwargs), "severity": severity}
    if told.get("description"):
        known["description"] = told["description"]
    return known


_importing = threading.Lock()


@functools.cache
def _great_expectations() -> Any:
    # Its modules import each other: a second thread could see one that is half there.
    with _importing, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it imports deprecated modules
        found = importlib.import_module("great_expectations")
    # One of its loggers has a level of its own, and tells of every temporary folder.
    for name in ("great_expectations", "great_expectations.data_context.types.base"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return found


def _built(item: Mapping[str, Any], place: int) -> Any:
    from great_expectations.exceptions.exceptions import GreatExpectationsError
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    try:
        return ExpectationConfiguration(
            type=item["type"],
            kwargs=dict(item["kwargs"]),
            severity=item["severity"],
            meta={_PLACE: place},
        ).to_domain_obj()
    except GreatExpectationsError as error:
        raise ParameterError(
            f"Great Expectations knows no {item['type']!r} ({one_line(error)}); mend its type"
        ) from error
    except (TypeError, ValueError) as error:
        raise ParameterError(
            f"expectation {item['type']!r} refuses {dict(item['kwargs'])!r}: {one_line(error)}"
        ) from error


def _result(found: Any, item: Mapping[str, Any]) -> Result:
    told = found.result or {}
    return Result(
        type=item["type"],
        kwargs=item["kwargs"],
        severity=item["severity"],
        description=item.get("description", ""),
        success=bool(found.success),
        unexpected=told.get("unexpected_count"),
        elements=told.get("element_count"),
        examples=tuple(told.get("partial_unexpected_list", ())[:3]),
        observed=told.get("observed_value"),
        error="" if found.success else _exception(found.exception_info or {}),
    )


def _exception(info: Mapping[str, Any]) -> str:
    # Flat where all went well, one entry a metric where one failed.
    for entry in (info, *(value for value in info.values() if isinstance(value, Mapping))):
        if message := entry.get("exception_message"):
            return " ".join(str(message).split()).removeprefix("Error: ").rstrip(".")
    return ""


def _text(value: Any) -> str:
    import numpy as np

    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_text(item)}" for key, item in value.items()) + "}"
    return repr(value) if isinstance(value, str) else str(value)
