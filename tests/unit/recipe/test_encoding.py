"""Which values are one value, and which are two."""

from __future__ import annotations

import datetime
import decimal
import enum
import functools
import math
import os
import re
import struct
import subprocess
import sys
import threading
import uuid
import zoneinfo
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from begat.lineage.errors import RecipeError
from begat.lineage.recipe.code import Walk
from begat.lineage.recipe.encoding import Where
from begat.lineage.recipe.party import Parties
from begat.lineage.records import DatasetVersion

Point = namedtuple("Point", "x y")
Other = namedtuple("Other", "x y")


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Size(enum.IntEnum):
    SMALL = 1


class Way(enum.Flag):
    IN = 1
    OUT = 2


@dataclass(frozen=True, slots=True)
class Slotted:
    a: int
    b: list[int] = field(default_factory=list)


class Text(str):
    pass


def encoded(value: Any) -> bytes:
    return Walk(Parties()).encode(value, Where("test is given", "value"))


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.sampled_from([0.0, -0.0, 1.0, 2.0, math.nan, math.inf])
    | st.sampled_from(["", "1", "a", "int 1:1", "\ud800"])
    | st.sampled_from([b"", b"1", b"a"])
)
keys = st.sampled_from(["a", "b", "", "int 1:1"]) | st.integers(0, 2)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(keys, inner, max_size=3)
        | st.frozensets(scalars, max_size=3)
    ),
    max_leaves=8,
)


