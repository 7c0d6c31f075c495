"""Findings, and which of them count."""

from __future__ import annotations

import re

import pytest

from begat.lineage.errors import ParameterError
from begat.lineage.lint import CODES, counting, found
from begat.lineage.lint.findings import LEVELS, ordered

ALL = tuple(found(code, "what", "where") for code in CODES)


def test_codes() -> None:
    """Codes are words, each with a level and a remedy."""
    assert [code for code in CODES if not re.fullmatch(r"[a-z]+(-[a-z]+)*", code)] == []
    assert {kind.level for kind in CODES.values()} == set(LEVELS)
    assert all(kind.remedy for kind in CODES.values())


@pytest.mark.parametrize(
    ("strict", "levels"), [(False, {"error"}), (True, {"error", "warning"})], ids=["not", "strict"]
)
def test_levels_that_count(strict: bool, levels: set[str]) -> None:
    """Errors count; warnings if one is strict; info never."""
    assert {one.level for one in counting(ALL, strict=strict)} == levels


def test_codes_that_are_ignored() -> None:
    """What is ignored does not count, and what is no code is refused."""
    assert "latest" not in {one.code for one in counting(ALL, ignore=["latest"])}
    with pytest.raises(ParameterError, match="'last'"):
        counting((), ignore=["last"])


def test_order() -> None:
    """Each is told once, errors first."""
    told = ordered([*ALL, *ALL])

    assert sorted(told, key=lambda one: LEVELS.index(one.level)) == list(told)
    assert len(told) == len(ALL)
