"""prepare: one raw partition becomes one clean one, or is refused."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from begat import lineage
from begat.lineage.errors import ExpectationError
from begat.lineage.records import DatasetVersion

from . import expectations as expected
from .functions import transform

if TYPE_CHECKING:
    import pandas as pd

VERSION = 1

log = logging.getLogger("begat")


def prepare(
    part: DatasetVersion,
    *,
    function: Callable[..., Any],
    lookups: Mapping[str, DatasetVersion] | None = None,
    expectations: Sequence[object] = (),
) -> DatasetVersion:
    """A partition as `function` prepared it, written to `{flow}/prepared`.

    Expectations are about what `function` returns: it is what everything after reads.
    Their results, and metrics of the columns they looked at, are told about `part`,
    which they accept or refuse.

    Args:
        part: a raw partition.
        function: `(DataFrame, **lookups) -> DataFrame`.
        lookups: tables that come to `function` as keywords.
        expectations: see `tasks.expectations`.

    Raises:
        DataError: the function failed, or returned no DataFrame with rows.
        ExpectationError: an expectation of severity critical failed.
    """
    tables = {name: lineage.read(version) for name, version in (lookups or {}).items()}
    made = transform(function, part, lineage.read(part), tables, what="prepare")
    if expectations:
        _validate(made, part, expectations)
    return lineage.write(made, "prepared", partition=part.partition, format="parquet")


def _validate(made: pd.DataFrame, part: DatasetVersion, expectations: Sequence[object]) -> None:
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
            log.warning("%s: %s", part, result)
    if failed:
        more = f" (and {len(failed) - 1} more failed)" if len(failed) > 1 else ""
        raise ExpectationError(
            f"{part} is refused: {failed[0]}{more}; mend the partition, the function or the "
            "expectation"
        )
