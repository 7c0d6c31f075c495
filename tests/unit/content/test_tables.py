from __future__ import annotations

import datetime
import io
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from begat.lineage.content import Manifest, MemoryStore, digest_bytes, tables
from begat.lineage.content.manifest import File
from begat.lineage.errors import ArtifactError, DataError
from begat.lineage.records import DatasetVersion


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def version(digest: str, file_format: str) -> DatasetVersion:
    return DatasetVersion(
        namespace="begat",
        name="flights/raw",
        partition="month=1",
        digest=digest,
        size=0,
        format=file_format,
    )


def several(store: MemoryStore, file_format: str, **parts: bytes) -> DatasetVersion:
    files = [File(name=name, size=len(d), digest=store.write(d)) for name, d in parts.items()]
    return version(store.write(Manifest.of(files).to_bytes()), f"{file_format}+files")


def parquet(frame: pd.DataFrame, **options: Any) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, **options)
    return buffer.getvalue()


class TestRead:
    def test_csv(self, store: MemoryStore) -> None:
        """CSV is read from the store."""
        frame = tables.read_table(version(store.write(b"a,b\n1,x\n"), "csv"), store)

        assert frame.to_dict("list") == {"a": [1], "b": ["x"]}

    def test_names_the_file(self, store: MemoryStore) -> None:
        """An error names the partition, and the file of several."""
        with pytest.raises(DataError, match=r"^flights/raw\[month=1\] is not UTF-8"):
            tables.read_table(version(store.write(b"\xff"), "csv"), store)
        with pytest.raises(DataError, match=r"^flights/raw\[month=1\]: y is not UTF-8"):
            tables.read_table(several(store, "csv", x=b"a\n1\n", y=b"\xff"), store)

    def test_several_files(self, store: MemoryStore) -> None:
        """The files of a partition are one table, in the order of their names, rows numbered."""
        frame = tables.read_table(several(store, "csv", y=b"b,a\n3,4\n", x=b"a,b\n1,2\n"), store)

        assert frame.to_dict("list") == {"a": [1, 4], "b": [2, 3]}
        assert list(frame.index) == [0, 1]

    @pytest.mark.parametrize(
        ("other", "message"),
        [(b"a\n1\n", "y has no column 'b', which .*x has"), (b"a,b,c\n1,2,3\n", "a column 'c'")],
    )
    def test_other_columns(self, store: MemoryStore, other: bytes, message: str) -> None:
        """Files of one partition that differ in columns are refused."""
        with pytest.raises(DataError, match=message):
            tables.read_table(several(store, "csv", x=b"a,b\n1,2\n", y=other), store)

    def test_missing(self, store: MemoryStore) -> None:
        """A version whose bytes are not there is an artifact error."""
        with pytest.raises(ArtifactError, match="is not in memory"):
            tables.read_table(version(digest_bytes(b""), "csv"), store)

    def test_no_table(self, store: MemoryStore) -> None:
        """What is no table says what one is."""
        with pytest.raises(DataError, match=r"no table but skops; a table is a \.csv, \.jsonl or"):
            tables.read_table(version(store.write(b""), "skops"), store)

    @pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1xxxxPAR1", b"a,b\n1,2\n" * 9])
    def test_corrupt_parquet(self, store: MemoryStore, data: bytes) -> None:
        """What is no Parquet is refused by one line."""
        with pytest.raises(DataError, match=r"cannot be read as Parquet \(.*\); write it again$"):
            tables.read_table(version(store.write(data), "parquet"), store)

    def test_damaged_parquet(self, store: MemoryStore) -> None:
        """Parquet whose pages are damaged behind a sound footer is refused."""
        data = bytearray(parquet(pd.DataFrame({"a": range(1000)})))
        data[4:400] = b"\xff" * 396

        with pytest.raises(DataError, match="cannot be read as Parquet"):
            tables.read_table(version(store.write(bytes(data)), "parquet"), store)

    def test_parquet_index(self, store: MemoryStore) -> None:
        """A named index comes back as the column it was written from, another is dropped."""
        frame = pd.DataFrame({"a": [1, 2, 3], "b": [4, 5, 6]})
        named = store.write(parquet(frame.set_index("a")))
        filtered = store.write(parquet(frame[frame["a"] > 1]))

        assert tables.read_table(version(named, "parquet"), store).to_dict("list") == {
            "b": [4, 5, 6],
            "a": [1, 2, 3],
        }
        assert list(tables.read_table(version(filtered, "parquet"), store).index) == [0, 1]


