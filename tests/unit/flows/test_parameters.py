"""Parameters on the command line and in files."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path

import pytest
from click.testing import CliRunner
from sklearn.ensemble import HistGradientBoostingClassifier

from begat.flows import Pipeline
from begat.flows.commands import run
from begat.flows.parameters import apply, read
from begat.lineage.errors import ParameterError

PIPELINE = """
from sklearn.linear_model import LogisticRegression
from begat.flows import Pipeline

def prepare(frame, factor=1.0):
    return frame

def featurize(frame):
    return frame

pipeline = Pipeline(name="coins", source="raw/day={day}.jsonl", prepare=prepare,
    featurize=featurize, estimator=LogisticRegression(), target="late")
"""
#: A few lines of aliases to aliases.
BOMB = "prepare:\n  w0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"  w{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10)
)


def prepare(frame: object, factor: float = 1.0, keep: bool = True) -> object:
    """A step with parameters."""
    return frame


def featurize(frame: object) -> object:
    """A step without."""
    return frame


@pytest.fixture
def pipeline() -> Pipeline:
    """A pipeline with parameters in several steps."""
    return Pipeline(
        name="coins",
        source="raw/day={day}.csv",
        prepare=prepare,
        featurize=featurize,
        estimator=HistGradientBoostingClassifier(),
        target="late",
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is."""
    return tmp_path / "params.yaml"


def parameters(path: Path, text: str) -> dict[str, object]:
    """What a file of this text says."""
    path.write_text(text)
    return {one.key: one.value for one in read(path)}


def test_a_nested_mapping(path: Path) -> None:
    """Steps hold their parameters; a dotted key says the same."""
    text = "train: {max_iter: 60}\nprepare:\n  factor: 2\nfeaturize.window: 7\nseed: 3\n"

    assert parameters(path, text) == {
        "train.max_iter": 60,
        "prepare.factor": 2,
        "featurize.window": 7,
        "seed": 3,
    }


@pytest.mark.parametrize("text", ["", "# nothing\n", "train:\n  # max_iter: 60\n", "{}"])
def test_nothing_is_set(path: Path, text: str) -> None:
    """A file whose parameters are all commented out sets none."""
    assert parameters(path, text) == {}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1e-3", 0.001),
        ("-2.E+3", -2000.0),
        ("1e3", 1000.0),
        ("0.5", 0.5),
        ("'1e-3'", "1e-3"),
        ("60", 60),
        ("null", None),
        ("true", True),
        ("[a, 1]", ["a", 1]),
        ("{0: 1.0, 1: 5.0}", {0: 1.0, 1: 5.0}),
    ],
)
def test_values(path: Path, written: str, value: object) -> None:
    """Values are YAML's, and a number with an exponent needs no point."""
    [(key, found)] = parameters(path, f"train: {{x: {written}}}").items()

    assert (key, found, type(found)) == ("train.x", value, type(value))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("train: {max_iter: 60", "cannot be read as YAML (expected ',' or '}', but got '<stream"),
        ("- train", "holds a list; parameters are a mapping"),
        ("train.max_iter=60", "holds a str; parameters are a mapping"),
        (
            "train: {max_iter: 60, max_iter: 61}",
            "cannot be read as YAML ('max_iter' is there twice in line 1",
        ),
        ("train: {max_iter: 60}\ntrain.max_iter: 61", "names 'train.max_iter' twice"),
        ("train: {1: 60}", "has the key 1; parameters have names"),
        ("train: !!python/object:os.system {}", "cannot be read as YAML (could not determine"),
        ("train:\n  x: 2024-99-99", "cannot be read as YAML (month must be in 1..12 in line 2)"),
        ("train: {x: !!int y}", "cannot be read as YAML (invalid literal for int()"),
        ("? [a, b]\n: 1", "cannot be read as YAML (found unhashable key in line 1)"),
        ("train: {? {a: 1} : 2}", "cannot be read as YAML (found unhashable key in line 1)"),
        (f"train: {'[' * 3000}", "nests too deeply"),
        (BOMB, "holds more than 100,000 values, or one that holds itself; mend its aliases"),
        ("train: {x: &x [*x]}", "holds more than 100,000 values, or one that holds itself"),
    ],
)
def test_a_file_that_cannot_be_read(path: Path, text: str, said: str) -> None:
    """It is refused in one line that names it."""
    with pytest.raises(ParameterError) as caught:
        parameters(path, text)

    assert str(caught.value).startswith(f"{path} {said}")
    assert "\n" not in str(caught.value)


