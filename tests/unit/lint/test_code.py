"""What a look at source files finds."""

from __future__ import annotations

from pathlib import Path

import pytest

from begat.lineage.lint.code import of_file

IMPORTS = """\
import os, pickle, random, secrets, uuid
import numpy as np
import pandas as pd
import polars as pl
from pathlib import Path
from sklearn.model_selection import train_test_split
FILE = "a.csv"
FOLDER = Path("lake")
"""
FOUND = {
    'open("x.csv")': "undeclared-input",
    "open(FILE)": "undeclared-input",
    'open("x.csv", "r+")': "undeclared-input",
    'open(file="x.csv")': "undeclared-input",
    'pd.read_csv(f"{a}/x.csv")': "undeclared-input",
    'pd.read_parquet(FOLDER / "x.parquet")': "undeclared-input",
    'pl.scan_csv("x.csv").collect()': "undeclared-input",
    'np.load("x.npy")': "undeclared-input",
    '(FOLDER / "x").read_text()': "undeclared-input",
    'Path("x").open()': "undeclared-input",
    'pickle.dump(m, open("m", "wb"))': "unrecorded-model",
    'm.save_model("m.json")': "unrecorded-model",
    "np.random.default_rng()": "unseeded",
    "np.random.default_rng(None)": "unseeded",
    "np.random.normal(size=3)": "unseeded",
    "random.random()": "unseeded",
    "random.Random()": "unseeded",
    "uuid.uuid4()": "unseeded",
    "os.urandom(4)": "unseeded",
    "secrets.token_hex()": "unseeded",
    "frame.sample(frac=0.1)": "unseeded",
    "train_test_split(frame)": "unseeded",
    'x = "~/lake/x"': "machine-path",
    'x = "C:\\\\lake"': "machine-path",
    'x = "s3://lake/latest/x"': "latest",
    'x = "python:latest"': "latest",
    'x = "flights_latest.csv"': "latest",
}
NOT_FOUND = (
    "open(name)",
    'open("x.csv", "w")',
    'open("x.csv", mode="ab")',
    "pd.read_csv(buffer)",
    'source("x.csv")',
    'frame.open("x")',
    "np.random.default_rng(1)",
    "np.random.Generator(np.random.PCG64(1))",
    "rng = np.random.default_rng(1); rng.normal()",
    "frame.sample(frac=0.1, random_state=1)",
    "train_test_split(frame, random_state=1)",
    "choose.sample(3)",
    "pickle.dumps(m)",
    'x = "the latest of all"',
    'x = "latest"',
    'x = "lake/the-latests.csv"',
    '"~/a sentence of its own"',
    'x = "/month"',
)


def codes(text: str, *reached: str) -> list[str]:
    """The codes of what is found in a file."""
    return [one.code for one in of_file(Path("x.py"), text, reached=reached)]


@pytest.mark.parametrize(("line", "code"), FOUND.items(), ids=FOUND)
def test_lines_with_a_finding(line: str, code: str) -> None:
    """It is found once, where the line is, with nothing beside."""
    told = list(of_file(Path.cwd() / "x.py", IMPORTS + line + "\n", reached=()))

    assert [(one.code, one.where) for one in told] == [(code, "x.py:9")]


@pytest.mark.parametrize("line", NOT_FOUND, ids=NOT_FOUND)
def test_lines_without_one(line: str) -> None:
    """What opens nothing by name, is seeded, or only sounds so, is left alone."""
    assert codes(IMPORTS + line + "\n") == []


def test_a_name_that_only_looks_like_a_module() -> None:
    """A seeded generator may be called `random`."""
    assert codes("import numpy\nrandom = numpy.random.default_rng(7)\nrandom.integers(9)\n") == []


def test_a_file_that_seeds_what_all_share() -> None:
    """Where the shared generators are given a seed, drawing from them is no finding."""
    text = "import numpy as np\ndef f():\n    np.random.seed(3)\n    return np.random.rand()\n"

    assert codes(text, "f") == []
    assert codes(text.replace("seed(3)", "seed()"), "f") == ["unseeded"]


def test_only_what_is_reached() -> None:
    """A function is looked at if the pipeline runs it; for saved models, also if not."""
    text = 'import joblib\ndef f():\n    open("x")\n    joblib.dump(1, "m")\n'

    assert codes(text) == ["unrecorded-model"]
    assert sorted(codes(text, "f")) == ["undeclared-input", "unrecorded-model"]


def test_passwords_are_not_told() -> None:
    """An address is told without what is secret in it."""
    [one] = of_file(
        Path("x.py"), 'import requests\nrequests.get("https://me:secret@localhost/x")\n', reached=()
    )

    assert (one.code, "secret" in str(one), "localhost/x" in one.what) == (
        "undeclared-input",
        False,
        True,
    )


def test_a_path_of_one_machine_that_is_read() -> None:
    """An absolute path is two findings: it is undeclared, and it is only here."""
    assert codes('open("/srv/x")\n') == ["undeclared-input", "machine-path"]
    assert sorted(codes('open("/home/me/x")\n')) == ["machine-path", "undeclared-input"]
