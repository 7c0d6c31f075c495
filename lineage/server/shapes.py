"""The graph's answers as models of pydantic, so that the description of the server is complete."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, create_model

from ..graph.answer import Answer, Record

#: By name: each is made once, so that the description names it once.
_MADE: dict[str, type[BaseModel]] = {}


def model_of(record: type[Record], *, items: type[Record] | None = None) -> type[BaseModel]:
    """What `to_json` of a record gives, as a model.

    Args:
        record: a frozen record.
        items: what a listing lists.
    """
    name = f"{items.__name__}s" if items else record.__name__
    if name in _MADE:
        return _MADE[name]
    hints = get_type_hints(record)
    fields: dict[str, Any] = {"kind": (Literal[record.kind], ...)} if record.kind else {}
    for one in dataclasses.fields(record):  # type: ignore[arg-type]  # every record is one
        listed = items if one.name == "items" else None
        fields[one.name] = (_list(listed) if listed else _shape(hints[one.name]), ...)
    if issubclass(record, Answer):
        fields["truncated"] = (bool, ...)
    made = _MADE[name] = create_model(name, __doc__=record.__doc__, **fields)
    return made


def _shape(hint: Any) -> Any:
    if isinstance(hint, type) and issubclass(hint, Record):
        return model_of(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is tuple:
        return _list(arguments[0])
    if origin in (Union, types.UnionType):
        return Union[tuple(_shape(one) for one in arguments)]  # noqa: UP007 - of a tuple
    if origin is not None and issubclass(origin, Mapping):
        return dict[str, Any]
    return hint


def _list(of: Any) -> Any:
    return list[_shape(of)]  # type: ignore[misc]  # made at run time