def same(a: Any, b: Any) -> bool:
    """Equal with all types, signs of zero and orders that code can see; NaN is itself."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return repr(a) == repr(b)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict):
        return same(list(a.items()), list(b.items()))
    if isinstance(a, frozenset):
        return len(a) == len(b) and all(any(same(x, y) for y in b) for x in a)
    return bool(a == b)


@given(values, values)
def test_injective(a: Any, b: Any) -> None:
    """Two values have one encoding if, and only if, they are the same."""
    assert (encoded(a) == encoded(b)) == same(a, b)


@given(values)
def test_copies(value: Any) -> None:
    """A copy, part by part, has the encoding of the original."""

    def copied(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: copied(inner) for key, inner in part.items()}
        if isinstance(part, list | tuple):
            return type(part)(map(copied, part))
        return frozenset(sorted(part, key=repr)) if isinstance(part, frozenset) else part

    assert encoded(copied(value)) == encoded(value)


@given(values, values)
def test_free_of_context(a: Any, b: Any) -> None:
    """What stands beside a value does not run into it."""
    assert (encoded([a, b]) == encoded([b, a])) == same(a, b)


def _frame(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame(columns or {"a": [1, 2], "b": ["x", None]})


def _scattered() -> pd.DataFrame:
    frame = pd.DataFrame({"a": [1, 2], "c": [3, 4]})
    frame["b"] = ["x", None]
    return frame[["a", "b"]]


#: Values that are one value, made twice.
ONE: dict[str, Callable[[], Any]] = {
    "nan": lambda: float("nan"),
    "nan in a list": lambda: [float("nan"), {"a": (float("nan"),)}],
    "set of strings": lambda: {"a", "b", "c"},
    "decimal": lambda: decimal.Decimal("1.50"),
    "fraction": lambda: Fraction(1, 3),
    "uuid": lambda: uuid.UUID(int=7),
    "path": lambda: Path("a") / "b",
    "pattern": lambda: re.compile("a+", re.IGNORECASE),
    "datetime": lambda: datetime.datetime(2013, 1, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Rome")),
    "timedelta": lambda: datetime.timedelta(days=1),
    "named tuple": lambda: Point(1, 2),
    "enum": lambda: [Color.RED, Size.SMALL, Way.IN | Way.OUT],
    "slots": lambda: Slotted(1, [2]),
    "range and slice": lambda: (range(3), slice(1, 2)),
    "default dictionary": lambda: defaultdict(list, a=[1]),
    "ordered dictionary": lambda: OrderedDict(a=1),
    "counter": lambda: Counter("aab"),
    "deque": lambda: deque([1], maxlen=3),
    "proxy": lambda: MappingProxyType({"a": 1}),
    "namespace": lambda: SimpleNamespace(a=1, b=2),
    "sentinel": object,
    "partial": lambda: functools.partial(int, base=2),
    "string's subclass": lambda: Text("a"),
    "memoryview": lambda: memoryview(b"abc"),
    "generic alias": lambda: (list[int], dict[str, "int"]),
    "array": lambda: np.arange(6).reshape(2, 3),
    "strided array": lambda: np.arange(12).reshape(2, 6)[:, ::2],
    "objects' array": lambda: np.array(["a", None, 1], dtype=object),
    "records": lambda: np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    "masked array": lambda: np.ma.masked_array([1, 2], mask=[True, False]),
    "numpy scalar": lambda: (np.float64(1), np.int8(2), np.datetime64("2013-01-01")),
    "numpy generator": lambda: np.random.default_rng(7),
    "dtype": lambda: np.dtype("f4"),
    "ufunc": lambda: np.add,
    "numpy function": lambda: np.mean,
    "frame": _frame,
    "frame with categories": lambda: _frame(a=pd.Categorical(["x", "y"], ordered=True)),
    "frame with times": lambda: _frame(a=pd.date_range("2013-01-01", periods=2, tz="UTC")),
    "frame with missing numbers": lambda: _frame(a=pd.array([1, None], dtype="Int64")),
    "series": lambda: pd.Series([1.0, np.nan], name="a"),
    "multi-index": lambda: pd.MultiIndex.from_product([["a"], [1, 2]], names=["k", "n"]),
    "pandas scalars": lambda: (pd.Timestamp("2013-01-01", tz="UTC"), pd.NaT, pd.NA),
    "intervals": lambda: pd.IntervalIndex.from_breaks([0, 1, 2]),
}

#: Values that are not.
MANY: dict[str, list[Any]] = {
    "one": [
        *(1, 1.0, True, "1", b"1", (1,), [1], {1}, frozenset({1}), 1 + 0j, decimal.Decimal(1)),
        *(Fraction(1), np.int64(1), np.int32(1), np.float64(1), np.bool_(True), Size.SMALL),
        *(Color.RED, Way.IN, bytearray(b"1"), Text("1"), np.array(1), np.array([1]), range(1)),
    ],
    "nothing": [
        *(None, "", b"", (), [], {}, set(), frozenset(), False, 0, 0.0, -0.0, math.nan),
        *(pd.NA, pd.NaT, Ellipsis, NotImplemented, object(), SimpleNamespace(), OrderedDict()),
        *(defaultdict(list), defaultdict(int), Counter(), deque(), deque(maxlen=1), np.array([])),
    ],
    "order of a dictionary": [{"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 1}, {"a": 2, "b": 1}],
    "complex": [0j, -0j, complex(0, math.nan), complex(math.nan, 0)],
    "decimals": [decimal.Decimal(x) for x in ("1", "1.0", "-0", "0", "NaN", "sNaN", "Infinity")],
    "times": [
        datetime.datetime(2013, 1, 1),
        datetime.date(2013, 1, 1),
        datetime.datetime(2013, 1, 1, fold=1),
        datetime.datetime(2013, 1, 1, tzinfo=datetime.UTC),
        datetime.datetime(2013, 1, 1, tzinfo=zoneinfo.ZoneInfo("UTC")),
        pd.Timestamp("2013-01-01"),
        np.datetime64("2013-01-01"),
        "2013-01-01",
    ],
    "paths": [Path("a/b"), "a/b", Path("a"), Path("/a/b")],
    "patterns": [re.compile("a"), re.compile("a", re.IGNORECASE), re.compile(b"a"), "a"],
    "points": [Point(1, 2), Other(1, 2), (1, 2), Point(1, 3), {"x": 1, "y": 2}],
    "arrays": [
        np.arange(6),
        np.arange(6).reshape(2, 3),
        np.arange(6).reshape(3, 2),
        np.arange(6.0),
        np.arange(6, dtype=">i8"),
        np.arange(6).tolist(),
        np.ma.masked_array(np.arange(6), mask=[0, 0, 0, 0, 0, 1]),
    ],
    "random": [np.random.default_rng(1), np.random.default_rng(2), np.random.RandomState(1)],
    "frames": [
        _frame(),
        _frame(a=[1, 2]),
        _frame(a=[1, 2], b=["x", "y"]),
        _frame(b=["x", None], a=[1, 2]),
        _frame(a=[1.0, 2.0], b=["x", None]),
        _frame().set_axis([1, 2]),
        _frame().astype({"b": "object"}),
        _frame(a=pd.Categorical(["x", "y"])),
        _frame(a=pd.Categorical(["x", "y"], ordered=True)),
        _frame(a=pd.Categorical(["x", "y"], categories=["y", "x"])),
        _frame(a=["x", "y"]),
    ],
    "series": [
        pd.Series([1, 2]),
        pd.Series([1, 2], name="a"),
        pd.Series([1, 2], index=["a", "b"]),
        pd.Index([1, 2]),
        pd.RangeIndex(1, 3),
    ],
    "functions": [
        *(np.add, np.subtract, np.mean, np.median, len, abs, os.path.join, str.upper),
        *(str.lower, "a".join, "b".join, math.sqrt, int, float, list[int], list[str]),
    ],
}


@pytest.mark.parametrize("make", ONE.values(), ids=ONE)
def test_one_value(make: Callable[[], Any]) -> None:
    """A value made twice has one encoding."""
    assert encoded(make()) == encoded(make())


@pytest.mark.parametrize("different", MANY.values(), ids=MANY)
def test_many_values(different: list[Any]) -> None:
    """Values that code can tell apart have encodings of their own."""
    found: dict[bytes, list[Any]] = {}
    for value in different:
        found.setdefault(encoded(value), []).append(value)

    assert [group for group in found.values() if len(group) > 1] == []


def test_layout_of_a_frame() -> None:
    """How a frame's columns lie in memory is no part of its value."""
    assert encoded(_scattered()) == encoded(_frame())


