from __future__ import annotations

import re

from support import markdown

#: Rows of each group, by the letter of their names; C7 is a figure.
ROWS = {"M": 9, "G": 10, "K": 8, "O": 6, "C": 8}
FURTHER = {"L7", "L8", "V10"}


def test_each_row_has_what_does_it() -> None:
    """Every row of the groups is in the table once, with a command or a page behind it."""
    page = markdown.text("docs/mission.md")
    rows = re.findall(r"^\| ([A-Z]\d+) \|[^|]+\|([^|]+)\|$", page, re.MULTILINE)
    wanted = {f"{letter}{n + 1}" for letter, count in ROWS.items() for n in range(count)}

    assert sorted(name for name, _ in rows) == sorted((wanted | FURTHER) - {"C7"})
    assert all("`" in how or "](" in how for _, how in rows)
