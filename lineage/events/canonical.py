"""The canonical form of JSON, which an event's hash is taken over.

Objects have their keys in the order of their code points, no white space, and
only the escapes that JSON demands. Two texts have one canonical form exactly when `parse`
gives one value for both, types included:

- an integer is its digits, however many; `-0` is 0
- a number with a fraction or an exponent is written as Python writes the nearest double, if
  that says the same number (`1.50`, `15e-1` → `1.5`); else its own digits, none lost. So
  1 and 1.0 differ: they are an int and a float to whoever reads the event
- a number that no double says is a `decimal.Decimal` in Python

Refused, by path: a key given twice, NaN and the infinities, U+0000, lone surrogates, keys
that are not strings, and whatever is not JSON. Databases and other readers would take each
of these for something else than the sender meant.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from blake3 import blake3

from ..errors import EventError

#: What JSON lets stand between values.
WHITE = " \t\n\r"
#: Stands in the encoder's output before a number that is not a float; U+0000 is refused
#: everywhere else.
_MARK = "\0"
_SCALARS = frozenset({str, int, float, bool, type(None)})
_MARKED = re.compile(r'"\\u0000([^"]*)"')


def canonical(value: Any) -> str:
    """The canonical JSON text of an event, or of any part of one.

    Raises:
        EventError: something in it is refused; the message names the path.
    """
    return _written(value, keys_are_strings=False)


def _written(value: Any, *, keys_are_strings: bool) -> str:
    try:
        text = _encode(value)
        if not text.isascii():
            text.encode()
    except (TypeError, ValueError, RecursionError, InvalidOperation) as error:
        raise _refusal(value, error) from None
    marked = "\\u0000" in text
    sound = not marked and (keys_are_strings or _has_string_keys(value))
    if not sound and any(True for _ in _refused(value)):
        raise _refusal(value)
    return _MARKED.sub(r"\1", text) if marked else text


def event_hash(event: str | bytes | dict[str, Any]) -> str:
    """`blake3:` and the BLAKE3 digest of an event's canonical form.

    Args:
        event: its JSON text, or what `parse` makes of that.

    Raises:
        EventError: it is not JSON, or holds something that is refused.
    """
    text = canonical(event) if isinstance(event, dict) else read(event)[1]
    return "blake3:" + blake3(text.encode()).hexdigest()


def parse(text: str | bytes) -> dict[str, Any]:
    """The JSON object that `text` says, no digit lost.

    A number that no double says is a `Decimal`; `canonical` writes it, `json.dumps` does not.

    Raises:
        EventError: it is no JSON object, or holds something that is refused.
    """
    return read(text)[0]


def read(text: str | bytes) -> tuple[dict[str, Any], str]:
    """What `text` says, and its canonical form; see `parse` and `canonical`.

    Raises:
        EventError: it is no JSON object, or holds something that is refused.
    """
    if isinstance(text, bytes):
        text = decoded(text)
    value, said, end = read_at(text, len(text) - len(text.lstrip(WHITE)))
    if rest := text[end:].strip(WHITE):
        raise EventError(
            f"not JSON that can be read exactly ({len(rest)} more characters behind its end, at "
            f"character {end}); send one event, or a list of them"
        )
    return value, said


def decoded(text: bytes) -> str:
    """Bytes as the text they are in UTF-8.

    Raises:
        EventError: they are not.
    """
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise EventError(f"not JSON that can be read exactly ({_line(error)}); mend it") from None


def read_at(text: str, start: int) -> tuple[dict[str, Any], str, int]:
    """The JSON object that begins at a place of `text`, its canonical form, and where it ends.

    Raises:
        EventError: there is no JSON object, or it holds something that is refused.
    """
    repeated = False

    def object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal repeated
        found = dict(pairs)
        if len(found) == len(pairs):
            return found
        repeated = True
        return _Repeated(pairs)

    decoder = json.JSONDecoder(object_pairs_hook=object_of, parse_float=_number)
    try:
        value, end = decoder.raw_decode(text, start)
    except (ValueError, RecursionError, InvalidOperation) as error:
        raise EventError(f"not JSON that can be read exactly ({_line(error)}); mend it") from None
    if not isinstance(value, dict):
        raise EventError(f"an event is a JSON object; got one {_kind(value)}")
    if repeated:
        raise _refusal(value)
    # JSON has no keys but strings.
    return value, _written(value, keys_are_strings=True), end


class _Repeated(dict[str, Any]):
    """An object that names a key twice, until it is refused by path."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        keys = [key for key, _ in pairs]
        self.key = next(key for i, key in enumerate(keys) if key in keys[:i])