class TestColumns:
    @pytest.mark.parametrize("suffix", ["csv", "parquet"])
    def test_from_file_and_store(self, store: MemoryStore, tmp_path: Path, suffix: str) -> None:
        """A header is the same from the file, from the store and from the whole table."""
        frame = pd.DataFrame({"a": [1, 2], 'b "\n': ["x", None], "c": [0.5, 1.5]})
        data = parquet(frame[1:]) if suffix == "parquet" else frame.to_csv(index=False).encode()
        path = tmp_path / "data"
        path.write_bytes(data)
        one = version(store.write(data), suffix)

        with path.open("rb") as file:
            assert tables.columns(one, file) == ["a", 'b "\n', "c"]
        assert tables.columns(one, store) == ["a", 'b "\n', "c"]
        assert tables.columns(several(store, suffix, x=data), store) == ["a", 'b "\n', "c"]
        assert list(tables.read_table(one, store).columns) == ["a", 'b "\n', "c"]

    def test_reads_the_header_alone(self, tmp_path: Path) -> None:
        """What comes after a file's header does not matter to its columns."""
        path = tmp_path / "x.csv"
        path.write_bytes(b"a,b\n\xff\xff")

        with path.open("rb") as file:
            assert tables.columns(version(digest_bytes(b""), "csv"), file) == ["a", "b"]

    @pytest.mark.parametrize(("data", "message"), [(b"", "is empty"), (b"a,a\n", "'a' twice")])
    def test_bad_header(self, tmp_path: Path, data: bytes, message: str) -> None:
        """A bad header is refused."""
        path = tmp_path / "x.csv"
        path.write_bytes(data)

        with path.open("rb") as file, pytest.raises(DataError, match=message):
            tables.columns(version(digest_bytes(b""), "csv"), file)


DTYPES = ["str", "object", "string[python]", "string[pyarrow]"]


class TestParquet:
    @given(
        st.lists(
            st.tuples(
                st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]), max_size=4)),
                st.floats(),
                st.integers(-(2**63), 2**63 - 1),
                st.booleans(),
            ),
            min_size=1,
            max_size=8,
        )
    )
    def test_round_trip(self, rows: list[tuple[object, ...]]) -> None:
        """Any table of plain values comes back, and writing that gives the same bytes."""
        frame = pd.DataFrame(rows, columns=["text", "real", "whole", "flag"])
        frame["text"] = frame["text"].astype("str")
        store = MemoryStore()
        data = tables.to_parquet(frame)
        back = tables.read_table(version(store.write(data), "parquet"), store)

        pd.testing.assert_frame_equal(back, frame)
        assert tables.to_parquet(back) == data

    def test_what_does_not_matter(self) -> None:
        """String dtypes, row labels, attributes and the columns' own name change no byte."""
        plain = pd.DataFrame({"a": ["x", None, "y"], "n": [1, 2, 3]})
        expected = tables.to_parquet(plain)
        variants = [plain.astype({"a": dtype}) for dtype in DTYPES]
        variants.append(plain.set_axis([5, 5, 6]))
        variants.append(plain.rename_axis(columns="names"))
        variants.append(plain.set_axis(pd.Index(["a", "n"], dtype=object), axis=1))
        with_attrs = plain.copy()
        with_attrs.attrs["note"] = "now"
        variants.append(with_attrs)

        assert [tables.to_parquet(frame) == expected for frame in variants] == [True] * 8

    def test_missing_strings(self) -> None:
        """A column without any string is one of missing strings, by whatever name."""
        variants = [pd.DataFrame({"a": pd.Series([None, None], dtype=d)}) for d in DTYPES]

        assert len({tables.to_parquet(frame) for frame in variants}) == 1

    def test_categories_of_strings(self) -> None:
        """Categories stay categories, in their order, with one string dtype."""
        found = {
            tables.to_parquet(
                pd.DataFrame(
                    {
                        "a": pd.Categorical(
                            ["y", None], pd.Index(["y", "x"], dtype=dtype), ordered=True
                        )
                    }
                )
            )
            for dtype in DTYPES
        }
        [data] = found
        back = pd.read_parquet(io.BytesIO(data))["a"]

        assert (list(back.cat.categories), back.cat.ordered, list(back.isna())) == (
            ["y", "x"],
            True,
            [False, True],
        )

    def test_the_frame_is_left_alone(self) -> None:
        """Writing changes nothing in the table that is written."""
        frame = pd.DataFrame({"a": pd.Series(["x"], dtype=object)}, index=[7])
        frame.attrs["note"] = "now"
        tables.to_parquet(frame)

        assert (frame["a"].dtype, list(frame.index), frame.attrs) == (object, [7], {"note": "now"})

    def test_two_processes(self) -> None:
        """Two processes with other hash seeds and time zones write the same bytes."""
        script = """
import sys, pandas as pd
from begat.lineage.content import digest_bytes, tables
frame = pd.DataFrame({
    "text": [f"{n % 7}" for n in range(5000)],
    "day": pd.date_range("2013-01-01", periods=5000, freq="h", tz="UTC"),
    "real": [n / 3 for n in range(5000)],
    "category": pd.Categorical([f"{n % 3}" for n in range(5000)]),
})
sys.stdout.write(digest_bytes(tables.to_parquet(frame)))
"""
        digests = {
            subprocess.run(
                [sys.executable, "-c", script],
                env=os.environ | {"PYTHONHASHSEED": seed, "TZ": zone},
                check=True,
                capture_output=True,
                text=True,
            ).stdout
            for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
        }

        assert len(digests) == 1

    @pytest.mark.parametrize(
        ("frame", "message"),
        [
            (pd.DataFrame({"ok": [1, 2], "bad": [1, "x"]}), "column 'bad' cannot be written"),
            (pd.DataFrame({"bad": [2**70]}), "column 'bad' cannot be written"),
            (pd.DataFrame({"bad": [1 + 2j]}), "column 'bad' cannot be written"),
            (pd.DataFrame({"bad": [object()]}), "column 'bad' cannot be written"),
            (pd.DataFrame({7: [1]}), "column 7 cannot be written: a name is a string"),
            (pd.DataFrame([[1, 2]], columns=["a", "a"]), "column 'a' is there twice"),
            (pd.DataFrame(index=[1]), "without columns"),
            (pd.DataFrame({"a": [1], "b": [2]}).set_index("a"), "index 'a' would be lost"),
        ],
    )
    def test_unwritable(self, frame: pd.DataFrame, message: str) -> None:
        """What cannot be written whole names the column."""
        with pytest.raises(DataError, match=message) as raised:
            tables.to_parquet(frame)
        assert "\n" not in str(raised.value)

    def test_no_rows(self, store: MemoryStore) -> None:
        """A table without rows is written and read, with its dtypes."""
        frame = pd.DataFrame({"a": pd.Series([], dtype="int64"), "b": pd.Series([], dtype="str")})
        digest = store.write(tables.to_parquet(frame))

        pd.testing.assert_frame_equal(tables.read_table(version(digest, "parquet"), store), frame)


