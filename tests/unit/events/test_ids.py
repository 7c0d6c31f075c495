"""Run ids."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from begat.lineage.events import new_id, static_id
from begat.lineage.events.ids import instant_ms_of

INSTANTS = st.integers(0, (1 << 48) - 1)


@given(st.lists(st.text(), min_size=1), INSTANTS)
def test_a_static_id_is_a_uuid_of_version_7(parts: list[str], instant: int) -> None:
    """A static id is a UUID of version 7 in RFC 9562's variant, with the instant in it."""
    found = uuid.UUID(text := static_id(*parts, instant_ms=instant))

    assert (found.version, found.variant, found.int >> 80) == (7, uuid.RFC_4122, instant)
    assert str(found) == text


def test_a_static_id_is_always_the_same() -> None:
    """The same parts have the same id in every process and version of begat."""
    assert static_id("run", "1", "month=2013-01", instant_ms=1) == (
        "00000000-0001-70f9-a691-1190784cc1f9"
    )


@given(st.lists(st.text(), min_size=1), st.lists(st.text(), min_size=1))
def test_other_parts_have_another_id(one: list[str], other: list[str]) -> None:
    """Two lists of parts have one id only if they are one list, wherever the parts are cut."""
    assert (static_id(*one, instant_ms=0) == static_id(*other, instant_ms=0)) == (one == other)


def test_where_parts_are_cut_matters() -> None:
    """`a` and `bc` are another run than `ab` and `c`."""
    assert static_id("a", "bc") != static_id("ab", "c")


@given(INSTANTS, st.booleans())
def test_the_time_of_the_orchestrators_id_is_kept(instant: int, upper: bool) -> None:
    """An id made from a UUIDv7 carries that one's time, so runs sort by when they started."""
    orchestrators = static_id("run", instant_ms=instant)
    orchestrators = orchestrators.upper() if upper else orchestrators

    assert instant_ms_of(static_id(orchestrators, "1")) == instant


@pytest.mark.parametrize(
    "text",
    [
        str(uuid.UUID(int=0, version=4)),
        "00000000-0001-7000-c000-000000000000",  # Microsoft's variant
        "00000000-0001-7000-8000-00000000000",
        "000000000001700080000000000000000000",
        "prefect",
        "",
    ],
)
def test_only_a_uuid_of_version_7_has_a_time(text: str) -> None:
    """Bits of any other id are not taken for a time."""
    assert instant_ms_of(text) is None
    assert instant_ms_of(static_id(text, "1")) == 0


def test_a_static_id_needs_parts() -> None:
    """Without parts there is nothing to identify."""
    with pytest.raises(ValueError, match="at least one part"):
        static_id()


@pytest.mark.parametrize("instant", [-1, 1 << 48])
def test_an_instant_has_48_bits(instant: int) -> None:
    """A time before 1970 or beyond 48 bits is refused, not cut."""
    with pytest.raises(ValueError, match="instant_ms is between"):
        static_id("run", instant_ms=instant)


def test_new_ids_differ() -> None:
    """New ids are UUIDs of version 7, each another."""
    ids = {new_id() for _ in range(1000)}

    assert len(ids) == 1000
    assert {uuid.UUID(text).version for text in ids} == {7}