def _number(literal: str) -> float | Decimal:
    nearest = float(literal)
    if repr(nearest) == literal:
        return nearest
    exact = Decimal(literal)
    return nearest if _says(nearest, exact) else exact


def _says(nearest: float, exact: Decimal) -> bool:
    return math.isfinite(nearest) and Decimal(repr(nearest)) == exact


def _beyond_json(value: object) -> float | str:
    if not isinstance(value, Decimal) or not value.is_finite():
        raise TypeError(f"{type(value).__qualname__} is not JSON")
    nearest = float(value)
    if _says(nearest, value):
        return nearest
    sign, digits, exponent = value.as_tuple()
    text = "".join(map(str, digits))
    kept = text.rstrip("0")
    exponent = int(exponent) + len(text) - len(kept)
    return f"{_MARK}{'-' * sign}{kept.lstrip('0')}e{exponent}"


_encode = json.JSONEncoder(
    ensure_ascii=False,
    allow_nan=False,
    sort_keys=True,
    separators=(",", ":"),
    default=_beyond_json,
).encode


def _has_string_keys(value: object) -> bool:
    # The encoder would write 1, True and None as strings without a word.
    todo = [value]
    for found in todo:
        parts: Iterable[object] = ()
        if isinstance(found, dict):
            try:
                "".join(found)  # takes strings only, and looks at them in C
            except TypeError:
                return False
            parts = found.values()
        elif isinstance(found, (list, tuple)):
            parts = found
        todo += [part for part in parts if type(part) not in _SCALARS]
    return True


def _refusal(value: object, error: Exception | None = None) -> EventError:
    # What refers to itself has no end of paths.
    if not isinstance(error, RecursionError) and "Circular" not in str(error):
        for path, reason in _refused(value):
            return EventError(f"{path or 'the event'} {reason}")
    return EventError(f"the event cannot be written as JSON ({_line(error)}); mend it")


def _refused(value: object) -> Iterator[tuple[str, str]]:
    """Path and reason of what is refused, in the order of the document."""
    todo: list[tuple[str, object]] = [("", value)]
    while todo:
        path, found = todo.pop()
        if isinstance(found, dict):
            if isinstance(found, _Repeated):
                yield path, f"names the key {found.key!r} twice; name it once"
            for key in found:
                reason = _bad_key(key)
                if reason:
                    yield path, reason
            todo += [(_join(path, key), item) for key, item in reversed(found.items())]
        elif isinstance(found, (list, tuple)):
            todo += [(f"{path}[{i}]", found[i]) for i in range(len(found) - 1, -1, -1)]
        elif reason := _bad_scalar(found):
            yield path, reason


def _bad_key(key: object) -> str:
    if not isinstance(key, str):
        return f"has the key {key!r}, {_kind(key)}; JSON's keys are strings"
    reason = _bad_text(key)
    return f"has the key {key!r}, which {reason}" if reason else ""


def _bad_scalar(value: object) -> str:
    if isinstance(value, str):
        return _bad_text(value)
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, int):
        try:
            str(value)
        except ValueError:
            return "is an integer of too many digits; send it as a string"
        return ""
    if isinstance(value, (float, Decimal)):
        # A Decimal beyond the doubles is finite all the same.
        if value.is_finite() if isinstance(value, Decimal) else math.isfinite(value):
            return ""
        return f"is {float(value)}, a number that JSON does not have; send null or leave it out"
    return f"is {_kind(value)}, which JSON does not have; send a string, number, list or object"


def _bad_text(text: str) -> str:
    if "\0" in text:
        return "holds the character U+0000, which databases cut off; leave it out"
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return f"holds the lone surrogate U+{ord(text[error.start]):04X}, half a character; mend it"
    return ""


def _join(path: str, key: object) -> str:
    return f"{path}.{key}" if path else str(key)


def _kind(value: object) -> str:
    return f"of type {type(value).__qualname__}"


def _line(error: BaseException | None) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
