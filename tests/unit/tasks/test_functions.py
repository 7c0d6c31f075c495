from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

from begat.lineage.errors import DataError, ExpectationError, ParameterError, PipelineError
from begat.lineage.records import DatasetVersion
from begat.tasks import functions

PART = DatasetVersion(
    namespace="file", name="/lake/raw", partition="month=2013-01", digest="d", size=1
)


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """The simplest that fits."""
    return frame


def with_lookup(frame: pd.DataFrame, weather: pd.DataFrame) -> pd.DataFrame:
    """Takes one lookup."""
    return frame


def with_options(frame: pd.DataFrame, /, *, weather: pd.DataFrame, window: int = 7) -> Any:
    """Takes the lookup by keyword alone, and an option."""


def with_any(frame: pd.DataFrame, **lookups: pd.DataFrame) -> Any:
    """Takes any lookup."""


def two_frames(frame: pd.DataFrame, other: pd.DataFrame) -> Any:
    """Requires a second argument."""


def nothing() -> Any:
    """Takes nothing."""


def by_keyword_only(*, frame: pd.DataFrame) -> Any:
    """Takes the frame by keyword alone."""


async def coroutine(frame: pd.DataFrame) -> Any:
    """Has to be awaited."""


def generator(frame: pd.DataFrame) -> Iterator[Any]:
    """Has to be iterated."""
    yield frame


class Cleaner:
    def clean(self, frame: pd.DataFrame) -> Any: ...

    def __call__(self, frame: pd.DataFrame) -> Any: ...


@pytest.mark.parametrize(
    ("function", "lookups"),
    [
        (plain, []),
        (with_lookup, ["weather"]),
        (with_options, ["weather"]),
        (with_any, ["weather", "planes"]),
        (Cleaner().clean, []),
        (Cleaner(), []),
        (functools.partial(two_frames, other=None), []),
        (lambda frame: frame, []),
        (pd.DataFrame.dropna, []),
        (lambda *frames: frames[0], []),
    ],
)
def test_fitting_function_passes(function: Any, lookups: list[str]) -> None:
    """Whatever can be called with a frame and the lookups as keywords is taken."""
    functions.check_frame_function(function, what="prepare", lookups=lookups)


@pytest.mark.parametrize(
    ("function", "lookups", "message"),
    [
        ("clean", [], "prepare='clean' is not a function"),
        (nothing, [], "prepare=nothing takes no frame first; make it (frame) -> DataFrame"),
        (by_keyword_only, [], "takes no frame first"),
        (plain, ["weather"], "has no parameter for lookup 'weather'; make it (frame, weather)"),
        (two_frames, [], "requires 'other', which nothing fills"),
        (coroutine, [], "is a coroutine or a generator"),
        (generator, [], "is a coroutine or a generator"),
        (lambda **kwargs: None, [], "takes no frame first"),
    ],
)
def test_unfitting_function_is_refused(function: Any, lookups: list[str], message: str) -> None:
    """A function that would fail when called is named, with the form it should have."""
    with pytest.raises(PipelineError) as caught:
        functions.check_frame_function(function, what="prepare", lookups=lookups)

    assert message in str(caught.value)


def test_locate_finds_what_is_named() -> None:
    """`module:name` names an attribute, dots in it go into classes."""
    assert functions.locate("pandas:DataFrame.dropna", what="metric") is pd.DataFrame.dropna


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("sklearn.svm", "names nothing; write it as 'module:name'"),
        (":name", "names nothing"),
        ("no_such_module:name", "module 'no_such_module' cannot be imported"),
        ("pandas:NoSuchName", "'pandas' has no 'NoSuchName'"),
        (".relative:name", "cannot be imported"),
    ],
)
def test_locate_names_what_is_wrong(spec: str, message: str) -> None:
    """A name that leads nowhere is told with the place where it ends."""
    with pytest.raises(ParameterError) as caught:
        functions.locate(spec, what="estimator")

    assert message in str(caught.value)


def test_transform_hands_over_lookups() -> None:
    """Lookups come as keywords."""
    frame = pd.DataFrame({"a": [1]})
    weather = pd.DataFrame({"b": [2]})

    made = functions.transform(
        lambda frame, weather: frame.assign(b=weather["b"]),
        PART,
        frame,
        {"weather": weather},
        what="prepare",
    )

    assert made.to_dict("list") == {"a": [1], "b": [2]}


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda frame: None, "returned NoneType for file:/lake/raw[month=2013-01]"),
        (lambda frame: frame[:0], "left no rows of file:/lake/raw[month=2013-01] (2 rows read)"),
        (lambda frame: frame[[]], "left no columns"),
        (lambda frame: frame["b"], "at test_functions.py:150: KeyError: 'b'"),
        (lambda frame: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda frame: frame[["a", "a"]], "returned column 'a' twice"),
        (lambda frame: frame.T, "named a column 0"),
    ],
)
def test_transform_names_what_went_wrong(function: Any, message: str) -> None:
    """A function that fails, or returns nothing to go on with, is told with its partition."""
    with pytest.raises(DataError) as caught:
        functions.transform(function, PART, pd.DataFrame({"a": [1, 2]}), what="prepare")

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_transform_passes_own_errors_on() -> None:
    """An error that already says what to do is not wrapped."""

    def refuse(frame: pd.DataFrame) -> pd.DataFrame:
        raise ExpectationError("no")

    with pytest.raises(ExpectationError, match=r"^no$"):
        functions.transform(refuse, PART, pd.DataFrame({"a": [1]}), what="prepare")