def test_cycles_by_level() -> None:
    """Values that contain themselves differ by where they do."""
    inner: list[Any] = [1]
    inner.append(inner)
    outer: list[Any] = [1, [1]]
    outer[1].append(outer)
    again: list[Any] = [1]
    again.append(again)

    assert (encoded(inner) == encoded(again), encoded(inner) == encoded(outer)) == (True, False)


def test_cycles_to_another_level() -> None:
    """To contain oneself is not to contain what one is contained in."""
    itself: list[Any] = []
    itself.append(itself)
    outer: list[Any] = [[]]
    outer[0].append(outer)

    assert encoded([itself]) != encoded(outer)


def test_any_nan() -> None:
    """NaN is one value, whatever its bits."""
    (other,) = struct.unpack(">d", b"\xff\xf8\0\0\0\0\0\1")

    assert encoded(other) == encoded(math.nan)


def test_attributes_have_no_order() -> None:
    """The order in which an object got its attributes is no part of it."""
    assert encoded(SimpleNamespace(a=1, b=2)) == encoded(SimpleNamespace(b=2, a=1))


def test_version_inside_a_value() -> None:
    """A dataset version is which one it is, wherever it lies and whoever made it."""

    def version(**changed: Any) -> DatasetVersion:
        known = {"namespace": "file", "name": "/lake/raw", "digest": "blake3:00", "size": 1}
        return DatasetVersion(**{**known, **changed})

    moved = version(namespace="s3://lake", name="other/raw", producer="run", location="there")

    assert encoded([version()]) == encoded([moved])
    assert encoded([version()]) != encoded([version(digest="blake3:01")])
    assert encoded([version()]) != encoded([version(partition="month=1")])


