from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.tree import DecisionTreeClassifier

from begat import lineage
from begat.lineage.active import ActiveRun, active
from begat.lineage.content.digest import digest_bytes
from begat.lineage.errors import ArtifactError, DataError, ParameterError, UntrustedModelError
from begat.lineage.records import DatasetVersion, Snapshot
from begat.lineage.workspace import workspace

FRAME = pd.DataFrame({"distance": [1, 2], "carrier": ["AA", "UA"]})


@pytest.fixture
def run() -> Iterator[ActiveRun]:
    """A run of the flow `delays` that this code belongs to."""
    with active(ActiveRun(run_id="01990000-0000-7000-8000-000000000001", flow="delays")) as run:
        yield run


class Unreviewed:
    """A model that nobody knows."""

    def predict(self, rows: Any) -> Any:
        """Nothing."""


# Writing and reading


def test_a_frame_is_written_as_parquet_and_read_again(run: ActiveRun) -> None:
    """The reference says whose it is, how large, and of which columns; the frame comes back."""
    made = lineage.write(FRAME, "prepared", partition="month=1")
    read = lineage.read(made)

    assert (made.namespace, made.name, made.partition, made.format, made.kind, made.rows) == (
        *("begat", "delays/prepared", "month=1", "parquet", "TABLE", 2),
    )
    assert (made.producer, made.location, made.size) == (
        run.run_id,
        "",
        len(workspace().artifacts.read(made.digest)),
    )
    assert read.equals(FRAME)
    assert [field["name"] for field in run.outputs[made]["schema"]["fields"]] == [*FRAME.columns]


def test_an_estimator_is_written_as_skops_and_read_again(run: ActiveRun) -> None:
    """A fitted model comes back fitted."""
    made = lineage.write(DecisionTreeClassifier().fit([[0], [1]], [0, 1]), "model")

    assert (made.format, made.kind, lineage.read(made).predict([[1]]).tolist()) == (
        *("skops", "MODEL"),
        [1],
    )


@pytest.mark.parametrize("data", [{"rmse": 0.5}, [1, None], "text", 3, True, None])
def test_what_json_holds_is_written_as_json_and_read_again(data: Any) -> None:
    """JSON data comes back equal."""
    made = lineage.write(data, "evaluation")

    assert (made.format, made.kind, lineage.read(made)) == ("json", "FILE", data)


def test_bytes_and_files_are_written_as_they_are(tmp_path: Path) -> None:
    """A file's suffix says how to read it, whatever its case."""
    table = tmp_path / "table.CSV"
    table.write_text("a,b\n1,2\n")
    other = tmp_path / "figure.svg"
    other.write_bytes(b"<svg/>")
    parquet = tmp_path / "table.pq"
    FRAME.to_parquet(parquet, index=False)
    made = [lineage.write(data, "x") for data in (b"raw", table, other, parquet)]

    assert [version.format for version in made] == ["bytes", "csv", "svg", "parquet"]
    assert [version.size for version in made[:3]] == [3, 8, 6]
    assert (lineage.read(made[0]), lineage.read(made[2])) == (b"raw", b"<svg/>")
    assert lineage.read(made[1]).to_dict("list") == {"a": [1], "b": [2]}
    assert lineage.read(made[3]).equals(FRAME)


def test_a_format_may_be_given(run: ActiveRun) -> None:
    """Bytes are read as what they are said to be."""
    buffer = io.BytesIO()
    FRAME.to_parquet(buffer, index=False)
    made = lineage.write(buffer.getvalue(), "x", format="parquet")

    assert (lineage.read(made).equals(FRAME), made.kind) == (True, "TABLE")


def test_the_same_data_is_the_same_version() -> None:
    """Writing is deterministic: digests of equal data are equal."""
    first, second = (
        [lineage.write(data, "x").digest for data in (FRAME.copy(), {"b": 1, "a": 2})]
        for _ in range(2)
    )

    assert first == second


def test_outside_a_run_nobody_made_it() -> None:
    """The name stands alone, and there is no producer."""
    made = lineage.write(b"x", "notes")

    assert (made.name, made.producer) == ("notes", "")


