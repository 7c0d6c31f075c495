from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import Ridge
from sklearn.preprocessing import FunctionTransformer

from begat.lineage.content import models, reviewed
from begat.lineage.errors import DataError, ParameterError, UntrustedModelError
from support import model_zoo

DATA = {"X": [[0.0], [1.0]], "y": [0, 1]}


class Unreviewed:
    """Stands for a type that nobody looked at."""


def double(x: Any) -> Any:
    """Stands for a function that nobody looked at."""
    return 2 * x


class Hostile:
    """Unpickling one writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


def predict(model: Any, rows: Any) -> Any:
    return (getattr(model, "predict_proba", None) or model.predict)(rows)


@pytest.mark.parametrize("name", model_zoo.ZOO)
def test_round_trip(name: str) -> None:
    """Each family is loaded with reviewed types only, predicts bit for bit, and is dumped equal."""
    model = model_zoo.fitted(name)
    rows = model_zoo.ZOO[name][1]()
    data = models.dump(model)
    back = models.load(data)

    assert predict(back, rows).tobytes() == predict(model, rows).tobytes()
    assert models.dump(back) == data
    assert models.dump(model) == data


def test_two_processes() -> None:
    """Processes with other hash seeds, thread counts and addresses fit the same files."""
    outputs = {
        subprocess.run(
            [sys.executable, model_zoo.__file__],
            env=os.environ
            | {"PYTHONHASHSEED": seed, "OMP_NUM_THREADS": threads, "BALLAST": ballast},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed, threads, ballast in (("1", "1", "100"), ("2", "2", "5000"))
    }
    [digests] = outputs

    assert len(digests.splitlines()) == len(model_zoo.REPRODUCIBLE)


def test_skops_loads_it() -> None:
    """A model file is a skops file to skops itself."""
    from skops import io as skops_io

    model = model_zoo.fitted("ridge")
    rows = model_zoo.numbers()

    assert np.array_equal(skops_io.loads(models.dump(model)).predict(rows), model.predict(rows))


def test_archive() -> None:
    """Members are stored, sorted and dated alike."""
    with zipfile.ZipFile(io.BytesIO(models.dump(model_zoo.fitted("boosting")))) as archive:
        members = archive.infolist()

    assert [m.filename for m in members] == sorted(m.filename for m in members)
    assert {(m.compress_type, m.date_time) for m in members} == {
        (zipfile.ZIP_STORED, (1980, 1, 1, 0, 0, 0))
    }


def test_sets_have_an_order() -> None:
    """A set of strings is written in one order, whatever order it is in."""
    words = [f"word {n}" for n in range(50)]
    ridge = Ridge().fit(DATA["X"], DATA["y"])
    files = set()
    for order in (words, words[::-1]):
        ridge.words_ = set(order)
        files.add(models.dump(ridge))

    assert len(files) == 1
    assert models.load(files.pop()).words_ == set(words)


def test_shared_objects_stay_shared() -> None:
    """Two references to one array are one array after loading; two equal ones stay two."""
    ridge = Ridge().fit(DATA["X"], DATA["y"])
    ridge.one_ = ridge.same_ = np.arange(3)
    ridge.other_ = np.arange(3)
    back = models.load(models.dump(ridge))

    assert back.one_ is back.same_
    assert back.one_ is not back.other_


@pytest.mark.parametrize("key", ["__id__", "__loader__", "file", "__class__", "content"])
def test_keys_that_look_like_skops_own(key: str) -> None:
    """A dict in a model may have any key, and any string as its value."""
    ridge = Ridge().fit(DATA["X"], DATA["y"])
    ridge.notes_ = {key: "JsonNode", "array": np.arange(2)}
    back = models.load(models.dump(ridge))

    assert back.notes_[key] == "JsonNode"


def test_a_changed_coefficient() -> None:
    """Another model is another file."""
    ridge = Ridge().fit(DATA["X"], DATA["y"])
    before = models.dump(ridge)
    ridge.coef_ = np.nextafter(ridge.coef_, 1)

    assert models.dump(ridge) != before


def test_lambda() -> None:
    """A model with a lambda is refused when it is saved, not when it is needed."""
    model = FunctionTransformer(lambda x: x).fit(DATA["X"])

    with pytest.raises(ParameterError, match=r"uses the function .*<lambda>.* with def at the top"):
        models.dump(model)


def test_unsupported() -> None:
    """A model with something that skops cannot save names it."""
    model = FunctionTransformer(kw_args={"lines": (line for line in ())}).fit(DATA["X"])

    with pytest.raises(ParameterError, match="FunctionTransformer cannot be saved"):
        models.dump(model)


def test_unreviewed_type() -> None:
    """A type that nobody reviewed is named with how to trust it, and loads once it is."""
    ridge = Ridge().fit(DATA["X"], DATA["y"])
    ridge.extra_ = Unreviewed()
    data = models.dump(ridge)
    name = f"{Unreviewed.__module__}.Unreviewed"

    with pytest.raises(UntrustedModelError, match=r"Unreviewed.*trusted_types = \[\"") as raised:
        models.load(data)
    assert name in str(raised.value)
    assert isinstance(models.load(data, trusted=[name]).extra_, Unreviewed)


def test_unreviewed_function() -> None:
    """A function of somebody's own is refused, too."""
    data = models.dump(FunctionTransformer(double).fit(DATA["X"]))

    with pytest.raises(UntrustedModelError, match=r"\.double"):
        models.load(data)


