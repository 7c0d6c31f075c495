"""OpenLineage's own facets, one builder each.

| builders | position |
|---|---|
| `parent`, `processing_engine`, `nominal_time`, `execution_parameters`, `error_message` | run |
| `source_code_location`, `job_type`, `sql`, `documentation` | job |
| `version`, `dataset_type`, `storage`, `schema`, `column_lineage`, | |
| `data_quality_metrics`, `documentation` | dataset |
| `input_subset`, `input_statistics`, `data_quality_metrics_input`, | |
| `data_quality_assertions` | input |
| `output_subset`, `output_statistics` | output |
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from .facet import VERSION, Facet, built, jsonable

if TYPE_CHECKING:
    from ..records import Dataset, RunRef

#: Events keep this much of a stack trace, its end.
_STACK_TRACE_CHARACTERS = 16_384


def parent(of: RunRef, *, root: RunRef | None = None) -> Facet:
    """`parent`: the run that started this one, and the outermost; `of` itself if not given."""
    return built("run", "parent", {**_run_and_job(of), "root": _run_and_job(root or of)})


def processing_engine(name: str, version: str) -> Facet:
    """`processing_engine`: who runs the job."""
    body = {"name": name, "version": version, "openlineageAdapterVersion": VERSION}
    return built("run", "processing_engine", body)


def nominal_time(start: str, *, end: str = "") -> Facet:
    """`nominalTime`: when the run was scheduled for, ISO 8601; without a zone it is UTC.

    Raises:
        ValueError: not a time.
    """
    body = {"nominalStartTime": _zoned(start)}
    if end:
        body["nominalEndTime"] = _zoned(end)
    return built("run", "nominalTime", body)


def execution_parameters(parameters: Mapping[str, Any]) -> Facet:
    """`executionParameters`: nested ones by dotted keys, values as JSON text (strings as are)."""
    listed = [
        {"key": key, "value": value if isinstance(value, str) else _text(value)}
        for key, value in _flat(parameters, "")
    ]
    return built("run", "executionParameters", {"parameters": listed})


def error_message(error: BaseException | str) -> Facet:
    """`errorMessage`: what was raised, with the end of its stack trace."""
    if isinstance(error, str):
        body = {"message": _printable(error), "programmingLanguage": "Python"}
        return built("run", "errorMessage", body)
    import traceback

    trace = "".join(traceback.format_exception(error))
    body = {
        "message": _printable("".join(traceback.format_exception_only(error)).strip()),
        "programmingLanguage": "Python",
        "stackTrace": _printable(trace[-_STACK_TRACE_CHARACTERS:]),
    }
    return built("run", "errorMessage", body)


def source_code_location(*, url: str, repository: str, commit: str, branch: str) -> Facet:
    """`sourceCodeLocation` in git; what is empty is left out."""
    body = {
        "type": "git",
        "url": url,
        "repoUrl": repository,
        "version": commit,
        "branch": branch,
    }
    return built("job", "sourceCodeLocation", {key: value for key, value in body.items() if value})


def job_type(integration: str, job_type: str) -> Facet:
    """`jobType`: whose job it is (`prefect`) and of what kind (FLOW, TASK)."""
    body = {
        "processingType": "BATCH",
        "integration": integration.upper(),
        "jobType": job_type,
    }
    return built("job", "jobType", body)


def sql(queries: Iterable[str], *, dialect: str = "") -> Facet:
    """`sql`: the queries whose answers a job reads, in the order of its arguments.

    Args:
        queries: each as it was asked; several are told one behind the other.
        dialect: the database's, where all have one.
    """
    body = {"query": ";\n".join(query.strip().rstrip(";") for query in queries)}
    if dialect:
        body["dialect"] = dialect
    return built("job", "sql", body)


def documentation(
    description: str, *, content_type: str = "", position: Literal["job", "dataset"] = "job"
) -> Facet:
    """`documentation` of a job or a dataset.

    Args:
        description: what it is.
        content_type: the description's MIME type, if it is not plain text.
        position: what is described.
    """
    body = {"description": description}
    if content_type:
        body["contentType"] = content_type
    return built(position, "documentation", body)


def version(dataset_version: str) -> Facet:
    """`version`: the digest of the bytes, or a snapshot's content root."""
    return built("dataset", "version", {"datasetVersion": dataset_version})


def dataset_type(kind: str) -> Facet:
    """`datasetType`: FILE, TABLE or MODEL."""
    return built("dataset", "datasetType", {"datasetType": kind})


def storage(layer: str, file_format: str) -> Facet:
    """`storage`: where the bytes lie (file, s3, begat) and how to read them (csv, parquet, …)."""
    return built("dataset", "storage", {"storageLayer": layer, "fileFormat": file_format})