def test_schema() -> None:
    """A schema names the columns with their types, from position 1."""
    frame = pd.DataFrame({"a": [1], "b": [0.5], "c": ["x"]})

    assert tables.schema_of(frame) == [
        {"name": "a", "type": "int64", "ordinal_position": 1},
        {"name": "b", "type": "float64", "ordinal_position": 2},
        {"name": "c", "type": "str", "ordinal_position": 3},
    ]


def test_column_metrics() -> None:
    """Every column is counted; numeric ones have sum, range and quartiles."""
    frame = pd.DataFrame({"n": [1, 2, 3, 6], "x": [0.5, math.nan, 1.5, 1.5], "s": [*"aab", None]})

    assert tables.column_metrics(frame) == {
        "rowCount": 4,
        "columnMetrics": {
            "n": {
                "count": 4,
                "nullCount": 0,
                "distinctCount": 4,
                "sum": 12,
                "min": 1,
                "max": 6,
                "quantiles": {"0.25": 1.75, "0.5": 2.5, "0.75": 3.75},
            },
            "x": {
                "count": 3,
                "nullCount": 1,
                "distinctCount": 2,
                "sum": 3.5,
                "min": 0.5,
                "max": 1.5,
                "quantiles": {"0.25": 1.0, "0.5": 1.5, "0.75": 1.5},
            },
            "s": {"count": 3, "nullCount": 1, "distinctCount": 2},
        },
    }


def test_column_metrics_are_json() -> None:
    """Whatever the columns hold, their metrics are finite JSON."""
    frame = pd.DataFrame(
        {
            "infinite": [math.inf, 1.0],
            "missing": [math.nan, math.nan],
            "flag": [True, False],
            "day": [datetime.date(2013, 1, 1)] * 2,
            "time": pd.to_datetime(["2013-01-01", None]),
            "span": pd.to_timedelta([1, 2], unit="s"),
            "list": [[1], [2]],
            "nullable": pd.array([1, None], dtype="Int64"),
            "small": np.array([1.5, 2.5], dtype="float32"),
            "complex": [1j, 2j],
            "category": pd.Categorical([1, 2]),
        }
    )
    metrics = tables.column_metrics(frame)

    assert json.loads(json.dumps(metrics, allow_nan=False)) == metrics
    assert metrics["columnMetrics"]["nullable"]["sum"] == 1
    assert "max" not in metrics["columnMetrics"]["infinite"]
