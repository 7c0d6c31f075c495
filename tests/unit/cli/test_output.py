from __future__ import annotations

import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from begat.lineage.cli import output

#: Text as names and numbers are printed; rich takes tabs and control characters for its own.
WORDS = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=200)
PARTS = st.lists(WORDS | st.tuples(WORDS, st.sampled_from(["bold", "bold green", "dim"])))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=PARTS, stderr=st.booleans())
def test_a_line_for_a_file_is_what_rich_would_print(
    capsys: pytest.CaptureFixture[str], parts: list[str | tuple[str, str]], stderr: bool
) -> None:
    """Where nothing is styled, the text is all there is, however long."""
    output.say(*parts, stderr=stderr)
    said = capsys.readouterr()
    output.console(stderr=stderr).print(output.label(*parts))

    assert said == capsys.readouterr()


def test_a_line_is_styled_where_it_is_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a terminal, so with FORCE_COLOR."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    output.say(("delays@1", "bold"), "  done")

    assert capsys.readouterr().out == "\x1b[1mdelays@1\x1b[0m  done\n"


def test_a_stream_that_is_closed_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process may have none at all."""
    monkeypatch.setattr(sys, "stdout", None)

    assert not output._may_style(stderr=False)