def schema(fields: Iterable[Mapping[str, Any]]) -> Facet:
    """`schema`: name, type and, if given, description and nested fields of each column."""
    return built("dataset", "schema", {"fields": [dict(field) for field in fields]})


def input_field(
    dataset: Dataset,
    field: str,
    *,
    type: str = "DIRECT",  # noqa: A002 - the facet's own word
    subtype: str = "",
) -> dict[str, Any]:
    """A column that a column was made from, for `column_lineage`.

    Args:
        dataset: where the column is.
        field: its name.
        type: DIRECT, or INDIRECT for one that only decided what came out.
        subtype: IDENTITY, TRANSFORMATION, AGGREGATION, JOIN, FILTER, …
    """
    how = {"type": type, "subtype": subtype} if subtype else {"type": type}
    return {
        "namespace": dataset.namespace,
        "name": dataset.name,
        "field": field,
        "transformations": [how],
    }


def column_lineage(
    fields: Mapping[str, Sequence[Mapping[str, Any]]], *, dataset: Sequence[Mapping[str, Any]] = ()
) -> Facet:
    """`columnLineage`.

    Args:
        fields: for each column the `input_field`s it was made from.
        dataset: those that decided over whole rows (filters, joins, groups).
    """
    body: dict[str, Any] = {
        "fields": {name: {"inputFields": list(inputs)} for name, inputs in fields.items()}
    }
    if dataset:
        body["dataset"] = list(dataset)
    return built("dataset", "columnLineage", body)


def data_quality_metrics(metrics: Mapping[str, Any]) -> Facet:
    """`dataQualityMetrics` of a dataset; see `data_quality_metrics_input`."""
    return built("dataset", "dataQualityMetrics", _measured(metrics))


def data_quality_metrics_input(metrics: Mapping[str, Any]) -> Facet:
    """`dataQualityMetrics` of what a run read.

    Args:
        metrics: `columnMetrics` (by column: `count`, `nullCount`, `distinctCount`, `sum`,
            `min`, `max`, `quantiles`), `rowCount`, `bytes`, `fileCount`. What is not a finite
            number is left out, as the facet has no way to say it.
    """
    return built("input", "dataQualityMetrics", _measured(metrics))


def data_quality_assertions(assertions: Iterable[Mapping[str, Any]]) -> Facet:
    """`dataQualityAssertions`: each with `assertion` and `success`, and what else is known."""
    return built("input", "dataQualityAssertions", {"assertions": jsonable(list(assertions))})


def input_subset(partitions: Iterable[str]) -> Facet:
    """`subset`: the partitions that were read."""
    return built("input", "subset", {"inputCondition": _partitions(partitions)})


def output_subset(partitions: Iterable[str]) -> Facet:
    """`subset`: the partitions that were written."""
    return built("output", "subset", {"outputCondition": _partitions(partitions)})


def input_statistics(*, size: int, rows: int | None = None) -> Facet:
    """`inputStatistics`: bytes and, where they were counted, rows."""
    return built("input", "inputStatistics", _statistics(size, rows))


def output_statistics(*, size: int, rows: int | None = None) -> Facet:
    """`outputStatistics`: bytes and, where they were counted, rows."""
    return built("output", "outputStatistics", _statistics(size, rows))


def _run_and_job(run: RunRef) -> dict[str, Any]:
    return {
        "run": {"runId": run.run_id},
        "job": {"namespace": run.namespace, "name": run.job},
    }


def _zoned(text: str) -> str:
    time = datetime.fromisoformat(text)
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).isoformat()


def _flat(value: Mapping[Any, Any], prefix: str) -> Iterable[tuple[str, Any]]:
    for key, item in value.items():
        if isinstance(item, Mapping) and item:
            yield from _flat(item, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", item


def _text(value: Any) -> str:
    return json.dumps(jsonable(value), ensure_ascii=False)


def _printable(text: str) -> str:
    # Messages quote what went wrong, which is often just what events refuse.
    return text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()


def _measured(metrics: Mapping[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = _without_null(jsonable({"columnMetrics": {}, **metrics}))
    return body


def _without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_null(item) for key, item in value.items() if item is not None}
    return value


def _partitions(keys: Iterable[str]) -> dict[str, Any]:
    return {
        "type": "partition",
        "partitions": [{"identifier": key, "dimensions": _dimensions(key)} for key in keys],
    }


def _dimensions(partition: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in partition.split("/"))
    return {key: value for key, _, value in pairs if key}


def _statistics(size: int, rows: int | None) -> dict[str, int]:
    return {"size": size} if rows is None else {"size": size, "rowCount": rows}
