"""prepare: one raw partition becomes one clean one, or is refused; odd rows are put aside."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from begat import lineage
from begat.lineage.errors import DataError, ExpectationError
from begat.lineage.records import DatasetVersion

from . import expectations as expected
from .functions import transform
from .lookups import tables as lookup_tables

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from .expectations import Result

VERSION = 2

#: The column that says why a row was put aside.
REASON = "quarantine_reason"

log = logging.getLogger("begat")


def prepare(
    part: DatasetVersion,
    *,
    function: Callable[..., Any],
    lookups: Mapping[str, DatasetVersion] | None = None,
    expectations: Sequence[object] = (),
) -> DatasetVersion | dict[str, DatasetVersion]:
    """A partition as `function` prepared it, written to `{flow}/prepared`.

    Expectations are about all that `function` returns. Their results, and metrics of its
    columns, are told about `part`, which they accept or refuse. Where one of severity warning
    is about single rows, the rows that fail it are left out of `{flow}/prepared` and written
    to `{flow}/quarantine`, with a column `quarantine_reason` that names what they failed.

    Args:
        part: a raw partition.
        function: `(DataFrame, **lookups) -> DataFrame`.
        lookups: tables that come to `function` as keywords.
        expectations: see `tasks.expectations`.

    Returns:
        The prepared partition. If any expectation can put rows aside, `prepared` and
        `quarantine` by these names, the latter without rows if all are as expected.

    Raises:
        DataError: the function failed, or returned no DataFrame with rows.
        ExpectationError: an expectation of severity critical failed, or no row is left.
    """
    made = transform(
        function, part, lineage.read(part), lookup_tables(lookups or {}), what="prepare"
    )
    results = _validate(made, part, expectations) if expectations else ()
    if not expected.quarantines(expectations):
        return _write(made, "prepared", part)
    odd, aside = _put_aside(made, part, results)
    # A partition that is all right has a quarantine too: else an older one would seem to hold.
    return {
        "prepared": _write(made[~odd] if odd.any() else made, "prepared", part),
        "quarantine": _write(aside, "quarantine", part),
    }


def _write(frame: pd.DataFrame, name: str, part: DatasetVersion) -> DatasetVersion:
    return lineage.write(frame, name, partition=part.partition, format="parquet")


def _put_aside(
    made: pd.DataFrame, part: DatasetVersion, results: Sequence[Result]
) -> tuple[np.ndarray[Any, np.dtype[np.bool_]], pd.DataFrame]:
    """Which rows are put aside, and these rows with their reasons."""
    import numpy as np

    if REASON in made.columns:
        raise DataError(
            f"prepare returned a column {REASON!r} for {part}, which rows that are put aside "
            "get; rename it"
        )
    reasons: dict[int, list[str]] = {}
    for result in results:
        for row in result.rows:
            reasons.setdefault(row, []).append(result.rule)
    odd = np.zeros(len(made), dtype=bool)
    odd[list(reasons)] = True
    if odd.all():
        raise ExpectationError(
            f"{part} is refused: all of its {len(made)} rows would be put aside, the first for "
            f"{reasons[0][0]}; mend the partition, the function or the expectation"
        )
    said = ["; ".join(reasons[row]) for row in sorted(reasons)]
    # Of no rows too a column of texts: all quarantines have one schema.
    return odd, made[odd].assign(**{REASON: np.array(said, dtype="str")})


def _validate(
    made: pd.DataFrame, part: DatasetVersion, expectations: Sequence[object]
) -> tuple[Result, ...]:
    from begat.lineage.content.tables import column_metrics
    from begat.lineage.events import facets

    results = expected.check(made, expectations)
    # Before the refusal: what a run said about its inputs is in its FAIL event too.
    assertions = facets.data_quality_assertions([result.assertion() for result in results])
    lineage.current().input_facet(part, "dataQualityAssertions", assertions)
    metrics = facets.data_quality_metrics_input(column_metrics(made))
    lineage.current().input_facet(part, "dataQualityMetrics", metrics)
    failed = [result for result in results if result.refuses]
    for result in results:
        if not (result.success or result.refuses):
            aside = "; the rows are put aside" if result.rows else ""
            log.warning("%s: %s%s", part, result, aside)
    if failed:
        more = f" (and {len(failed) - 1} more failed)" if len(failed) > 1 else ""
        raise ExpectationError(
            f"{part} is refused: {failed[0]}{more}; mend the partition, the function or the "
            "expectation"
        )
    return results
