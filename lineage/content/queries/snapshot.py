"""The answer to a query as it is now: Parquet in the artifact store, one file a partition.

Rows are sorted by all columns, from the left. A database gives rows without an order, or with
ties, in whatever order it likes, and that must not make another version of the same data.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import DataError
from ...records import Dataset, DatasetVersion, Snapshot
from .columns import described
from .query import Query

if TYPE_CHECKING:
    import pyarrow as pa

    from ..store import ArtifactStore
    from .database import Database

#: Rows that are fetched at a time.
_BLOCK = 20_000
#: What a value of a partition key cannot have in it: references and paths are written with it.
_RESERVED = frozenset("/[]{}*@#=\\")


def snapshot(query: Query, store: ArtifactStore, *, folder: Path) -> Snapshot:
    """The answer to one query; see `snapshots`."""
    return snapshots({"": query}, store, folder=folder)[""]


def version(query: Query, store: ArtifactStore, *, folder: Path) -> DatasetVersion:
    """The answer to a query without partitions; see `snapshots`.

    Raises:
        DataError: it has partitions.
    """
    if query.keys:
        raise DataError(f"{query} has partitions; leave partition_by out, or use it as a source")
    return snapshot(query, store, folder=folder).versions[0]


def snapshots(
    queries: Mapping[str, Query], store: ArtifactStore, *, folder: Path
) -> dict[str, Snapshot]:
    """What queries answer now, those of one database at one instant. The bytes are kept.

    Args:
        queries: by whatever name.
        store: keeps the bytes.
        folder: what paths of SQLite files are relative to.

    Returns:
        By the same names, one version for each partition.

    Raises:
        DataError: a database cannot be read, an answer has no rows or none that can be kept.
        ArtifactError: the store cannot be written.
    """
    from .database import reading

    found: dict[str, Snapshot] = {}
    ordered = sorted(queries.items(), key=lambda item: item[1].url)
    for url, group in groupby(ordered, key=lambda item: item[1].url):
        with reading(url, folder=folder) as database:
            for name, query in group:
                found[name] = _taken(query, database, store)
    return found


def _taken(query: Query, database: Database, store: ArtifactStore) -> Snapshot:
    dataset = database.dataset(query)
    try:
        parts = dict(_partitions(_answer(query, database), query.keys))
    except DataError as error:
        raise DataError(f"{dataset}: {error}") from None
    return Snapshot(
        versions=tuple(_version(query, dataset, key, parts[key], store) for key in sorted(parts))
    )


def _answer(query: Query, database: Database) -> pa.Table:
    import pyarrow as pa

    # What the query says is for the database alone: neither : nor % are parameters.
    options = {"stream_results": True, "no_parameters": True}
    connection = database.connection.execution_options(**options)
    rows = 0
    with closing(connection.exec_driver_sql(query.sql)) as result:
        if result.cursor is None or not result.returns_rows:
            raise DataError("the query answers no rows; write one SELECT")
        columns = described(result.cursor.description, database.dialect)
        for block in result.partitions(_BLOCK):
            rows += len(block)
            for column, values in zip(columns, zip(*block, strict=True), strict=True):
                column.add(values)
    if not rows:
        raise DataError("the query has no rows; mend it or add the data")
    return pa.table({column.name: column.array() for column in columns})


def _partitions(table: pa.Table, keys: Sequence[str]) -> Iterator[tuple[str, pa.Table]]:
    """The rows of each partition, sorted."""
    import pyarrow as pa
    import pyarrow.compute as pc

    partition = _keys(table, keys)
    by = [partition, *_sortable(table)]
    numbered = pa.table({str(number): column for number, column in enumerate(by)})
    order = pc.sort_indices(
        numbered, sort_keys=[(name, "ascending") for name in numbered.column_names]
    )
    table = table.take(order).combine_chunks()
    runs = pc.run_end_encode(pa.chunked_array([partition.take(order).combine_chunks()]).chunk(0))
    start = 0
    for key, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
        # What lies beside a partition in memory must not show in how its own file is made.
        yield key, table.slice(start, end - start)
        start = end


def _keys(table: pa.Table, keys: Sequence[str]) -> pa.ChunkedArray:
    """The partition that each row is of."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if missing := [key for key in keys if key not in table.column_names]:
        raise DataError(
            f"partition_by names {missing[0]!r}, and the query has the columns "
            f"{', '.join(table.column_names)}; select it too"
        )
    text = functools.partial(pa.scalar, type=pa.large_string())
    parts = []
    for key in keys:
        column = table[key]
        types = pa.types
        plain = (types.is_large_string, types.is_int64, types.is_date32, types.is_boolean)
        if not any(is_plain(column.type) for is_plain in plain):
            raise DataError(
                f"partition_by names {key!r}, which holds {column.type} values; a partition is a "
                "text, a whole number, a date or a boolean: CAST it in the query"
            )
        if column.null_count:
            raise DataError(
                f"partition_by names {key!r}, which is NULL in {column.null_count:,} rows; leave "
                "them out of the query (WHERE … IS NOT NULL), or COALESCE them"
            )
        texts = column.cast(pa.large_string())
        _check_values(key, texts.unique().to_pylist())
        parts.append(pc.binary_join_element_wise(text(key), texts, text("=")))
    if not parts:
        return pa.chunked_array([pa.array([""] * len(table), pa.large_string())])
    return pc.binary_join_element_wise(*parts, text("/")) if len(parts) > 1 else parts[0]


def _check_values(key: str, values: Iterable[str]) -> None:
    for value in values:
        if (
            not value.strip()
            or value in (".", "..")
            or not value.isprintable()
            or _RESERVED & {*value}
        ):
            raise DataError(
                f"partition_by names {key!r}, which has the value {value!r}; a partition's value "
                f"is not empty and has none of {' '.join(sorted(_RESERVED))}: change it in the "
                "query (REPLACE, COALESCE)"
            )


def _sortable(table: pa.Table) -> list[pa.ChunkedArray]:
    """Columns by which any two rows that differ have an order."""
    import pyarrow as pa

    found = [column for column in table.columns if not pa.types.is_null(column.type)]
    for column in table.columns:
        if pa.types.is_floating(column.type):  # 0.0 and -0.0 are equal, and are not the same
            bits = pa.int32() if column.type == pa.float32() else pa.int64()
            found.append(pa.chunked_array([chunk.view(bits) for chunk in column.chunks], bits))
    return found


def _version(
    query: Query, dataset: Dataset, partition: str, rows: pa.Table, store: ArtifactStore
) -> DatasetVersion:
    from pyarrow import parquet

    buffer = io.BytesIO()
    parquet.write_table(rows, buffer, compression="zstd")
    content = buffer.getvalue()
    return DatasetVersion(
        namespace=dataset.namespace,
        name=dataset.name,
        partition=partition,
        digest=store.write(content),
        size=len(content),
        rows=rows.num_rows,
        format="parquet",
        kind="TABLE",
        query=query.sql,
    )
