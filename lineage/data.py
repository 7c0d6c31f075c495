"""Reading and writing what references stand for."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .active import current
from .content.sources import FORMATS
from .errors import DataError, ParameterError, SettingsError, StoreError
from .records import DatasetVersion, Kind, Snapshot
from .workspace import workspace

if TYPE_CHECKING:
    import pandas as pd


def source(pattern: str | Path, *, folder: Path | None = None) -> DatasetVersion | Snapshot:
    """Take files from outside as they are now, and keep their bytes.

    Give tasks what this returns. A run that calls it itself is not reusable: what it finds is
    none of the run's inputs.

    Args:
        pattern: a path, or a pattern with partition keys: `raw/month={month}/*.csv`.
        folder: what a relative pattern is relative to; the working folder by default.

    Returns:
        One version for a path, a snapshot for a pattern with keys.

    Raises:
        DataError: nothing matches, or a file was rewritten while it was read.
        PipelineError: the pattern is malformed.
    """
    from .content import sources

    space = workspace()
    text, folder = str(pattern), folder or Path.cwd()
    found: DatasetVersion | Snapshot
    if "{" in text:
        found = sources.snapshot(text, folder=folder, cache=space.cache)
    else:
        found = sources.version(text, folder=folder, cache=space.cache)
    versions = found.versions if isinstance(found, Snapshot) else (found,)
    with suppress(StoreError, SettingsError):  # then lineage is spooled, too
        space.refuse_purged(versions)
    for version in versions:
        sources.keep(version, space.artifacts)
    current().not_reusable(f"took {text} from outside, which is none of its inputs")
    return found


def read(version: DatasetVersion) -> Any:
    """What a reference stands for: a DataFrame, JSON data, a fitted estimator, or bytes.

    The bytes are verified against the reference's digest.

    Raises:
        ArtifactError: they are not in the store, or are not those bytes.
        DataError: they cannot be read as the format the reference names.
    """
    from .content import models, tables

    store = workspace().artifacts
    kind, _, many = version.format.partition("+")
    if kind in ("csv", "jsonl", "parquet"):
        frame = tables.read_table(version, store)
        tell_rows(version, frame)
        return frame
    if many:
        raise DataError(f"{version} is many {kind} files, which only tables can be; name one file")
    content = store.read(version.digest)
    if kind == "skops":
        return models.load(content, trusted=workspace().settings.trusted_types)
    return _json(content, version) if kind == "json" else content


def tell_rows(version: DatasetVersion, frame: pd.DataFrame) -> None:
    """Let the run that reads a table say how many rows it has, if nobody has counted them."""
    if version.rows is None:
        from . import events

        counted = events.facets.input_statistics(size=version.size, rows=len(frame))
        current().input_facet(version, "inputStatistics", counted)


def write(
    data: pd.DataFrame | bytes | Path | object,
    name: str,
    *,
    partition: str = "",
    format: str = "",  # noqa: A002 - the field's own word for it
) -> DatasetVersion:
    """Keep what a task made, under a name of its own.

    Args:
        data: a DataFrame (kept as Parquet), a fitted estimator (skops), bytes, a path to a
            file, or anything JSON can hold.
        name: the dataset is `{flow}/{name}`.
        partition: its partition key, if it has one.
        format: how to read it; found from `data` by default.

    Returns:
        A reference to it: return it from the task.

    Raises:
        DataError: a DataFrame with a column that Parquet cannot hold, or a path that leads to
            no file.
        ParameterError: `data` is none of the above, or of another format than `format`.
        UntrustedModelError: an estimator of types that nobody reviewed.
        ArtifactError: the store cannot be written.
    """
    run = current()
    content, found, rows, facets = _encode(data, format)
    version = DatasetVersion(
        namespace="begat",
        name=f"{run.flow}/{name}" if run.flow else name,
        partition=partition,
        digest=workspace().artifacts.write(content),
        size=content.stat().st_size if isinstance(content, Path) else len(content),
        rows=rows,
        format=found,
        kind=_kind(found),
        producer=run.run_id,
    )
    for key, body in facets.items():
        run.output_facet(version, key, body)
    return version


def _encode(data: Any, given: str) -> tuple[bytes | Path, str, int | None, dict[str, Any]]:
    if isinstance(data, Path):
        suffix = data.suffix.lower()
        return data, given or FORMATS.get(suffix, suffix.lstrip(".") or "bytes"), None, {}
    if isinstance(data, bytes):
        return data, given or "bytes", None, {}
    if hasattr(data, "to_parquet"):
        if given not in ("", "parquet"):
            raise ParameterError(f"a DataFrame is kept as parquet, not as {given}; give its bytes")
        from . import events
        from .content import tables

        schema = events.facets.schema(tables.schema_of(data))
        return tables.to_parquet(data), "parquet", len(data), {"schema": schema}
    if given == "skops" or hasattr(data, "predict"):
        from .content import models

        content = models.dump(data)
        # Refused now, by whoever made it, rather than by everyone who reads it.
        models.check(content, trusted=workspace().settings.trusted_types)
        return content, "skops", None, {}
    try:
        text = json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ParameterError(
            f"a {type(data).__qualname__} cannot be kept ({error}); give a DataFrame, a fitted "
            "estimator, bytes, a path, or data that JSON can hold"
        ) from None
    return text.encode(), given or "json", None, {}


def _json(content: bytes, version: DatasetVersion) -> Any:
    try:
        return json.loads(content)
    except ValueError as error:
        raise DataError(f"{version} cannot be read as JSON ({error}); write it again") from None


def _kind(format_: str) -> Kind:
    if format_ == "skops":
        return "MODEL"
    return "TABLE" if format_ in ("csv", "jsonl", "parquet") else "FILE"
