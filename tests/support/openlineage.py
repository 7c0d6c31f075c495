"""Validation of events against OpenLineage's official schemas, and begat's own facets' schemas.

The official ones are read from the folder that OPENLINEAGE_SPEC names (`OpenLineage.json` and
`facets/`). Without it only begat's facets are validated, and the header of the test report
says so; in CI its absence fails.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from begat.lineage.events import facets

#: The definition that a facet of each position extends.
_POSITIONS = {
    "RunFacet": "run",
    "JobFacet": "job",
    "DatasetFacet": "dataset",
    "InputDatasetFacet": "input",
    "OutputDatasetFacet": "output",
}
_Validators = dict[tuple[str, str], jsonschema_rs.Validator]


class SpecificationMissingError(Exception):
    """OPENLINEAGE_SPEC names no folder with OpenLineage's schemas, and this is CI."""


class InvalidEventError(AssertionError):
    """An event, or a facet in it, is not what its schema says."""


class Specification:
    """Validators of the core event and of every facet, by position and key.

    Args:
        folder: of `OpenLineage.json` and `facets/`; None: begat's facets only.
    """

    def __init__(self, folder: Path | None) -> None:
        core = _load(folder / "OpenLineage.json") if folder else _stub()
        standard = (
            [_load(path) for path in sorted((folder / "facets").glob("*.json"))] if folder else []
        )
        own = [_load(facets.schema_path(key)) for key in facets.OURS]
        documents = {document["$id"]: document for document in (core, *standard, *own)}
        self._registry = jsonschema_rs.Registry(list(documents.items()))
        #: Every definition of a facet.
        self.references: set[str] = set()
        self._core = self._validator(core["$id"])
        self._standard = self._facets(standard)
        self._own = self._facets(own)
        self.official = folder is not None

    def validate(self, event: Mapping[str, Any]) -> None:
        """Check an event, and every facet in it by its key.

        Raises:
            InvalidEventError: the first thing that is wrong, with its path.
        """
        event = json.loads(json.dumps(event, allow_nan=False))
        _check(self._core, event, "event")
        for path, position, key, facet in _facets_of(event):
            if key.startswith("begat_"):
                _check(_find(self._own, position, key, path), facet, path)
            elif self.official and any(key == known for _, known in self._standard):
                _check(_find(self._standard, position, key, path), facet, path)

    def _facets(self, documents: list[dict[str, Any]]) -> _Validators:
        found: _Validators = {}
        for document in documents:
            (key,) = document["properties"]
            for name, definition in document["$defs"].items():
                for part in definition.get("allOf", []):
                    position = _POSITIONS.get(part.get("$ref", "").rpartition("/")[2])
                    if position:
                        reference = f"{document['$id']}#/$defs/{name}"
                        found[position, key] = self._validator(reference)
                        self.references.add(reference)
        return found

    def _validator(self, reference: str) -> jsonschema_rs.Validator:
        return jsonschema_rs.validator_for(
            {"$schema": "https://json-schema.org/draft/2020-12/schema", "$ref": reference},
            validate_formats=True,
            registry=self._registry,
        )


def specification() -> Specification:
    """The specification that OPENLINEAGE_SPEC names, or begat's own schemas only.

    Raises:
        SpecificationMissingError: there is none, and this is CI.
    """
    folder = os.environ.get("OPENLINEAGE_SPEC", "")
    if folder and (Path(folder) / "OpenLineage.json").is_file():
        return Specification(Path(folder))
    if os.environ.get("CI", "").lower() in ("1", "true"):
        raise SpecificationMissingError(
            f"OPENLINEAGE_SPEC={folder!r} names no folder that holds OpenLineage.json; set it "
            "to OpenLineage's schemas"
        )
    return Specification(None)


@pytest.fixture(scope="session")
def official() -> Specification:
    """`official.validate(event)` checks an event against the official schemas."""
    return specification()


def pytest_report_header() -> str | None:
    """One line of the report when events are not checked against the official schemas."""
    folder = os.environ.get("OPENLINEAGE_SPEC", "")
    if (Path(folder) / "OpenLineage.json").is_file() and folder:
        return None
    return (
        "OpenLineage: OPENLINEAGE_SPEC names no schemas, so events are checked against begat's "
        "own schemas only"
    )


def _facets_of(event: Mapping[str, Any]) -> Iterator[tuple[str, str, str, Any]]:
    places = [("run", "run", event.get("run", {}), "facets")]
    places.append(("job", "job", event.get("job", {}), "facets"))
    places.append(("dataset", "dataset", event.get("dataset", {}), "facets"))
    for direction in ("inputs", "outputs"):
        position = direction[:-1]
        for i, dataset in enumerate(event.get(direction, [])):
            places.append((f"{direction}[{i}]", "dataset", dataset, "facets"))
            places.append((f"{direction}[{i}]", position, dataset, f"{position}Facets"))
    for path, position, holder, member in places:
        for key, facet in holder.get(member, {}).items():
            yield f"{path}.{member}.{key}", position, key, facet


def _find(validators: _Validators, position: str, key: str, path: str) -> jsonschema_rs.Validator:
    try:
        return validators[position, key]
    except KeyError:
        known = sorted(where for where, name in validators if name == key)
        raise InvalidEventError(
            f"{path}: {key} is no facet of a {position}; it belongs to {known or 'nothing known'}"
        ) from None


def _check(validator: jsonschema_rs.Validator, instance: Any, path: str) -> None:
    error = next(iter(validator.iter_errors(instance)), None)
    if error is not None:
        inside = "".join(f"[{step!r}]" for step in error.instance_path)
        raise InvalidEventError(f"{path}{inside}: {error.message}")


def _load(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def _stub() -> dict[str, Any]:
    """What begat's schemas refer to of the official one: that a facet says who made it."""
    facet = {"type": "object", "required": ["_producer", "_schemaURL"]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": facets.CORE,
        "$defs": dict.fromkeys(_POSITIONS, facet),
    }
