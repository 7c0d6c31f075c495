"""What can be read of what was sent is read, and the rest is told by its place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from begat.lineage.errors import EventError
from begat.lineage.events import canonical, reading
from begat.lineage.events.reading import MAX_DEPTH, Read

EVENTS = st.dictionaries(st.text('ab"\\[]{},', max_size=4), st.integers() | st.text('x"]},'))
#: Each is one element of a list whose end brackets tell, and no event.
BAD = (
    *('{"a":1,"a":2}', '{"a":NaN}', '{"a":"\\ud800"}', '{"a":"\\u0000"}', "1", '"x"', "null"),
    *("[]", "[[{}]]", '{"a":tru}', '{"a" 1}', "{'a':1}", '{"a":' + "9" * 5000 + "}"),
    *("nonsense", '{"a":' + "[" * 10_000 + "]" * 10_000 + "}", '{"a":1e}'),
    '{"a":' + "[" * MAX_DEPTH + "]" * MAX_DEPTH + "}",
)


def outcome(found: Read | EventError) -> Any:
    """What was read, or that it was not."""
    return found.event if isinstance(found, Read) else EventError


@given(st.lists(EVENTS), st.sampled_from([None, 1]))
def test_a_list_is_its_events(events: list[dict[str, Any]], indent: int | None) -> None:
    """Each event of a list is read, with its canonical text, whatever the white space."""
    found = list(reading.listed(json.dumps(events, indent=indent)))

    assert [outcome(one) for one in found] == events
    assert [one.text for one in found if isinstance(one, Read)] == [*map(canonical, events)]


@given(EVENTS)
def test_one_event_is_a_list_of_one(event: dict[str, Any]) -> None:
    """A single event needs no brackets."""
    assert [outcome(one) for one in reading.listed(f" {json.dumps(event)}\n")] == [event]


@given(st.lists(st.one_of(EVENTS.map(json.dumps), st.sampled_from(BAD)), min_size=1))
def test_a_bad_event_hides_no_other(texts: list[str]) -> None:
    """Each event of a list is judged by itself, and told by its place."""
    expected = [EventError if text in BAD else json.loads(text) for text in texts]

    assert [outcome(one) for one in reading.listed(f"[{','.join(texts)}]")] == expected


@given(st.lists(st.one_of(EVENTS.map(json.dumps), st.sampled_from(BAD)), min_size=1))
def test_a_bad_line_hides_no_other(texts: list[str]) -> None:
    """Each line is judged by itself, and an empty one is none."""
    expected = [EventError if text in BAD else json.loads(text) for text in texts]
    body = "\r\n\n".join(texts).encode()

    assert [outcome(one) for one in reading.lines(reading.split(body))] == expected


@given(st.text() | st.text('[]{}",: 01\\'), st.integers(0, 3))
def test_any_text_is_read_to_its_end(text: str, events: int) -> None:
    """Whatever follows, what was read before stays read, and every way ends."""
    found = list(reading.listed("[" + '{"a":1},' * events + text))

    assert [outcome(one) for one in found[:events]] == [{"a": 1}] * events


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[{"a":1}', "breaks off"),
        ('[{"a":1} {"b":1}]', "breaks off"),
        ('[{"a":1},', "nothing behind it"),
        ('[{"a":1},{"b":', "nothing behind it"),
        ('[{"a":1}] [2]', "follows the end"),
        ('[{"a":1},]', "nothing behind it"),
    ],
)
def test_a_broken_list_says_where(text: str, said: str) -> None:
    """A list that breaks off gives what came before, and says that the rest is missing."""
    first, last = reading.listed(text)

    assert outcome(first) == {"a": 1}
    assert isinstance(last, EventError)
    assert said in str(last)


def test_bytes_that_are_no_text() -> None:
    """A line that is not UTF-8 is refused alone, with the place."""
    bad, good = reading.lines([b'{"a":"\xff"}', b'{"a":1}'])

    assert isinstance(bad, EventError)
    assert "position 6" in str(bad)
    assert outcome(good) == {"a": 1}


def test_depth() -> None:
    """Nesting is taken to a bound and refused beyond it, whatever the recursion limit is."""
    deep = '{"a":' + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1) + "}"

    assert reading.one(deep).text == deep
    with pytest.raises(EventError, match="deep"):
        reading.one('{"a":' + "[" * MAX_DEPTH + "]" * MAX_DEPTH + "}")