@pytest.mark.parametrize("function", [os.system, os.getcwd, eval, exec, open, pickle.loads])
def test_dangerous_functions(function: Any) -> None:
    """No dangerous function is among the reviewed, wrapped in a reviewed partial or not."""
    from functools import partial

    for wrapped in (function, partial(function, "true")):
        data = models.dump(FunctionTransformer(wrapped))
        with pytest.raises(UntrustedModelError, match=function.__name__):
            models.load(data)


def test_pickle(tmp_path: Path) -> None:
    """A pickle in the place of a model is refused without running any of it."""
    target = tmp_path / "touched"

    with pytest.raises(UntrustedModelError, match="not a skops model file and was not loaded"):
        models.load(pickle.dumps(Hostile(target)))
    assert not target.exists()


def test_object_array_is_not_unpickled(tmp_path: Path) -> None:
    """A pickle inside an array's file inside an archive is not run either."""
    target = tmp_path / "touched"
    buffer = io.BytesIO()
    np.save(buffer, np.array([Hostile(target)], dtype=object), allow_pickle=True)
    data = replaced(models.dump(Ridge().fit(DATA["X"], DATA["y"])), "000000.npy", buffer.getvalue())

    with pytest.raises(DataError, match="cannot be loaded"):
        models.load(data)
    assert not target.exists()


@pytest.mark.parametrize(
    ("member", "content"),
    [
        ("schema.json", b""),
        ("schema.json", b"{}"),
        ("schema.json", b"[]"),
        ("schema.json", b'{"__loader__": "NoSuchNode"}'),
        ("schema.json", b"[" * 100_000),
        ("000000.npy", b""),
    ],
)
def test_damaged_archive(member: str, content: bytes) -> None:
    """A damaged archive is an error of one line."""
    data = replaced(models.dump(Ridge().fit(DATA["X"], DATA["y"])), member, content)

    with pytest.raises(DataError, match="the model file cannot be loaded") as raised:
        models.load(data)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"\x80\x04."])
def test_no_archive(data: bytes) -> None:
    """Empty and cut files are refused."""
    with pytest.raises(UntrustedModelError, match="not a skops model file"):
        models.load(data)


def test_reviewed_names_exist() -> None:
    """Every reviewed name is sorted into one family, and none is a whole module."""
    names = [name for family in reviewed.FAMILIES.values() for name in family]

    assert len(names) == len(set(names)) == len(reviewed.TYPES)
    assert all(name.count(".") for name in names)


def test_unfitted() -> None:
    """An estimator that was not fitted can be saved and loaded, too."""
    assert models.load(models.dump(RandomForestClassifier(7))).n_estimators == 7


def replaced(data: bytes, member: str, content: bytes) -> bytes:
    """The archive with another content for one of its members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            new.writestr(name, content if name == member else old.read(name))
    return buffer.getvalue()
