"""What every facet has: who made it, and which schema describes it.

A facet is a plain dictionary that lies in an event under its key, in one of five
positions: run, job, dataset, input, output. The schemas of begat's own are the JSON
files in `schemas/`.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

Facet = dict[str, Any]
Position = Literal["run", "job", "dataset", "input", "output"]

SPECIFICATION = "https://openlineage.io/spec"
CORE = f"{SPECIFICATION}/2-0-2/OpenLineage.json"

#: What OpenLineage calls the entity of each position.
_ENTITIES: dict[Position, str] = {
    "run": "Run",
    "job": "Job",
    "dataset": "Dataset",
    "input": "InputDataset",
    "output": "OutputDataset",
}
#: Version, file and definition of each standard facet; the definition is named as the file.
_STANDARD: dict[tuple[Position, str], tuple[str, str, str]] = {
    ("run", "parent"): ("1-2-0", "ParentRunFacet", ""),
    ("run", "processing_engine"): ("1-1-1", "ProcessingEngineRunFacet", ""),
    ("run", "nominalTime"): ("1-0-1", "NominalTimeRunFacet", ""),
    ("run", "executionParameters"): ("1-0-0", "ExecutionParametersRunFacet", ""),
    ("run", "errorMessage"): ("1-0-1", "ErrorMessageRunFacet", ""),
    ("job", "sourceCodeLocation"): ("1-1-0", "SourceCodeLocationJobFacet", ""),
    ("job", "jobType"): ("2-0-4", "JobTypeJobFacet", ""),
    ("job", "sql"): ("1-1-0", "SQLJobFacet", ""),
    ("job", "documentation"): ("1-1-0", "DocumentationJobFacet", ""),
    ("dataset", "documentation"): ("1-1-0", "DocumentationDatasetFacet", ""),
    ("dataset", "version"): ("1-0-1", "DatasetVersionDatasetFacet", ""),
    ("dataset", "datasetType"): ("1-0-1", "DatasetTypeDatasetFacet", ""),
    ("dataset", "storage"): ("1-0-1", "StorageDatasetFacet", ""),
    ("dataset", "schema"): ("1-2-0", "SchemaDatasetFacet", ""),
    ("dataset", "columnLineage"): ("1-2-0", "ColumnLineageDatasetFacet", ""),
    ("dataset", "dataQualityMetrics"): ("1-0-0", "DataQualityMetricsDatasetFacet", ""),
    ("input", "dataQualityMetrics"): ("1-0-3", "DataQualityMetricsInputDatasetFacet", ""),
    ("input", "dataQualityAssertions"): ("1-1-0", "DataQualityAssertionsDatasetFacet", ""),
    ("input", "inputStatistics"): ("1-0-0", "InputStatisticsInputDatasetFacet", ""),
    ("input", "subset"): ("1-0-0", "BaseSubsetDatasetFacet", "InputSubsetInputDatasetFacet"),
    ("output", "outputStatistics"): ("1-0-2", "OutputStatisticsOutputDatasetFacet", ""),
    ("output", "subset"): ("1-0-0", "BaseSubsetDatasetFacet", "OutputSubsetOutputDatasetFacet"),
}
#: Begat's own facets, by key.
OURS: dict[str, Position] = {
    "begat_arrivals": "dataset",
    "begat_attempt": "run",
    "begat_hardware": "run",
    "begat_image": "run",
    "begat_metrics": "run",
    "begat_modelVersion": "dataset",
    "begat_packages": "run",
    "begat_recipe": "run",
    "begat_reproduction": "run",
    "begat_reuse": "run",
    "begat_seeds": "run",
    "begat_snapshot": "input",
    "begat_transition": "dataset",
}


def _installed_version() -> str:
    # importlib.metadata would say the same for 30 ms of every command's start.
    for entry in sys.path:
        try:
            names = os.listdir(entry or ".")
        except OSError:
            continue
        for name in names:
            if name.startswith("begat-") and name.endswith(".dist-info"):
                return name.removeprefix("begat-").removesuffix(".dist-info")
    return "unknown"


#: Version of begat that writes these facets.
VERSION = _installed_version()
#: Who made an event or a facet.
PRODUCER = f"urn:begat:producer:{VERSION}"


def _name(key: str) -> str:
    stem = key.removeprefix("begat_")
    return f"Begat{stem[0].upper()}{stem[1:]}{_ENTITIES[OURS[key]]}Facet"


_SCHEMA_URLS: dict[tuple[Position, str], str] = {
    where: f"{SPECIFICATION}/facets/{version}/{file}.json#/$defs/{definition or file}"
    for where, (version, file, definition) in _STANDARD.items()
} | {
    (position, key): f"urn:begat:facet:{_name(key)}:1-0-0#/$defs/{_name(key)}"
    for key, position in OURS.items()
}


def schema_path(key: str) -> Path:
    """The JSON Schema of one of begat's own facets.

    Raises:
        KeyError: begat has no facet of this key.

    >>> schema_path("begat_recipe").name
    'BegatRecipeRunFacet.json'
    """
    return Path(__file__).parent / "schemas" / f"{_name(key)}.json"


def facet(position: Position, key: str, body: Mapping[str, Any]) -> Facet:
    """`body` as the facet `key`, with who made it and what describes it.

    Args:
        position: where in the event it will lie.
        key: its key there; an unknown one gets the schema that all facets share.
        body: any values; what JSON does not have becomes what `jsonable` makes of it. Its
            own `_producer` and `_schemaURL` stay.
    """
    return built(position, key, jsonable(body))


def jsonable(value: Any) -> Any:
    """The nearest value that JSON has.

    numpy's scalars become Python's, tuples and sets lists, NaN and the infinities null, keys
    strings; anything else what `str` says.
    """
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(map(jsonable, value), key=repr)
    if hasattr(value, "tolist"):  # numpy's scalars and arrays
        return jsonable(value.tolist())
    return str(value)


def built(position: Position, key: str, body: Mapping[str, Any]) -> Facet:
    """As `facet`, for a body that is JSON already."""
    url = _SCHEMA_URLS.get((position, key)) or f"{CORE}#/$defs/{_ENTITIES[position]}Facet"
    return {"_producer": PRODUCER, "_schemaURL": url, **body}
