"""docs/lint.md has every code that a finding can have, and each is tested where it is found."""

from __future__ import annotations

import re

import pytest

from begat.lineage.lint import CODES
from support import markdown

PAGE = markdown.sections(markdown.text("docs/lint.md"))["Codes"]
#: Where findings of pipelines, and of versions, are tested.
TESTS = {"P": "tests/unit/flows/test_lint.py", "V": "tests/unit/lint/test_version.py"}
ROWS = {
    code: (level, places.split())
    for code, level, places in re.findall(r"^\| `([\w-]+)` \| (\w+) \| ([PV ]+) \|", PAGE, re.M)
}


def test_codes() -> None:
    """The table has every code with its level, and no other."""
    assert {code: level for code, (level, _) in ROWS.items()} == {
        code: kind.level for code, kind in CODES.items()
    }


@pytest.mark.parametrize("where", TESTS)
def test_where_they_are_found(where: str) -> None:
    """What the table says is found in pipelines, or in versions, is what is tested there."""
    tested = {code for code in CODES if f'"{code}"' in markdown.text(TESTS[where])}

    assert {code for code, (_, places) in ROWS.items() if where in places} == tested
