"""Event texts told apart in files: lines, lists, documents, packed, cut, huge."""

from __future__ import annotations

import gzip
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from begat.lineage.events import files
from begat.lineage.events.files import Found, Reading

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text('ab"\\{}[],: \n', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("k{]", max_size=2), inner),
    max_leaves=8,
)
_EVENTS = st.lists(st.dictionaries(st.text("ab{[", max_size=2), _JSON, max_size=3), max_size=5)


def read(data: bytes) -> list[Found]:
    """Everything that is found in a file."""
    return [*Reading(io.BufferedReader(io.BytesIO(data)))]


def texts(data: bytes) -> list[Any]:
    """What is found, parsed; all of it is whole."""
    found = read(data)
    assert [one.reason for one in found] == [""] * len(found)
    return [json.loads(one.text) for one in found]


@given(events=_EVENTS, indent=st.sampled_from([None, 0, 2]), packed=st.booleans())
def test_forms(events: list[Any], indent: int | None, packed: bool) -> None:
    """A line each, one list, lists of lists' events, documents, packed or not: the same events."""
    lines = "\n\n".join(json.dumps(event) for event in events)
    documents = "\n".join(json.dumps(event, indent=indent) for event in events)
    listed = json.dumps(events, indent=indent)
    forms = [lines, listed, f"{lines}\r\n", f" \n{listed}", f"\ufeff{lines}"]
    forms += [documents] if indent and all(events) else []
    for form in forms:
        data = form.encode()
        assert texts(gzip.compress(data) if packed else data) == events


@given(events=_EVENTS, size=st.integers(1, 30))
def test_pieces(events: list[Any], size: int) -> None:
    """Wherever the bytes of a list are cut when they are read, its events are the same."""
    data = json.dumps(events, ensure_ascii=False).encode()

    class Slow(io.BytesIO):
        def read(self, most: int | None = -1, /) -> bytes:
            return super().read(size)

    assert [json.loads(one.text) for one in files.documents(Slow(data))] == events


def test_lines_are_told() -> None:
    """Each text is told with the line that it begins on, in lines and in documents."""
    assert [one.line for one in read(b'\n{"a": 1}\n\n{"b": 2}\n')] == [2, 4]
    assert [one.line for one in read(b'[\n{"a":\n 1},\n\n{"b": 2}\n]')] == [2, 5]
    assert [one.line for one in read(b'{\n"a": 1\n}\n{\n"b": 2\n}\n')] == [1, 4]


def test_what_is_no_event_stands_alone() -> None:
    """Broken lines and odd elements are told by themselves; what follows them is read."""
    lines = read(b'{"a": "b\n{"c": 1}\nnope\n\xff\n[{"d": 1}, {"e": 2}]\n')
    assert [(one.line, one.text) for one in lines] == [
        (1, b'{"a": "b'),
        (2, b'{"c": 1}'),
        (3, b"nope"),
        (4, b"\xff"),
        (5, b'{"d": 1}'),
        (5, b'{"e": 2}'),
    ]
    listed = read(b'[{"a": 1}, nope, "]",\n3, {"b": tru}, [1], {"c": 2}]')
    assert [(one.line, one.text) for one in listed] == [
        (1, b'{"a": 1}'),
        (1, b'nope, "]",\n3'),
        (2, b'{"b": tru}'),
        (2, b"[1]"),
        (2, b'{"c": 2}'),
    ]


@pytest.mark.parametrize(
    ("data", "whole", "says"),
    [
        (b'[{"a": 1}, {"b": 2', 1, "the file ends in the middle of it"),
        (b'[{"a": 1}, {"b": 2}', 2, "the file ends in the middle of its list"),
        (gzip.compress(b'{"a": 1}\n' * 9)[:-4], 9, "cut short or damaged"),
    ],
    ids=["object", "list", "packed"],
)
def test_cut_files(data: bytes, whole: int, says: str) -> None:
    """A file that ends too early gives what is whole in it, and says so at the end."""
    *before, last = read(data)

    assert (len(before), says in last.reason) == (whole, True)


def test_nothing() -> None:
    """An empty file, and one of blanks, has no events."""
    assert read(b"") == read(b" \n\r\n") == read(gzip.compress(b"")) == []


def test_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is longer than any event is told and not held; the lines behind it are read."""
    monkeypatch.setattr(files, "LONGEST", 100)
    monkeypatch.setattr(files, "_READ", 16)
    long = b'{"a": "' + b"x" * 1000 + b'"}'
    found = read(b'{"b": 1}\n' + long + b'\n{"c": 2}\n')

    assert [(one.line, bool(one.reason)) for one in found] == [(1, False), (2, True), (3, False)]
    listed = read(b'[{"b": 1}, ' + long + b"]")
    assert [bool(one.reason) for one in listed] == [False, True]


def test_deep_nesting() -> None:
    """Brackets without end take no stack."""
    deep = b'{"a":' * 100_000 + b"1" + b"}" * 100_000

    assert [one.text for one in read(b"[" + deep + b"]")] == [deep]
