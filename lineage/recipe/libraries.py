"""Values of numpy, pandas and scikit-learn, whose pickles say more than their value.

A frame's pickle knows how its columns lie in memory, an estimator's its library's
version. None of these libraries is imported here: a value of one means that it is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from blake3 import blake3

if TYPE_CHECKING:
    from .encoding import Encoder, Where


def encode(encoder: Encoder, value: Any, where: Where) -> bytes | None:
    """The encoding of a value of these libraries; None for any other."""
    numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
    if numpy is not None and isinstance(value, numpy.ndarray):
        return _array(encoder, value, where)
    if pandas is not None and hasattr(pandas, "DataFrame"):
        if isinstance(value, pandas.DataFrame):
            return _frame(encoder, value, where)
        if isinstance(value, pandas.Series):
            return _series(encoder, value, where)
        if isinstance(value, pandas.Index):
            return _index(encoder, value, where)
    if (parameters := parameters_of(value)) is not None:
        return _estimator(encoder, value, parameters, where)
    return None


def parameters_of(value: object) -> Mapping[str, Any] | None:
    """An estimator's own parameters, defaults included; None for what is no estimator."""
    get_params: Callable[..., Any] | None = getattr(type(value), "get_params", None)
    if get_params is None or not callable(get_params):
        return None
    try:
        parameters = get_params(value, deep=False)
    except TypeError:
        return None
    return parameters if isinstance(parameters, Mapping) else None


def _tagged(tag: str, *parts: bytes) -> bytes:
    from .encoding import frame

    return frame(tag, b"".join(parts))


def _estimator(encoder: Encoder, value: Any, parameters: Mapping[str, Any], where: Where) -> bytes:
    # What fit, set_output or metadata routing left beside the parameters.
    rest = {n: v for n, v in getattr(value, "__dict__", {}).items() if n not in parameters}
    return _tagged(
        "estimator",
        encoder.kind(value, where),
        encoder.state(parameters, where),
        encoder.state(rest, where),
    )


def _array(encoder: Encoder, value: Any, where: Where) -> bytes:
    import numpy

    plain = numpy.asarray(value)
    shape = encoder.encode(plain.shape, where)
    dtype = encoder.encode(plain.dtype, where)
    if plain.dtype.hasobject:
        content = encoder.encode(plain.ravel().tolist(), where)
    else:
        content = _tagged("digest", blake3(numpy.ascontiguousarray(plain).tobytes()).digest())
    attributes = encoder.state(getattr(value, "__dict__", {}), where)
    return _tagged("array", encoder.kind(value, where), dtype, shape, content, attributes)


def _frame(encoder: Encoder, value: Any, where: Where) -> bytes:
    columns = (
        _column(encoder, value.iloc[:, i].array, where.item(name))
        for i, name in enumerate(value.columns)
    )
    return _tagged(
        "frame",
        encoder.kind(value, where),
        _index(encoder, value.columns, where.attribute("columns")),
        _index(encoder, value.index, where.attribute("index")),
        _tagged("columns", *columns),
        encoder.encode(value.attrs, where.attribute("attrs")),
    )


def _series(encoder: Encoder, value: Any, where: Where) -> bytes:
    return _tagged(
        "series",
        encoder.kind(value, where),
        encoder.encode(value.name, where.attribute("name")),
        _index(encoder, value.index, where.attribute("index")),
        _column(encoder, value.array, where),
        encoder.encode(value.attrs, where.attribute("attrs")),
    )


def _index(encoder: Encoder, value: Any, where: Where) -> bytes:
    import pandas

    kind = encoder.kind(value, where)
    labels = encoder.encode(tuple(value.names), where.attribute("names"))
    if isinstance(value, pandas.RangeIndex):
        content = encoder.encode((value.start, value.stop, value.step), where)
    elif isinstance(value, pandas.MultiIndex):
        levels = (value.get_level_values(i).array for i in range(value.nlevels))
        content = _tagged("levels", *(_column(encoder, level, where) for level in levels))
    else:
        content = _column(encoder, value.array, where)
    frequency = encoder.encode(getattr(value, "freqstr", None), where)
    return _tagged("index", kind, labels, content, frequency)


def _column(encoder: Encoder, values: Any, where: Where) -> bytes:
    import numpy
    import pandas

    if isinstance(values, pandas.Categorical):
        return _tagged(
            "categorical",
            _index(encoder, values.categories, where),
            encoder.encode(bool(values.ordered), where),
            _array(encoder, values.codes, where),
        )
    if isinstance(values.dtype, numpy.dtype):
        return _tagged("column", _array(encoder, numpy.asarray(values), where))
    return _tagged(
        "column",
        encoder.encode(repr(values.dtype), where),
        encoder.encode(values.astype(object).tolist(), where),
    )