def test_no_file(tmp_path: Path) -> None:
    """A file that is not there is named."""
    with pytest.raises(ParameterError, match=r"none\.yaml cannot be read"):
        read(tmp_path / "none.yaml")


def test_not_utf_8(path: Path) -> None:
    """So is one that is not UTF-8."""
    path.write_bytes(b"train: {x: \xe9}")

    with pytest.raises(ParameterError, match="is not UTF-8"):
        read(path)


def test_applied(pipeline: Pipeline, path: Path) -> None:
    """What the file says is what the pipeline has."""
    path.write_text("train: {max_iter: 60, learning_rate: 1e-2}\nseed: 3\n")
    changed = apply(pipeline, read(path))

    assert (changed.estimator.max_iter, changed.estimator.learning_rate, changed.seed) == (
        60,
        0.01,
        3,
    )


def test_set_wins(pipeline: Pipeline, path: Path) -> None:
    """Of two for one key the later counts."""
    path.write_text("train: {max_iter: 60, max_depth: 3}\n")
    changed = apply(pipeline, (*read(path), "train.max_iter=70"))

    assert (changed.estimator.max_iter, changed.estimator.max_depth) == (70, 3)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("train: {max_itr: 60}", "max_itr"),
        ("trian: {max_iter: 60}", "trian.max_iter"),
        ("window: 7", "window"),
        ("prepare: {factor: 'x'}", "prepare.factor"),
        ("seed: null", "seed"),
    ],
)
def test_what_the_pipeline_does_not_know(
    pipeline: Pipeline, path: Path, text: str, key: str
) -> None:
    """An unknown key or a wrong value is refused with the file's name and the key."""
    path.write_text(text)

    with pytest.raises(ParameterError) as caught:
        apply(pipeline, read(path))
    assert str(caught.value).startswith(f"{path}: ")
    assert key in str(caught.value)


def test_the_command_line_is_not_the_file(pipeline: Pipeline, path: Path) -> None:
    """An error of --set does not name the file."""
    path.write_text("train: {max_iter: 60}")

    with pytest.raises(ParameterError) as caught:
        apply(pipeline, (*read(path), "train.max_itr=70"))
    assert str(path) not in str(caught.value)


def test_the_same_content_is_the_same_request(path: Path, tmp_path: Path) -> None:
    """Parameters of a file compare by what they say, as those of a command line do."""
    path.write_text("train: {max_iter: 60}")
    other = tmp_path / "other.yaml"
    other.write_text("# the same\ntrain.max_iter: 60\n")

    assert read(path) == read(other) == ("train.max_iter=60",)
    assert json.dumps(read(path)) == '["train.max_iter=60"]'


def test_copies_and_pickles(path: Path) -> None:
    """A parameter of a file can be copied, and sent to another process."""
    path.write_text("train: {max_iter: 60}")
    (given,) = read(path)

    for again in (copy.deepcopy(given), pickle.loads(pickle.dumps(given))):
        assert (again, again.key, again.value, again.origin) == (
            "train.max_iter=60",
            "train.max_iter",
            60,
            path,
        )


def test_begat_run(tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`begat run --params` trains a model from JSON lines with the file's parameters."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "raw").mkdir()
    for day in (1, 2):
        rows = [{"x": n % 7 + day, "late": int(n % 3 == 0)} for n in range(60)]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / "raw" / f"day={day}.jsonl").write_text(text)
    (tmp_path / "coins.py").write_text(PIPELINE)
    path.write_text("train: {C: 0.25, max_iter: 50}\nprepare: {factor: 2.0}\n")
    common = ["coins.py:pipeline", "--plain", "--json", "--params", str(path)]

    first = json.loads(CliRunner().invoke(run, common, catch_exceptions=False).stdout)
    again = json.loads(CliRunner().invoke(run, common, catch_exceptions=False).stdout)
    # --set wins, wherever it stands.
    other = ["--set", "train.C=0.5", *common]
    third = json.loads(CliRunner().invoke(run, other, catch_exceptions=False).stdout)

    assert [report["model_version"] for report in (first, again, third)] == [
        "coins@1",
        "coins@1",
        "coins@2",
    ]
