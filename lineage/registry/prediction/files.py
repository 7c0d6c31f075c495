"""Rows out of files, and predictions into them: CSV, JSON lines and Parquet."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...content import delimited, tables
from ...content.memory import MemoryStore
from ...content.sources import FORMATS
from ...errors import ParameterError
from ...records import DatasetVersion

if TYPE_CHECKING:
    import pandas as pd

#: What this reads and writes, by file suffix.
SUFFIXES = {suffix: kind for suffix, kind in FORMATS.items() if kind in ("csv", "jsonl", "parquet")}
_TRUTHS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


def kind_of(name: str) -> str:
    """The format of a file by its name; CSV for `-`.

    Raises:
        ParameterError: its suffix is none of a table's.
    """
    if name == "-":
        return "csv"
    for suffix, kind in SUFFIXES.items():
        if name.lower().endswith(suffix):
            return kind
    raise ParameterError(f"{name} is no table by its name; give one of {', '.join(SUFFIXES)}")


def read(
    data: bytes, kind: str, features: Sequence[Mapping[str, Any]], *, name: str
) -> pd.DataFrame:
    """The rows that a file holds, if any: a header alone, or an empty file of JSON lines, has none.

    CSV has no types, so its values are taken for what the signature says, as far as they can be:
    `007` stays text where the model takes text. What cannot be stays text too.

    Args:
        data: the file's bytes.
        kind: csv, jsonl or parquet.
        features: of the model's signature.
        name: of the file, for errors.

    Raises:
        DataError: it cannot be read.
    """
    import pandas as pd

    if kind == "jsonl" and not data.strip():
        return pd.DataFrame(columns=[feature["name"] for feature in features])
    if kind != "csv":
        return _table(data, kind, name)
    if not delimited.is_bare(data, name=name):
        _table(data, kind, name)  # it is one; what pandas takes its values for is forgotten
    frame = pd.read_csv(io.BytesIO(data), encoding="utf-8-sig", dtype=str)
    typed = [feature["name"] for feature in features if feature["dtype"] != "string"]
    return frame.assign(**{name: _typed(frame[name]) for name in typed if name in frame.columns})


def _table(data: bytes, kind: str, name: str) -> pd.DataFrame:
    store = MemoryStore()
    version = DatasetVersion(
        namespace="file",
        name=name,
        location=name,
        digest=store.write(data),
        size=len(data),
        format=kind,
    )
    return tables.read_table(version, store)


def _typed(texts: pd.Series[Any]) -> pd.Series[Any]:
    """Numbers, true and false; what is none of these as it was."""
    import pandas as pd

    numbers = pd.to_numeric(texts, errors="coerce")
    rest = numbers.isna() & texts.notna()
    if not rest.any():
        return numbers
    mixed = texts.astype(object)
    mixed[numbers.notna()] = pd.to_numeric(texts[numbers.notna()]).astype(object)
    mixed[rest] = [_TRUTHS.get(text, text) for text in texts[rest]]
    return mixed


def table(outputs: Mapping[str, Any], classes: Sequence[Any]) -> pd.DataFrame:
    """Predictions as a table: `prediction`, and `probability_CLASS` of each class.

    Args:
        outputs: of `Model.outputs`.
        classes: the model's, in its order; empty where it has none.
    """
    import pandas as pd

    columns = {"prediction": outputs["predict"]}
    if "predict_proba" in outputs:
        for place, value in enumerate(classes):
            columns[f"probability_{value}"] = outputs["predict_proba"][:, place]
    return pd.DataFrame(columns)


def write(predictions: pd.DataFrame, kind: str) -> bytes:
    """The table as a file's bytes; what was not predicted is empty, or null.

    Args:
        predictions: as `table` makes them.
        kind: csv, jsonl or parquet.
    """
    if kind == "parquet":
        return tables.to_parquet(predictions)
    if kind == "csv":
        return predictions.to_csv(index=False).encode()
    rows = (json.dumps(row, ensure_ascii=False) + "\n" for row in records(predictions))
    return "".join(rows).encode()


def records(predictions: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as JSON has them."""
    plain = predictions.astype(object)
    rows = plain.where(plain.notna(), None).itertuples(index=False, name=None)
    return [dict(zip(predictions.columns, row, strict=True)) for row in rows]
