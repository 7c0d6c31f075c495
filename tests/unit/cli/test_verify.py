"""What `begat verify` prints."""

from __future__ import annotations

import pytest

from begat.lineage.cli import verify
from begat.lineage.verify import Finding, Report


def test_first_screen(capsys: pytest.CaptureFixture[str]) -> None:
    """Of thousands of findings the first stand below what they come to, and the rest is counted."""
    findings = tuple(
        Finding(kind="object", state="missing", name=f"part {number}", says="is gone")
        for number in range(3000)
    )
    verify.print_report(
        Report(ref="rides@1", findings=findings, refused=("why",) * 3000), "nothing hashed"
    )
    lines = capsys.readouterr().out.splitlines()
    at = lines.index("rides@1 is not sound: 3000 missing")

    assert at == verify.LINES + 1
    assert lines[at - 1] == "  and 2960 more not restored; --json lists all"
    assert lines[-2] == "  and 2960 more not sound; --json lists all"
    assert len(lines) == 3 * verify.LINES + 4
