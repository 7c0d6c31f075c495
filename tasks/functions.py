"""A user's functions: found by name, checked before anything runs, called with a frame."""

from __future__ import annotations

import functools
import importlib
import inspect
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from begat.lineage.errors import BegatError, DataError, ParameterError, PipelineError

if TYPE_CHECKING:
    import pandas as pd

    from begat.lineage.records import DatasetVersion

_BY_KEYWORD = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_BY_POSITION = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.VAR_POSITIONAL,
)


def locate(spec: str, *, what: str) -> Any:
    """What `"module:name"` names; dots in the name go into classes.

    Args:
        spec: `"sklearn.ensemble:RandomForestClassifier"`.
        what: what it is wanted for, for the message: `estimator`, `metric`.

    Raises:
        ParameterError: it is not of that form, or names nothing.
    """
    module, colon, name = spec.partition(":")
    if not (module and colon and name):
        raise ParameterError(f"{what} {spec!r} names nothing; write it as 'module:name'")
    try:
        found: Any = importlib.import_module(module)
    except Exception as error:
        raise ParameterError(
            f"{what} {spec!r}: module {module!r} cannot be imported ({one_line(error)}); "
            "install it or mend the name"
        ) from error
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise ParameterError(
                f"{what} {spec!r}: {module!r} has no {name!r}; mend the name"
            ) from None
    return found


def name_of(value: object) -> str:
    """How messages call a function or a class: its qualified name, or its type's."""
    if callable(function := getattr(value, "func", None)):  # functools.partial
        return name_of(function)
    return getattr(value, "__qualname__", None) or type(value).__qualname__


def one_line(error: BaseException) -> str:
    """An error's message in one line; its type where it has none or is a KeyError."""
    text = " ".join(str(error).split())
    name = type(error).__name__
    return f"{name}: {text}" if text and isinstance(error, KeyError) else text or name


def typed(error: BaseException) -> str:
    """An error's type and message in one line: `ValueError: no such column`."""
    text, name = one_line(error), type(error).__name__
    return text if name in text else f"{name}: {text}"


def check_frame_function(function: object, *, what: str, lookups: Sequence[str] = ()) -> None:
    """Refuse a function that cannot be called as `function(frame, **lookups)`.

    Args:
        function: what the pipeline was given.
        what: which of its functions: `prepare`, `featurize`.
        lookups: names of the tables that come as keywords.

    Raises:
        PipelineError: it is no plain function, takes no frame first, lacks a parameter
            for a lookup, or requires one that nothing fills.
    """
    if not callable(function):
        raise PipelineError(
            f"{what}={function!r} is not a function; give one that takes a DataFrame"
        )
    called = f"{what}={name_of(function)}"
    form = f"({', '.join(['frame', *lookups])}) -> DataFrame"
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise PipelineError(
            f"{called} is a coroutine or a generator; make it a plain function {form}"
        )
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return  # some C functions do not say; calling them will tell
    if not parameters or parameters[0].kind not in _BY_POSITION:
        raise PipelineError(f"{called} takes no frame first; make it {form}")
    rest = parameters if parameters[0].kind == inspect.Parameter.VAR_POSITIONAL else parameters[1:]
    by_keyword = {parameter.name for parameter in rest if parameter.kind in _BY_KEYWORD}
    takes_any = any(parameter.kind == inspect.Parameter.VAR_KEYWORD for parameter in rest)
    if not takes_any and (missing := [name for name in lookups if name not in by_keyword]):
        raise PipelineError(f"{called} has no parameter for lookup {missing[0]!r}; make it {form}")
    for parameter in rest:
        required = parameter.default is inspect.Parameter.empty and parameter.kind in (
            *_BY_KEYWORD,
            inspect.Parameter.POSITIONAL_ONLY,
        )
        if required and parameter.name not in lookups:
            raise PipelineError(
                f"{called} requires {parameter.name!r}, which nothing fills; give it a default, "
                f"or a lookup of that name"
            )


def _place(function: Callable[..., Any], error: Exception) -> str:
    """The line of the function's own file that failed; empty where that is not known."""
    while isinstance(function, functools.partial):
        function = function.func
    code = getattr(inspect.unwrap(function), "__code__", None)
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if code is not None and frame.filename == code.co_filename
    ]
    return f" at {Path(code.co_filename).name}:{lines[-1]}" if lines and code else ""


def transform(
    function: Callable[..., Any],
    part: DatasetVersion,
    frame: pd.DataFrame,
    lookups: Mapping[str, pd.DataFrame] | None = None,
    *,
    what: str,
) -> pd.DataFrame:
    """Call a user's function on a partition's frame and check what it returns.

    Args:
        function: `(frame, **lookups) -> DataFrame`.
        part: the partition the frame was read from, for messages.
        frame: its rows; the function may change them in place.
        lookups: tables that come as keywords.
        what: which of the pipeline's functions: `prepare`, `featurize`.

    Raises:
        DataError: the function failed, or returned no DataFrame, no rows or a column twice.
    """
    import pandas as pd

    called = f"{what}={name_of(function)}"
    try:
        made = function(frame, **(lookups or {}))
    except BegatError:
        raise
    except Exception as error:
        raise DataError(
            f"{called} failed on {part}{_place(function, error)}: {typed(error)}; "
            "mend the function or the partition"
        ) from error
    if not isinstance(made, pd.DataFrame):
        raise DataError(f"{called} returned {type(made).__name__} for {part}; return a DataFrame")
    if made.empty:
        left = "no columns" if len(made) else "no rows"
        raise DataError(
            f"{called} left {left} of {part} ({len(frame)} rows read); "
            "mend the function or leave the partition out"
        )
    names = made.columns
    if odd := [name for name in names if not isinstance(name, str)]:
        raise DataError(f"{called} named a column {odd[0]!r} for {part}; column names are strings")
    if not names.is_unique:
        twice = names[names.duplicated()][0]
        raise DataError(f"{called} returned column {twice!r} twice for {part}; rename one")
    return made
