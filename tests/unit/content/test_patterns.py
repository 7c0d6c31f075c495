from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from begat.lineage.content.patterns import Pattern
from begat.lineage.errors import PipelineError

LAKE = Path("/lake")

values = st.text(
    st.characters(exclude_characters="/*{}-\0", exclude_categories=["Cs"]), min_size=1, max_size=6
).filter(lambda text: not text.startswith("."))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("weather.csv", "/lake/weather.csv"),
        ("raw/month={month}/flights.csv", "/lake/raw"),
        ("raw/region=eu/month={month}/flights.csv", "/lake/raw/region=eu"),
        ("flights-{month}.csv", "/lake/flights"),
        ("flights_month={month}.csv", "/lake/flights"),
        ("{month}.csv", "/lake"),
        ("raw/*/flights.csv", "/lake/raw"),
        ("raw/part-*.csv", "/lake/raw/part"),
        ("../other/weather.csv", "/other/weather.csv"),
        ("/absolute/{day}", "/absolute"),
        ("file:///absolute/{day}", "/absolute"),
        ("/{day}", "/"),
    ],
)
def test_fixed(pattern: str, expected: str) -> None:
    """The dataset is named by what comes before the first key or glob."""
    assert Pattern.parse(pattern, folder=LAKE).fixed == expected


def test_keys() -> None:
    """Keys come in the order of their first use, each once."""
    pattern = Pattern.parse("{b}/a={a}/{b}-*.csv", folder=LAKE)

    assert pattern.keys == ("b", "a")


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("raw/{month/x.csv", "single '{'"),
        ("raw/month}/x.csv", "single '}'"),
        ("raw/{}/x.csv", "key '', which is no name"),
        ("raw/{the month}/x.csv", "key 'the month', which is no name"),
        ("raw/{year}{month}.csv", "nothing between '{month}' and what comes before it"),
        ("raw/**/x.csv", "nothing between '\\*' and what comes before it"),
        ("", "names no file"),
        ("gs://lake/raw/{month}.csv", "gs:// cannot be read"),
        ("s3://{lake}/raw.csv", "names no objects in S3"),
        ("s3://lake", "names no objects in S3"),
    ],
)
def test_malformed(pattern: str, message: str) -> None:
    """A pattern without one meaning is refused, and says what to write."""
    with pytest.raises(PipelineError, match=message):
        Pattern.parse(pattern, folder=LAKE)


def test_folder_that_reads_as_a_pattern() -> None:
    """A relative pattern in a folder named like one is refused; an absolute one is not."""
    with pytest.raises(PipelineError, match="would be read as part of the pattern"):
        Pattern.parse("x.csv", folder=Path("/lake/{old}"))
    assert Pattern.parse("/lake/x.csv", folder=Path("/lake/{old}")).path == "/lake/x.csv"


@given(st.dictionaries(st.tuples(values, values), st.none(), min_size=1, max_size=5))
def test_values_come_back(tmp_path_factory: pytest.TempPathFactory, wanted) -> None:  # type: ignore[no-untyped-def]  # dict of pairs
    """Every value that a file name can hold is found as it was put in."""
    folder = tmp_path_factory.mktemp("lake")
    pattern = Pattern.parse("{a}/x-{b}.csv", folder=folder)
    for a, b in wanted:
        path = Path(pattern.bind({"a": a, "b": b}).path)
        path.parent.mkdir(exist_ok=True)
        path.touch()

    assert {(found["a"], found["b"]) for found, _ in pattern.find()} == set(wanted)


def test_repeated_key(tmp_path: Path) -> None:
    """A key that occurs twice has one value: files where the two differ are not its."""
    for name in ("m=1/f-1.csv", "m=1/f-2.csv", "m=2/f-2.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    pattern = Pattern.parse("m={m}/f-{m}.csv", folder=tmp_path)

    assert sorted(found["m"] for found, _ in pattern.find()) == ["1", "2"]


def test_hidden_and_other_files(tmp_path: Path) -> None:
    """Hidden files, folders and dangling links are not data."""
    for name in ("1.csv", ".2.csv", "3.csv.tmp"):
        (tmp_path / name).touch()
    (tmp_path / "4.csv").mkdir()
    (tmp_path / "5.csv").symlink_to("nowhere")
    pattern = Pattern.parse("{n}.csv", folder=tmp_path)

    assert [path for _, path in pattern.find()] == [str(tmp_path / "1.csv")]


def test_regular_expression_characters_are_literal(tmp_path: Path) -> None:
    """A dot in a pattern is a dot."""
    (tmp_path / "1xcsv").touch()

    assert list(Pattern.parse("{n}.csv", folder=tmp_path).find()) == []
