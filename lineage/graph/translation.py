"""Statements as PostgreSQL's driver reads them: they are written once, as SQLite does."""

from __future__ import annotations

import functools
import re

#: What is left alone but for its per cents, and what is written otherwise.
_PART = re.compile(
    r"""
      (?P<clock> strftime\('%Y-%m-%dT%H:%M:%f000Z',[ ]'now'(?:,[ ]:(?P<later>\w+))?\))
    | (?P<literal> '(?:[^']|'')*' | "(?:[^"]|"")*" | --[^\n]* | /\*.*?\*/ | ::)
    | \bjson_each\(:(?P<list>\w+)\)(?:\s+AS\s+(?P<alias>\w+))?
    | \b(?P<instr>instr)(?=\()
    | \b(?P<like>LIKE)\b
    | :(?P<name>\w+)
    | %
    """,
    re.VERBOSE | re.DOTALL,
)


@functools.lru_cache(maxsize=1024)
def translated(sql: str) -> str:
    """A statement with PostgreSQL's functions and psycopg's parameters.

    >>> translated("SELECT id % 4 FROM run WHERE uuid = :uuid AND kind != ':a'")
    "SELECT id %% 4 FROM run WHERE uuid = %(uuid)s AND kind != ':a'"
    """
    return _PART.sub(_other, sql)


def _other(part: re.Match[str]) -> str:
    if part["clock"]:
        # Not the time at which the transaction began: it may have waited for its turn.
        then = f" + CAST(%({part['later']})s AS interval)" if part["later"] else ""
        utc = f"(clock_timestamp(){then}) AT TIME ZONE 'UTC'"
        return f'to_char({utc}, \'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\')'
    if name := part["list"]:
        unfolded = f"jsonb_array_elements_text(CAST(%({name})s AS jsonb))"
        return f"{unfolded} AS {part['alias'] or 'json_each'}(value)"
    if name := part["name"]:
        return f"%({name})s"
    if part["instr"]:
        return "strpos"
    if part["like"]:
        return "ILIKE"  # capitals or not, as SQLite's
    return part[0].replace("%", "%%")