@pytest.mark.parametrize(
    ("data", "format_", "error", "said"),
    [
        ({1, 2}, "", ParameterError, "set cannot be kept"),
        (float("nan"), "", ParameterError, "float cannot be kept"),
        (np.float32(1), "", ParameterError, "give a DataFrame"),
        (FRAME, "csv", ParameterError, "kept as parquet, not as csv"),
        (pd.DataFrame({"a": [object()]}), "", DataError, "'a'"),
        (Unreviewed(), "", UntrustedModelError, "Unreviewed"),
        (Path("/no/such/file.csv"), "", DataError, "/no/such/file.csv"),
    ],
    ids=["set", "nan", "numpy", "format", "object", "model", "path"],
)
def test_what_cannot_be_kept_is_refused(
    data: Any, format_: str, error: type[Exception], said: str
) -> None:
    """One line names it."""
    with pytest.raises(error, match=said) as raised:
        lineage.write(data, "x", format=format_)

    assert "\n" not in str(raised.value)


def test_reading_verifies_the_bytes() -> None:
    """What was overwritten, or is not there, is not read."""
    made = lineage.write(b"content", "x")
    name = made.digest.removeprefix("blake3:")
    path = Path(workspace().settings.artifacts) / name[:2] / name[2:]
    path.chmod(0o644)
    path.write_bytes(b"changed")

    for said in ("overwritten", "run again"):
        with pytest.raises(ArtifactError, match=said):
            lineage.read(made)


def test_bytes_that_are_no_json_are_refused_by_name() -> None:
    """The message names the dataset."""
    made = lineage.write(b"{", "evaluation", format="json")

    with pytest.raises(DataError, match="evaluation cannot be read as JSON"):
        lineage.read(made)


def test_the_rows_of_a_raw_table_are_counted_when_it_is_read(
    run: ActiveRun, tmp_path: Path
) -> None:
    """What nobody had counted is told about the input that was read."""
    (tmp_path / "raw.csv").write_text("a\n1\n2\n3\n")
    raw = lineage.source("raw.csv", folder=tmp_path)
    lineage.read(raw)  # type: ignore[arg-type]  # a single version

    assert run.inputs[raw]["inputStatistics"]["rowCount"] == 3


# Sources


def test_a_source_is_taken_as_it_is_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its bytes are kept: what changes later does not change the reference."""
    monkeypatch.chdir(tmp_path)
    Path("raw.csv").write_text("a\n1\n")
    taken = lineage.source("raw.csv")
    assert isinstance(taken, DatasetVersion)
    Path("raw.csv").write_text("a\n2\n")

    assert (taken.digest, taken.location, taken.producer, lineage.read(taken)["a"].tolist()) == (
        digest_bytes(b"a\n1\n"),
        str(tmp_path / "raw.csv"),
        "",
        [1],
    )


def test_a_pattern_with_keys_is_a_snapshot(tmp_path: Path) -> None:
    """One version a partition, in order, of one file or of many."""
    for name in ("month=2/a.csv", "month=1/a.csv", "month=1/b.csv"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"a\n{name[6]}\n")
    taken = lineage.source("month={month}/*.csv", folder=tmp_path)
    assert isinstance(taken, Snapshot)

    assert [(part.partition, part.format, len(lineage.read(part))) for part in taken.versions] == [
        ("month=1", "csv+files", 2),
        ("month=2", "csv", 1),
    ]


def test_many_files_of_what_is_no_table_are_refused(tmp_path: Path) -> None:
    """A manifest is not handed out as if it were the data."""
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text("{}")
    taken = lineage.source("*.json", folder=tmp_path)

    with pytest.raises(DataError, match=r"many json files.*name one file"):
        lineage.read(taken)  # type: ignore[arg-type]  # a single version


def test_a_source_that_is_not_there_is_named(tmp_path: Path) -> None:
    """One line says where it was looked for."""
    with pytest.raises(DataError, match=r"missing\.csv"):
        lineage.source("missing.csv", folder=tmp_path)