def test_estimators() -> None:
    """An estimator is its class and all its parameters, nested ones too; fitting shows."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    plain, given = LogisticRegression(), LogisticRegression(C=1.0)
    one = make_pipeline(StandardScaler(), LogisticRegression())
    two = make_pipeline(StandardScaler(), LogisticRegression(C=2))
    fitted = LogisticRegression().fit([[0], [1]], [0, 1])

    assert encoded(plain) == encoded(given)
    assert len({encoded(e) for e in (plain, one, two, fitted)}) == 4


def test_default_changed_by_an_upgrade() -> None:
    """A default that a library changed is another value of the same call."""
    source = (
        "class Model:\n    def __init__(self, iterations={}): self.iterations = iterations\n"
        "    def get_params(self, deep=True): return vars(self)\n"
    )
    made = []
    for default in (50, 100):
        space: dict[str, Any] = {"__name__": "sklearn.linear_model"}
        exec(source.format(default), space)
        made.append(encoded(space["Model"]()))

    assert made[0] != made[1]


# Great Expectations' own imports of deprecated modules.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_expectations() -> None:
    """A Great Expectations object is its class and configuration, however it was made."""
    import great_expectations.expectations as gx

    between = gx.ExpectColumnValuesToBeBetween
    one = between(column="a", min_value=0)
    given = between(column="a", min_value=0, max_value=None, strict_min=False)
    other = between(column="a", min_value=1)

    assert (encoded(one) == encoded(given), encoded(one) == encoded(other)) == (True, False)


def test_pydantic() -> None:
    """A pydantic model is its fields' values, given or defaulted."""
    from pydantic import BaseModel

    class Config(BaseModel):
        a: int = 1
        b: list[int] = []

    one, given, other = Config(), Config(b=[], a=1), Config(a=2)

    assert (encoded(one) == encoded(given), encoded(one) == encoded(other)) == (True, False)


def test_refused_deep_nesting() -> None:
    """A value nested beyond what Python can follow is refused, not a crash."""
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]

    with pytest.raises(RecipeError, match="a list: it is nested too deeply"):
        encoded(value)
    while value:  # freed level by level: the interpreter frees nested ones by recursion
        value = value[0]


def test_refused_names_the_way() -> None:
    """A refusal says through which keys and attributes the value was reached."""
    value = {"pool": SimpleNamespace(locks=[0, threading.Lock()])}

    with pytest.raises(RecipeError, match=r"^test is given `value\['pool'\]\.locks\[1\]`, a "):
        encoded(value)


def test_failing_state() -> None:
    """A class that raises when asked for its state is refused like one that has none."""

    class Closed:
        def __reduce_ex__(self, protocol: Any) -> Any:
            raise ValueError("closed")

    with pytest.raises(RecipeError, match="Closed: nothing in it tells when it changes"):
        encoded(Closed())


PROGRAM = """
import sys; sys.path.insert(0, {folder!r})
from begat.lineage.recipe import recipe
import pipeline
print(recipe(job="j", version=0, function=pipeline.features,
             arguments={{"estimator": pipeline.model, "names": pipeline.NAMES}}).digest)
"""
PIPELINE = """
import enum, re
import numpy as np, pandas as pd
NAMES = {"b", "a", "c", ("x", frozenset({"p", "q"}))}
class Kind(enum.Enum):
    A = "a"
class Cleaner:
    words = frozenset({"x", "y", "z"})
    def run(self, frame): return frame[frame.a.isin(self.words)]
class Model:
    def __init__(self, rate=1): self.rate = rate
    def get_params(self, deep=True): return vars(self)
model = Model()
TABLE = {Kind.A: pd.DataFrame({"a": ["x", None]}), len: np.arange(3), re.compile("x"): object()}
def features(x): return Cleaner().run(x), TABLE, NAMES, {"lit", "eral"}
"""


def test_another_process(tmp_path: Path) -> None:
    """Hash seeds, addresses and folders are no part of a recipe."""
    found = set()
    for seed in ("1", "77"):
        folder = tmp_path / seed
        folder.mkdir()
        (folder / "pipeline.py").write_text(PIPELINE)
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM.format(folder=str(folder))],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
        found.add(done.stdout.strip())

    assert len(found) == 1
    assert found.pop().startswith("blake3:")
