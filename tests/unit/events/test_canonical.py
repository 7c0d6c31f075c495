"""The canonical form of events."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from begat.lineage.errors import EventError, UserError
from begat.lineage.events import canonical, event_hash, parse

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=20
)
EVENTS = st.dictionaries(TEXT, VALUES)
LITERALS = st.from_regex(
    r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?(e[+-]?[0-9]{1,3})?", fullmatch=True
)


def shuffled(value: Any) -> Any:
    """The value with every object's keys in the opposite order."""
    if isinstance(value, dict):
        return {key: shuffled(value[key]) for key in reversed(value)}
    return [shuffled(item) for item in value] if isinstance(value, list) else value


def typed(value: Any) -> Any:
    """The value, such that 1, 1.0 and True, and 0.0 and -0.0, differ."""
    if isinstance(value, dict):
        return {key: typed(item) for key, item in value.items()}
    return [typed(item) for item in value] if isinstance(value, list) else repr(value)


@given(EVENTS)
def test_key_order_does_not_matter(event: dict[str, Any]) -> None:
    """An event's hash is the same in whatever order its keys come."""
    assert event_hash(shuffled(event)) == event_hash(event)


@given(EVENTS)
def test_a_round_trip_changes_nothing(event: dict[str, Any]) -> None:
    """The canonical form says the event, and is its own canonical form."""
    text = canonical(event)

    assert typed(parse(text)) == typed(event)
    assert canonical(parse(text)) == text


@given(EVENTS)
def test_text_and_value_have_one_hash(event: dict[str, Any]) -> None:
    """White space, escapes and the form of the text change nothing."""
    spelled = json.dumps(event, indent=3, ensure_ascii=True)

    assert event_hash(spelled) == event_hash(spelled.encode()) == event_hash(event)


@given(EVENTS, EVENTS)
def test_other_values_have_other_hashes(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Two events have one hash only if they are one value, types included."""
    assert (event_hash(one) == event_hash(other)) == (typed(one) == typed(other))


@given(LITERALS, LITERALS)
def test_numbers_keep_every_digit(one: str, other: str) -> None:
    """Literals with fraction or exponent have one hash exactly if they are one number."""
    one, other = (text if "." in text or "e" in text else f"{text}.0" for text in (one, other))
    same = Decimal(one) == Decimal(other)
    if same and not Decimal(one):  # 0.0 and -0.0 are two doubles
        same = Decimal(one).is_signed() == Decimal(other).is_signed()

    assert (event_hash(f'{{"x":{one}}}') == event_hash(f'{{"x":{other}}}')) == same


@given(LITERALS)
def test_numbers_survive_a_round_trip(literal: str) -> None:
    """A number is the same number after reading and writing."""
    event = parse(f'{{"x":{literal}}}')

    assert Decimal(str(parse(canonical(event))["x"])) == Decimal(literal)


@pytest.mark.parametrize(
    ("literal", "expected"),
    [
        ("1", "1"),
        ("-0", "0"),
        ("1.0", "1.0"),
        ("1.500", "1.5"),
        ("15e-1", "1.5"),
        ("-0.0", "-0.0"),
        ("1E2", "100.0"),
        ("1e23", "1e+23"),
        ("12345678901234567890123", "12345678901234567890123"),
        ("0.1000000000000000055511151231257827", "1000000000000000055511151231257827e-34"),
        ("-1e400", "-1e400"),
        ("12.50e400", "125e399"),
        ("1e-400", "1e-400"),
    ],
)
def test_the_canonical_form_of_numbers(literal: str, expected: str) -> None:
    """Integers are their digits, others as Python writes the double that says them, if any."""
    assert canonical(parse(f'{{"x":{literal}}}')) == f'{{"x":{expected}}}'


def test_the_hash_is_always_the_same() -> None:
    """An event has the same hash in every process and version of begat."""
    assert event_hash({"eventType": "START", "é": [1, 2.5, None, True, "\n"]}) == (
        "blake3:048065db8b3483da141d97146afaf02052765dac01c04cf1c267e70d2e871e6f"
    )


def test_keys_sort_by_code_point() -> None:
    """Keys are in the order of their code points, not of UTF-16's units."""
    assert canonical({"😀": 1, "ﬁ": 2, "a": 3}) == '{"a":3,"ﬁ":2,"😀":1}'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"run":{"facets":{"a":1,"a":1}}}', "run.facets names the key 'a' twice"),
        ('{"a":1,"b":2,"a":3}', "the event names the key 'a' twice"),
        ('{"inputs":[{},{"x":NaN}]}', "inputs[1].x is nan"),
        ('{"x":-Infinity}', "x is -inf"),
        ('{"x":["a\\u0000b"]}', "x[0] holds the character U+0000"),
        ('{"a":{"b\\u0000":1}}', "a has the key 'b\\x00', which holds the character U+0000"),
        ('{"x":"\\ud800"}', "x holds the lone surrogate U+D800"),
        ('{"\\udfff":1}', "the event has the key '\\udfff', which holds the lone surrogate"),
        ('{"x":1', "not JSON"),
        ('{"x":' + "1" * 5000 + "}", "not JSON that can be read exactly"),
        ('{"x":1e99999999999999999999}', "not JSON that can be read exactly"),
        ('{"x":' + "[" * 100_000 + "]" * 100_000 + "}", "not JSON that can be read exactly"),
        ("[]", "an event is a JSON object; got one of type list"),
        ("", "not JSON"),
    ],
)
def test_what_a_text_must_not_hold(text: str, expected: str) -> None:
    """A text that readers could take for different things is refused, by path."""
    with pytest.raises(EventError) as caught:
        parse(text)

    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": {1: 2}}, "a has the key 1, of type int"),
        ({1: 1, "1": 2}, "the event has the key 1, of type int"),
        ({"a": [{None: 1}]}, "a[0] has the key None"),
        ({"x": float("nan")}, "x is nan"),
        ({"x": Decimal("-Infinity")}, "x is -inf"),
        ({"x": b"bytes"}, "x is of type bytes"),
        ({"x": np.int64(1)}, "x is of type int64"),
        ({"x": {"y": {1}}}, "x.y is of type set"),
        ({"x": 10**5000}, "x is an integer of too many digits"),
        ({"x": ("\udc80",)}, "x[0] holds the lone surrogate U+DC80"),
    ],
)
def test_what_a_value_must_not_hold(value: Any, expected: str) -> None:
    """A Python value that JSON cannot say is refused, by path, not written as something else."""
    with pytest.raises(UserError) as caught:
        canonical(value)

    assert expected in str(caught.value)


def test_what_refers_to_itself_is_refused() -> None:
    """A value that holds itself has no text."""
    value: dict[str, Any] = {}
    value["self"] = [value]

    with pytest.raises(EventError, match="cannot be written as JSON"):
        canonical(value)


def test_bytes_that_are_not_utf_8_are_refused() -> None:
    """Bytes in another encoding are not guessed at."""
    with pytest.raises(EventError, match="not JSON"):
        parse(b'{"x":"\xe9"}')


@pytest.mark.parametrize("text", ["\\u0000", '"\\u0000', 'x"\\u00001e400"', "\\ud800"])
def test_text_that_looks_like_an_escape_is_text(text: str) -> None:
    """A backslash and what follows it are characters like any other, beside exact numbers too."""
    event = {"text": text, "number": Decimal("1e400")}

    assert parse(canonical(event)) == event
