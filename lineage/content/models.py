"""Model files: skops archives whose bytes depend on the model alone.

skops names members and objects by memory addresses. `dump` gives them numbers
in the order of their first use, so that one model is one file in every
process, and any skops can load it.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from zipfile import ZIP_STORED, ZipFile, ZipInfo, is_zipfile

from ..errors import DataError, ParameterError, UntrustedModelError
from . import reviewed, tree_bounds

_SCHEMA = "schema.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)

#: A node of the tree in skops' schema: what an object is made of.
_State = dict[str, Any]


def dump(estimator: object) -> bytes:
    """The model as a skops archive, the same bytes in every process.

    Raises:
        ParameterError: it holds something that a model file cannot.
    """
    from skops import io as skops_io

    try:
        raw = skops_io.dumps(estimator)
    except (TypeError, ValueError, AttributeError) as error:
        raise ParameterError(
            f"{type(estimator).__name__} cannot be saved ({_first_line(error)}); "
            "replace that part of it"
        ) from None
    with ZipFile(io.BytesIO(raw)) as archive:
        schema = json.loads(archive.read(_SCHEMA))
        names = _Canonical().rename(schema)
        members = {new: _plain_array(archive.read(old)) for old, new in names.items()}
    members[_SCHEMA] = json.dumps(schema, separators=(",", ":")).encode()
    return _zip(members)


def check(data: bytes, *, trusted: Sequence[str] = ()) -> None:
    """Refuse a model file that `load` would not load for what it holds; nothing is built of it.

    Args:
        data: what `dump` or skops wrote.
        trusted: further types and functions to allow, by their full names.

    Raises:
        UntrustedModelError: it holds other types, or is no skops archive.
        DataError: it is damaged.
    """
    if unknown := _unknown(_unreviewed(data), trusted):
        raise _untrusted(unknown)


def load(data: bytes, *, trusted: Sequence[str] = ()) -> Any:
    """The model that a skops archive holds, if every type in it is reviewed or trusted.

    Args:
        data: what `dump` or skops wrote.
        trusted: further types and functions to allow, by their full names.

    Raises:
        UntrustedModelError: it holds other types, or its trees lead outside themselves.
        DataError: it is damaged, or made by other versions of its libraries.
    """
    from skops import io as skops_io

    extra = _unreviewed(data)
    if unknown := _unknown(extra, trusted):
        raise _untrusted(unknown)
    try:
        model = skops_io.loads(data, trusted=extra)
        tree_bounds.check(model)
    except UntrustedModelError:
        raise
    except Exception as error:
        # A damaged or hostile archive can fail anywhere in skops, json, zipfile or numpy.
        raise _damaged(error) from None
    return model


def _unreviewed(data: bytes) -> list[str]:
    """What an archive holds beside the types that skops itself knows, without building any."""
    from skops import io as skops_io

    if not is_zipfile(io.BytesIO(data)):
        raise UntrustedModelError(
            "this is not a skops model file and was not loaded; pickles run the code they hold: "
            "save the model with skops"
        )
    try:
        return sorted(set(skops_io.get_untrusted_types(data=data)))
    except Exception as error:  # as in `load`
        raise _damaged(error) from None


def _damaged(error: Exception) -> DataError:
    return DataError(
        f"the model file cannot be loaded ({_first_line(error)}); "
        "train the model again, or install the versions it was made with"
    )


def _unknown(extra: Iterable[str], trusted: Sequence[str]) -> list[str]:
    return sorted(set(extra) - reviewed.TYPES - set(trusted))


def _untrusted(unknown: list[str]) -> UntrustedModelError:
    return UntrustedModelError(
        f"the model holds {', '.join(unknown)}, which nobody reviewed; if you trust "
        f"{'it' if len(unknown) == 1 else 'them'}, say so in pyproject.toml: "
        f"[tool.begat] trusted_types = {json.dumps(unknown)}"
    )


class _Canonical:
    """Numbers for the objects and members of a schema, in the order of their first use."""

    def __init__(self) -> None:
        self._ids: dict[int, int] = {}
        self._last = 0
        self._names: dict[str, str] = {}

    def rename(self, schema: _State) -> Mapping[str, str]:
        """Renumber the schema in place; the old names of its members and their new ones."""
        self._visit(schema)
        return self._names

    def _visit(self, value: object) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("__loader__"), str):
                self._visit_state(value)
            for part in value.values():
                self._visit(part)
        elif isinstance(value, list):
            for part in value:
                self._visit(part)

    def _visit_state(self, state: _State) -> None:
        loader = state["__loader__"]
        if loader == "FunctionNode":
            _check_importable(state)
        elif loader == "SetNode":
            state["content"].sort(key=_without_addresses)
        elif loader == "PartialNode":
            _forget_empty_namespace(state["content"])
        if state["__class__"] == "_BinMapper":
            _forget_threads(state)
        if isinstance(state.get("__id__"), int):
            state["__id__"] = self._number(state["__id__"], shared=loader != "JsonNode")
        if isinstance(state.get("file"), str):
            old = state["file"]
            suffix = old.rpartition(".")[2]
            state["file"] = self._names.setdefault(old, f"{len(self._names):06d}.{suffix}")

    def _number(self, address: int, *, shared: bool) -> int:
        if shared and address in self._ids:
            return self._ids[address]
        self._last += 1
        # Whether two equal numbers or strings are one object is the interpreter's whim.
        if shared:
            self._ids[address] = self._last
        return self._last


def _check_importable(state: _State) -> None:
    module, name = state["__module__"], state["__class__"]
    if not hasattr(sys.modules.get(module), name):
        raise ParameterError(
            f"the model uses the function {module}.{name}, which a model file can only name; "
            "define it with def at the top of a module"
        )


def _forget_threads(state: _State) -> None:
    """HistGradientBoosting keeps how many threads it was fitted with; it predicts without it."""
    threads = state.get("content", {}).get("content", {}).get("n_threads")
    if isinstance(threads, dict) and threads.get("__loader__") == "JsonNode":
        threads["content"] = "1"


def _forget_empty_namespace(content: _State) -> None:
    """A partial that skops has loaded has an empty `__dict__`, where a new one has none."""
    namespace = content["namespace"]
    if namespace["__loader__"] == "DictNode" and not namespace["content"]:
        content["namespace"] = {
            "__class__": "str",
            "__module__": "builtins",
            "__loader__": "JsonNode",
            "content": "null",
            "is_json": True,
            "__id__": namespace["__id__"],
        }


def _without_addresses(state: _State) -> str:
    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: strip(v) for k, v in value.items() if k not in ("__id__", "file")}
        return [strip(part) for part in value] if isinstance(value, list) else value

    return json.dumps(strip(state), sort_keys=True)


def _plain_array(member: bytes) -> bytes:
    """An array's file with zeros in the gaps between the fields of its records."""
    import numpy as np

    if not member.startswith(b"\x93NUMPY"):
        return member
    array = np.load(io.BytesIO(member), allow_pickle=False)
    fields = array.dtype.fields
    if fields is None:
        return member
    gap = np.ones(array.itemsize, dtype=bool)
    for dtype, offset in (field[:2] for field in fields.values()):
        gap[offset : offset + dtype.itemsize] = False
    # Not through np.save: it copies records field by field into memory that it never cleared.
    start = len(member) - array.nbytes
    records = np.frombuffer(member, np.uint8, offset=start).reshape(-1, array.itemsize).copy()
    records[:, gap] = 0
    return member[:start] + records.tobytes()


def _zip(members: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    # Stored, not deflated: what DEFLATE makes of the same bytes depends on the zlib build.
    with ZipFile(buffer, "w", compression=ZIP_STORED) as archive:
        for name in sorted(members):
            info = ZipInfo(name, date_time=_EPOCH)
            info.create_system = 3
            info.external_attr = 0o644 << 16
            archive.writestr(info, members[name])
    return buffer.getvalue()


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
