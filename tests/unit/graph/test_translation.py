from __future__ import annotations

import pytest

from begat.lineage.graph.translation import translated


@pytest.mark.parametrize(
    ("sqlite", "postgresql"),
    [
        ("SELECT :a, :a_b1", "SELECT %(a)s, %(a_b1)s"),
        ("SELECT node % 4, x LIKE '%:y'", "SELECT node %% 4, x ILIKE '%%:y'"),
        ("SELECT 'it''s :a', ':b', :c", "SELECT 'it''s :a', ':b', %(c)s"),
        ('SELECT ":a"":b", :c', 'SELECT ":a"":b", %(c)s'),
        ("-- name: x, 'y\nSELECT :a", "-- name: x, 'y\nSELECT %(a)s"),
        ("SELECT /* :a ' */ :b", "SELECT /* :a ' */ %(b)s"),
        ("SELECT a::text, :b", "SELECT a::text, %(b)s"),
        (
            "SELECT value FROM json_each(:names)",
            "SELECT value FROM jsonb_array_elements_text(CAST(%(names)s AS jsonb)) "
            "AS json_each(value)",
        ),
        (
            "SELECT a.value\nFROM json_each(:names) AS a WHERE 1",
            "SELECT a.value\nFROM jsonb_array_elements_text(CAST(%(names)s AS jsonb)) "
            "AS a(value) WHERE 1",
        ),
        (
            "SELECT strftime('%Y-%m-%dT%H:%M:%f000Z', 'now'), :a",
            "SELECT to_char((clock_timestamp()) AT TIME ZONE 'UTC', "
            '\'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\'), %(a)s',
        ),
        (
            "SELECT strftime('%Y-%m-%dT%H:%M:%f000Z', 'now', :later)",
            "SELECT to_char((clock_timestamp() + CAST(%(later)s AS interval)) AT TIME ZONE 'UTC', "
            '\'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\')',
        ),
        ("SELECT instr(body, :a), 'instr('", "SELECT strpos(body, %(a)s), 'instr('"),
    ],
)
def test_translated(sqlite: str, postgresql: str) -> None:
    """Parameters, lists and per cents become psycopg's; what stands in quotes stays as it is."""
    assert translated(sqlite) == postgresql
